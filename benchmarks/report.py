"""What was measured, as text for a terminal and as Markdown."""

from __future__ import annotations

from benchmarks.side_by_side import Left, Measured
from benchmarks.targets.row import Row


def line(row: Row) -> str:
    """A row of the goals for a terminal."""
    return f"{row.number:4} {row.what:58} {row.goal:26} {row.measured:36} {'held' if row.held else 'NOT held'}"


def peer_line(result: Measured | Left) -> str:
    """What one step of one tool took, for a terminal."""
    if isinstance(result, Left):
        return f"{result.shape:12} {result.peer:10} not measured: {result.why}"
    cost = result.cost
    return (
        f"{result.shape:12} {result.peer:10} {result.step:6} {cost.seconds:8.2f} s  cpu {cost.cpu_seconds:8.2f} s  "
        f"memory {cost.peak_bytes / 1e6:8.1f} MB  disk {result.grown_bytes / 1e6:+10.2f} MB"
    )
