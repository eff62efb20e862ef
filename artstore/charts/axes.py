"""Scales of a chart: where a value lies, which values are marked, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_FEW_DECADES = 2.5
_MOST_DECADES = 9
_ABOUT = 6
"""How many marks a linear axis has, about."""


class Axis(NamedTuple):
    """One scale from its least to its greatest value."""

    low: float
    high: float
    log: bool
    whole: bool = False
    """Whether only whole numbers are marked."""

    def part(self, value: float) -> float:
        """Where a value lies, from 0 at the lower end to 1 at the upper one."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """The values to mark, in order: decades, with 2 and 5 between them where they are few, or round steps."""
        if not self.log:
            return self._round_steps()
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        between = (1, 2, 5) if math.log10(self.high / self.low) < _FEW_DECADES else (1,)
        every = 1 + (last - first) // _MOST_DECADES
        found = [digit * 10.0**decade for decade in range(first, last + 1, every) for digit in between]
        inside = [value for value in found if self._holds(value)]
        return inside if len(inside) > 1 else self._round_steps()

    def _round_steps(self) -> list[float]:
        rough = (self.high - self.low) / _ABOUT
        decade = 10.0 ** math.floor(math.log10(rough))
        step = next(decade * digit for digit in (1, 2, 5, 10) if decade * digit >= rough)
        if self.whole:
            step = max(1.0, step)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def _holds(self, value: float) -> bool:
        return self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)


def log_axis(values: Iterable[float]) -> Axis:
    """A logarithmic axis with a little air around values, all of them above 0."""
    known = list(values)
    low, high = min(known), max(known)
    air = max((high / low) ** 0.04, 1.15)
    return Axis(low / air, high * air, True)


def linear_axis(values: Iterable[float], *, from_zero: bool) -> Axis:
    """A linear axis with a little air above values; from 0, or as far below it as they go."""
    known = list(values)
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    air = (high - low) * 0.04 or max(abs(high) * 0.1, 1.0)
    whole = all(float(value).is_integer() for value in known)
    return Axis(low if from_zero and low == 0 else low - air, high + air, False, whole)


def number(value: float) -> str:
    """A number in few characters.

    >>> [number(each) for each in (0, 0.05, 3, 1536, 250_000_000)]
    ['0', '0.05', '3', '1.54k', '250M']
    """
    for unit, prefix in _PREFIXES:
        # What would be rounded up to a thousand of one unit is one of the next.
        if abs(value) >= unit * 0.9995:
            return f"{value / unit:.3g}{prefix}"
    return f"{value:.3g}"
