"""Smooth a curve."""

from __future__ import annotations

from collections.abc import Sequence


def smoothed(points: Sequence[tuple[float, float]], weight: float) -> list[tuple[float, float]]:
    """Return the exponential moving average of points, without the pull to 0 at its beginning.

    `weight`, from 0 to below 1, is the weight of what came before.
    """
    average, total, share = [], 0.0, 0.0
    for step, value in points:
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        average.append((step, total / share))
    return average
