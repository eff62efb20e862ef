"""How much `make torture` tries. ARTSTORE_TORTURE multiplies all of it: 0.1 for a tenth."""

from __future__ import annotations

import os
from typing import NamedTuple

SCALE = float(os.environ.get("ARTSTORE_TORTURE", "1"))


class Budget(NamedTuple):
    """The numbers of cases, and seconds."""

    kills: int
    """Rounds in which a process is killed, over all deeds."""
    chances: int
    """Lenient cuts of the power at each call."""
    seconds: float
    """How long sixteen processes work beside a model."""
    hostile: int
    """Hostile stores made by chance."""


BUDGET = Budget(
    kills=round(2000 * SCALE), chances=max(1, round(SCALE)), seconds=600 * SCALE, hostile=round(3000 * SCALE)
)
