"""Tests do not depend on the environment variables that they are run with."""

from __future__ import annotations

import os

import pytest


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every variable that artstore reads as a setting."""
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
