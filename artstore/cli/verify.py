"""`artstore verify`: read the whole store again and report damage."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _findings, _format, _open, _options
from artstore.runtime import terminal


@click.command("verify", epilog=_options.examples("artstore verify", "artstore verify --head HASH"))
@click.option(
    "--head",
    metavar="HASH",
    help="A head that `artstore backup` printed: check that the history up to it was not rewritten.",
)
@_options.store_option
@_options.json_option
def command(head: str | None, store: Path | None, as_json: bool) -> None:
    """Read the whole store again; name each damaged entry and every version that it harms.

    The exit code is 1 if anything is damaged.
    """
    with _open.open_store(store) as opened:
        report = opened.verify(head=head, progress=terminal.progress())
    if as_json:
        counts = {"versions": report.versions, "chunks": report.chunks, "bytes": report.bytes, "head": report.head}
        _format.print_json({"ok": report.ok, **counts, **_findings.as_json(report.findings)})
    else:
        versions = _format.counted(report.versions, "version", "versions")
        read = f"{versions}, {_format.counted(report.chunks, 'chunk', 'chunks')}, {_format.size(report.bytes)} read"
        found = _format.counted(len(report.findings), "finding", "findings")
        _findings.print_lines(report.findings, f"ok: {read}" if report.ok else f"{found}; {read}")
    if not report.ok:
        raise click.exceptions.Exit(1)
