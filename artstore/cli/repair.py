"""`artstore repair`: heal damaged content with good copies from elsewhere, and keep the rest from being reused."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _findings, _format, _open, _options
from artstore.runtime import terminal


@click.command(
    "repair",
    epilog=_options.examples(
        "artstore repair --from /mnt/disk/animals-backup",
        "artstore repair --from images --dry-run",
        "artstore repair --quarantine",
    ),
)
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    type=click.Path(path_type=Path),
    help="A backup, another store, or a folder with the files that were stored.",
)
@click.option("--quarantine", is_flag=True, help="Keep what cannot be healed from being reused by new versions.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@_options.store_option
@_options.json_option
def command(source: Path | None, quarantine: bool, dry_run: bool, store: Path | None, as_json: bool) -> None:
    """Look for damaged content, and store good copies of it again that SOURCE has.

    A chunk in quarantine stays where it is, but new versions do not reuse it: when a file with that content is added,
    it is stored again, which also heals the versions that have it.

    Damaged rows of the catalog are healed from a backup or copy of this store, unless they changed after it was made.
    Of a row in quarantine, values that cannot be understood are put aside, so that the rest of the store can be used.
    While rows in quarantine may need content, rm and gc free none.

    The exit code is 1 if anything is still damaged.
    """
    if source is None and not quarantine:
        raise click.UsageError("Give --from SOURCE, --quarantine, or both.")
    with _open.open_store(store) as opened:
        result = opened.repair(source, quarantine=quarantine, dry_run=dry_run, progress=terminal.progress())
    if as_json:
        done = {"dry_run": dry_run, "healed_chunks": result.healed, "healed_bytes": result.bytes}
        done |= {"quarantined_chunks": result.quarantined, "healed_rows": result.healed_rows}
        done["quarantined_rows"] = result.quarantined_rows
        _format.print_json({**done, **_findings.as_json(result.findings)})
    else:
        would = "would be " if dry_run else ""
        total = f"{_format.counted(result.healed, 'chunk', 'chunks')} {would}healed, {_format.size(result.bytes)}"
        if result.healed_rows:
            total += f"; {_format.counted(result.healed_rows, 'row', 'rows')} {would}healed"
        if quarantine:
            total += f"; {_format.counted(result.quarantined, 'chunk', 'chunks')}"
            if result.quarantined_rows:
                total += f" and {_format.counted(result.quarantined_rows, 'row', 'rows')}"
            total += f" {would}put into quarantine"
        _findings.print_lines(result.findings, total)
    if result.findings:
        raise click.exceptions.Exit(1)
