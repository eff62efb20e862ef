"""One line of the table of goals."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.measuring import Pair


class Row(NamedTuple):
    """One measurement that a goal asks for."""

    number: str
    """Of the goal: P1 to P13."""
    what: str
    goal: str
    measured: str
    held: bool


def ratio(number: str, what: str, pair: Pair, goal: float, anchor: str) -> Row:
    """A goal that is a multiple of what something else takes."""
    return Row(
        number,
        what,
        f"<= {goal:g} x {anchor}",
        f"{pair.ratio:.2f} x ({_seconds(pair.ours)} beside {_seconds(pair.anchor)})",
        pair.ratio <= goal,
    )


def seconds(number: str, what: str, took: float, goal: float) -> Row:
    """A goal that is a time."""
    return Row(number, what, f"<= {_seconds(goal)}", _seconds(took), took <= goal)


def count(number: str, what: str, found: float, goal: float, unit: str) -> Row:
    """A goal that is a number of something."""
    return Row(number, what, f"<= {goal:g} {unit}", f"{found:.4g} {unit}", found <= goal)


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.2f} s"
