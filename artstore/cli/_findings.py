"""Print damage that a verb found: each finding with the entries that it harms, and the versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from artstore.cli import _format
from artstore.runtime import terminal

if TYPE_CHECKING:
    from artstore.operations.findings import Finding


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings, and the versions that they harm, for JSON."""
    listed = [{"what": finding.what, "harms": [harm._asdict() for harm in finding.harms]} for finding in findings]
    return {"findings": listed, "harmed": _harmed(findings)}


def print_lines(findings: Sequence[Finding], total: str | None = None) -> None:
    """Print findings, then a line with the total if given, then the versions that they harm."""
    for finding in findings:
        _format.echo(terminal.visible(finding.what))
        _format.print_lines(terminal.visible(f"    {harm.version}  {harm.path}") for harm in finding.harms)
    if total is not None:
        _format.echo(total)
    if harmed := _harmed(findings):
        _format.echo(terminal.visible(f"harmed: {', '.join(harmed)}"))


def _harmed(findings: Sequence[Finding]) -> list[str]:
    return sorted({harm.version for finding in findings for harm in finding.harms})
