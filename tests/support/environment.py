"""Tests do not depend on the environment variables that they are run with, nor on stores above their folders."""

from __future__ import annotations

import os

import pytest

from artstore.tracking import location


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every variable that artstore reads as a setting, except the end of the search for stores."""
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")) and name != location.CEILING:
            monkeypatch.delenv(name)
