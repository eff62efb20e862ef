"""Axes of a chart: positions of values, ticks, and the format of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_FEW_DECADES = 2.5
_MOST_DECADES = 9
_LINEAR_TICKS = 6
"""The approximate number of ticks on a linear axis."""


class Axis(NamedTuple):
    """An axis, from its smallest to its largest value."""

    low: float
    high: float
    log: bool
    whole: bool = False
    """Whether ticks are whole numbers only."""

    def position(self, value: float) -> float:
        """Return the position of a value: 0 at the lower end, 1 at the upper end."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return the values of the ticks in order: decades, with 2 and 5 between if they are few, or round steps."""
        if not self.log:
            return self._round_steps()
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        digits = (1, 2, 5) if math.log10(self.high / self.low) < _FEW_DECADES else (1,)
        every = 1 + (last - first) // _MOST_DECADES
        candidates = [digit * 10.0**decade for decade in range(first, last + 1, every) for digit in digits]
        inside = [value for value in candidates if self._holds(value)]
        return inside if len(inside) > 1 else self._round_steps()

    def _round_steps(self) -> list[float]:
        rough = (self.high - self.low) / _LINEAR_TICKS
        decade = 10.0 ** math.floor(math.log10(rough))
        step = next(decade * digit for digit in (1, 2, 5, 10) if decade * digit >= rough)
        if self.whole:
            step = max(1.0, step)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def _holds(self, value: float) -> bool:
        return self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)


def log_axis(values: Iterable[float]) -> Axis:
    """Return a logarithmic axis with a margin around the values, which must be above 0."""
    listed = list(values)
    low, high = min(listed), max(listed)
    margin = max((high / low) ** 0.04, 1.15)
    return Axis(low / margin, high * margin, True)


def linear_axis(values: Iterable[float], *, from_zero: bool) -> Axis:
    """Return a linear axis with a margin around the values; `from_zero` includes 0."""
    listed = list(values)
    low, high = min(listed), max(listed)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = (high - low) * 0.04 or max(abs(high) * 0.1, 1.0)
    whole = all(float(value).is_integer() for value in listed)
    return Axis(low if from_zero and low == 0 else low - margin, high + margin, False, whole)


def number(value: float) -> str:
    """Format a number in few characters.

    >>> [number(value) for value in (0, 0.05, 3, 1536, 250_000_000)]
    ['0', '0.05', '3', '1.54k', '250M']
    """
    for unit, prefix in _PREFIXES:
        # A value that would round up to a thousand of one unit is one of the next unit.
        if abs(value) >= unit * 0.9995:
            return f"{value / unit:.3g}{prefix}"
    return f"{value:.3g}"
