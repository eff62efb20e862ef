"""`artstore pending`: versions that parallel runs have upserted to, and that nobody has finished yet."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _options
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
@click.argument("wanted", metavar="[NAME]", required=False, shell_complete=_completion.collections)
@click.option("--id", "distributed_id", metavar="ID", help="The group or distributed_id, where there are several.")
@click.option("--finish", is_flag=True, help="Make it a version.")
@click.option("--alias", "aliases", metavar="A", multiple=True, help="With --finish: an alias for it. Repeatable.")
@click.option("--force", is_flag=True, help="With --finish: also protected aliases.")
@click.option("--drop", is_flag=True, help="Drop it, and free what only it holds.")
@click.option("--dry-run", is_flag=True, help="Only show what --drop would free.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--project",
    metavar="P",
    help="The project.  [default: all, or uncategorized with a NAME]",
    shell_complete=_completion.projects,
)
@_options.store_option
@_options.json_option
def command(
    wanted: str | None,
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
    """List the versions that parallel runs have upserted to and nobody has finished; finish or drop one.

    What was acknowledged to its writers is in it, also if they have died since: --finish makes that a version. --drop
    first shows what would go, then asks. Where nobody can be asked, because there is no terminal, nothing is dropped
    without --yes, and the exit code is 1.
    """
    if finish and drop:
        raise click.UsageError("Say --finish or --drop.")
    if (finish or drop) and wanted is None:
        raise click.UsageError("Which one? Name its collection, as in: artstore pending animals --finish")
    with _options.open_store(store) as opened:
        found = _found(opened, wanted, project, distributed_id)
        if finish:
            version = opened.finish(_one(opened, found, wanted), aliases=aliases, force=force)
            if as_json:
                _format.print_json(_format.version_data(version))
            else:
                entries = _format.counted(version.entries, "entry", "entries")
                click.echo(f"{_format.name(version)}  {entries}  {_format.size(version.size)}")
        elif drop:
            _drop(opened, _one(opened, found, wanted), dry_run=dry_run, yes=yes, as_json=as_json)
        elif as_json:
            _format.print_json_list(map(_data, found))
        elif found:
            _format.print_lines(_table(found))
        else:
            terminal.note(f"nothing is pending{_elsewhere(opened, wanted)}")


def _found(store: Store, wanted: str | None, project: str | None, distributed_id: str | None) -> list[Pending]:
    name = None
    if wanted is not None:
        project, name = _options.collection_meant(wanted, project)
    found = store.pending(name, project=project)
    return [each for each in found if distributed_id is None or each.distributed_id == distributed_id]


def _one(store: Store, found: Sequence[Pending], wanted: str | None) -> Pending:
    if not found:
        raise click.UsageError(f"Nothing is pending in {wanted}{_elsewhere(store, wanted)}: see `artstore pending`.")
    if len(found) > 1:
        ids = ", ".join(each.distributed_id for each in found)
        raise click.UsageError(f"Which one of {wanted}? Say its --id, one of: {ids}")
    return found[0]


def _elsewhere(store: Store, wanted: str | None) -> str:
    """What a collection of this name has pending in other projects or under other ids."""
    name = None if wanted is None else _options.collection_meant(wanted, None)[1]
    found = [] if name is None else store.pending(name)
    ids = ", ".join(f"{each.project}/{each.collection} ({each.distributed_id})" for each in found)
    return f"; there is {ids}" if found else ""


def _drop(store: Store, found: Pending, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    content = store.drop_pending(found, dry_run=True).content
    ask = not (dry_run or yes) and sys.stdin.isatty()
    if not as_json or ask:
        lines = [*_table([found]), f"dropping it frees {_format.size(content)}"]
        click.echo("\n".join(lines), err=as_json)
    done = None
    if not dry_run and (yes or (ask and click.confirm("Drop it?", err=True))):
        done = store.drop_pending(found)
    if as_json:
        freed = done._asdict() if done else {"content": content, "disk": 0}
        sizes = {f"{of}_bytes": count for of, count in freed.items()}
        _format.print_json({"dropped": done is not None, "pending": _data(found), **sizes})
    elif done is not None:
        click.echo(f"dropped it: {_format.size(done.disk)} given back to the disk")
    if done is None and not dry_run:
        click.echo("nothing was dropped" if ask else "nothing was dropped: pass --yes to drop this", err=True)
        raise click.exceptions.Exit(1)


def _table(found: Sequence[Pending]) -> list[str]:
    rows = [
        [
            _format.qualified(each.project, each.collection),
            each.distributed_id,
            f"{each.entries:,}",
            _format.size(each.size),
            _runs(each),
            _format.age(each.created_at),
            _format.age(each.updated_at),
        ]
        for each in found
    ]
    columns = ["collection", "id", "entries", "size", "runs", "begun", "last upsert"]
    return _format.table(columns, rows, right=["entries", "size"])


def _runs(of: Pending) -> str:
    shown = [path.rpartition("/")[2] for path in of.runs[:_RUNS_SHOWN]]
    more = len(of.runs) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "") or "-"


def _data(of: Pending) -> dict[str, Any]:
    return {
        "collection": of.collection,
        "project": of.project,
        "type": of.type,
        "distributed_id": of.distributed_id,
        "entries": of.entries,
        "size": of.size,
        "upserts": of.upserts,
        "runs": list(of.runs),
        "aliases": list(of.aliases),
        "description": of.description,
        "metadata": of.metadata,
        "created_at": of.created_at,
        "updated_at": of.updated_at,
    }
