"""`artstore sql`: run a read-only SQL query, for questions that no verb answers."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _open, _options
from artstore.runtime import terminal


@click.command(
    "sql",
    epilog=_options.examples(
        'artstore sql "select version, size from artifact_versions order by size desc"',
        "artstore sql \"select run, max(value) from artifact_metrics where metric = 'accuracy' group by run\"",
        "artstore sql \"select collection, version from artifact_entries where path = 'cat.jpg'\" --json",
    ),
)
@click.argument("query")
@_options.store_option
@_options.json_option
def command(query: str, store: Path | None, as_json: bool) -> None:
    """Run a read-only SQL query.

    These views are meant for this. The tables below them may change in any release.

    \b
    artifact_versions  every version, with its aliases, tags, metadata and sizes
    artifact_entries   every path of every version
    artifact_links     where versions are linked, and as what
    artifact_runs      every run, with its config and summary
    artifact_metrics   every number that a run logged at a step
    artifact_edges     which run used or produced which version, and which version references which
    artifact_events    every change of the store, and who made it
    """
    if not query.strip():
        raise click.UsageError('The query is empty: pass one, as in artstore sql "select * from artifact_versions"')
    with _open.open_store(store) as opened:
        rows = opened.sql(query)
    if as_json:
        _format.print_json_list({column: _plain(value) for column, value in row.items()} for row in rows)
    elif rows:
        columns = list(rows[0])
        right = [column for column in columns if all(isinstance(row[column], int | float) for row in rows)]
        rows_of_text = [["" if value is None else str(_plain(value)) for value in row.values()] for row in rows]
        _format.print_lines(_format.table(columns, rows_of_text, right=right))
    else:
        terminal.note("no rows")


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
