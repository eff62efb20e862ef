"""Figures of the harnesses that attack stores: how many cases they tried, and how many were wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.support.kill_points import summary

NAME = "figures"
Record: TypeAlias = Callable[[str, object], None]
"""pytest's fixture `record_property`."""


@dataclass
class Figures:
    """How many cases a harness tried, and what was wrong."""

    tried: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def count(self, kind: str) -> None:
        self.tried[kind] = self.tried.get(kind, 0) + 1

    def fail(self, case: str, error: Exception) -> None:
        self.wrong.append(f"{case}: {summary(error)}")

    def report(self, record_property: Record, what: str) -> None:
        """Have the figures printed at the end of all tests, and fail if something was wrong."""
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(self.tried.items()))
        record_property(NAME, f"{what}: {parts}; wrong: {len(self.wrong)}")
        assert not self.wrong, "\n".join(self.wrong)
