"""`artstore pending`: list, finish or drop versions that parallel runs build by upserts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.versions import Pending
from artstore.runtime import terminal
from artstore.store import Store

_RUNS_SHOWN = 3


@click.command(
    "pending",
    epilog=_options.examples(
        "artstore pending",
        "artstore pending animals --finish --alias best",
        "artstore pending animals --id night-17 --drop --dry-run",
    ),
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=_completion.collections)
@click.option("--id", "distributed_id", metavar="ID", help="The group or distributed_id, if there are several.")
@click.option("--finish", is_flag=True, help="Make it a version.")
@click.option(
    "--alias", "aliases", metavar="A", multiple=True, help="With --finish: point this alias at it. Repeatable."
)
@click.option("--force", is_flag=True, help="With --finish: also set protected aliases.")
@click.option("--drop", is_flag=True, help="Drop it and free what only it needs.")
@click.option("--dry-run", is_flag=True, help="Only show what --drop would free.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_options.any_project_option
@_options.store_option
@_options.json_option
def command(
    name: str | None,
    distributed_id: str | None,
    finish: bool,
    aliases: tuple[str, ...],
    force: bool,
    drop: bool,
    dry_run: bool,
    yes: bool,
    project: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """List the versions that parallel runs build together and that are not finished; finish or drop one.

    A pending version has every upsert that was acknowledged, even if its writer has crashed since: --finish makes it a
    version. --drop first shows what would be dropped, then asks. Without a terminal to ask on, nothing is dropped
    unless --yes is given, and the exit code is 1.
    """
    if finish and drop:
        raise click.UsageError("Use --finish or --drop, not both.")
    if (finish or drop) and name is None:
        raise click.UsageError("Which one? Name its collection, as in: artstore pending animals --finish")
    with _open.open_store(store) as opened:
        pending = _selected(opened, name, project, distributed_id)
        if finish:
            version = opened.finish(_only(opened, pending, name), aliases=aliases, force=force)
            if as_json:
                _format.print_json(_format.version_data(version))
            else:
                entries = _format.counted(version.entries, "entry", "entries")
                _format.echo(f"{_format.name(version)}  {entries}  {_format.size(version.size)}")
        elif drop:
            _drop(opened, _only(opened, pending, name), dry_run=dry_run, yes=yes, as_json=as_json)
        elif as_json:
            _format.print_json_list(map(_data, pending))
        elif pending:
            _format.print_lines(_table(pending))
        else:
            terminal.note(f"nothing is pending{_elsewhere(opened, name)}")


def _selected(store: Store, name: str | None, project: str | None, distributed_id: str | None) -> list[Pending]:
    collection = None
    if name is not None:
        project, collection = _options.named_collection(name, project)
    listed = store.pending(collection, project=project)
    return [pending for pending in listed if distributed_id is None or pending.distributed_id == distributed_id]


def _only(store: Store, selected: Sequence[Pending], name: str | None) -> Pending:
    if not selected:
        raise click.UsageError(f"Nothing is pending in {name}{_elsewhere(store, name)}: see `artstore pending`.")
    if len(selected) > 1:
        ids = ", ".join(pending.distributed_id for pending in selected)
        raise click.UsageError(f"Which one of {name}? Pass its --id, one of: {ids}")
    return selected[0]


def _elsewhere(store: Store, name: str | None) -> str:
    """Describe the pending versions of this name in other projects or under other ids."""
    collection = None if name is None else _options.named_collection(name, None)[1]
    others = [] if collection is None else store.pending(collection)
    ids = ", ".join(f"{pending.project}/{pending.collection} ({pending.distributed_id})" for pending in others)
    return f"; there is {ids}" if others else ""


def _drop(store: Store, pending: Pending, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    content = store.drop_pending(pending, dry_run=True).content
    ask = not (dry_run or yes) and sys.stdin.isatty()
    if not as_json or ask:
        lines = [*_table([pending]), f"dropping it frees {_format.size(content)}"]
        click.echo("\n".join(lines), err=as_json)
    dropped = None
    if not dry_run and (yes or (ask and click.confirm("Drop it?", err=True))):
        dropped = store.drop_pending(pending)
    if as_json:
        _format.print_json(
            {
                "dropped": dropped is not None,
                "pending": _data(pending),
                "content_bytes": dropped.content if dropped else content,
                "disk_bytes": dropped.disk if dropped else 0,
                "left_to_gc": dropped.left_to_gc if dropped else None,
            }
        )
    elif dropped is not None:
        _format.echo(f"dropped it: {_format.size(dropped.disk)} freed on the disk")
    if dropped is None and not dry_run:
        click.echo("nothing was dropped" if ask else "nothing was dropped: pass --yes to drop this", err=True)
        raise click.exceptions.Exit(1)
    if dropped is not None:
        _format.end_with_rest(dropped.left_to_gc)


def _table(listed: Sequence[Pending]) -> list[str]:
    rows = [
        [
            _format.qualified(pending.project, pending.collection),
            pending.distributed_id,
            f"{pending.entries:,}",
            _format.size(pending.size),
            _runs(pending),
            _format.age(pending.created_at),
            _format.age(pending.updated_at),
        ]
        for pending in listed
    ]
    columns = ["collection", "id", "entries", "size", "runs", "started", "last upsert"]
    return _format.table(columns, rows, right=["entries", "size"])


def _runs(pending: Pending) -> str:
    shown = [path.rpartition("/")[2] for path in pending.runs[:_RUNS_SHOWN]]
    more = len(pending.runs) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "") or "-"


def _data(pending: Pending) -> dict[str, Any]:
    return {
        "collection": pending.collection,
        "project": pending.project,
        "type": pending.type,
        "distributed_id": pending.distributed_id,
        "entries": pending.entries,
        "size": pending.size,
        "upserts": pending.upserts,
        "runs": list(pending.runs),
        "aliases": list(pending.aliases),
        "description": pending.description,
        "metadata": pending.metadata,
        "created_at": pending.created_at,
        "updated_at": pending.updated_at,
    }
