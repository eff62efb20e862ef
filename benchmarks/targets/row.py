"""Rows of the table of goals."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.measurement import Pair, Spent


class Row(NamedTuple):
    """One measurement of a goal."""

    number: str
    """The number of the goal: P1 to P13."""
    description: str
    goal: str
    measured: str
    held: bool


def ratio(number: str, description: str, pair: Pair, goal: float, anchor: str) -> Row:
    """Return the row of a goal that is a multiple of the anchor's time. The processor time of both is shown, too."""
    return Row(
        number,
        description,
        f"<= {goal:g} x {anchor}",
        f"{pair.ratio:.2f} x ({_spent(pair.ours)} against {_spent(pair.anchor)})",
        pair.ratio <= goal,
    )


def seconds(number: str, description: str, measured: float, goal: float) -> Row:
    """Return the row of a goal that is a time."""
    return Row(number, description, f"<= {_seconds(goal)}", _seconds(measured), measured <= goal)


def count(number: str, description: str, measured: float, goal: float, unit: str) -> Row:
    """Return the row of a goal that is a count or an amount."""
    return Row(number, description, f"<= {goal:g} {unit}", f"{measured:.4g} {unit}", measured <= goal)


def _spent(spent: Spent) -> str:
    return f"{_seconds(spent.seconds)}, CPU {_seconds(spent.cpu_seconds)}"


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.2f} s"
