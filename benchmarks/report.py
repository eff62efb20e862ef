"""What was measured, as text for a terminal and as Markdown."""

from __future__ import annotations

from benchmarks.targets.row import Row


def line(row: Row) -> str:
    """A row of the goals for a terminal."""
    return f"{row.number:4} {row.what:58} {row.goal:26} {row.measured:36} {'held' if row.held else 'NOT held'}"
