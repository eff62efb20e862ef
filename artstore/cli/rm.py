"""`artstore rm`: versions go, and with them what only they held."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artstore import names
from artstore.cli import options, showing

if TYPE_CHECKING:
    from artstore.delete import Deleted


@click.command(
    "rm",
    epilog=options.examples(
        "artstore rm animals:v0 animals:v3",
        "artstore rm animals --keep-last 5 --older-than 30d --dry-run",
        "artstore rm animals --all --yes",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]...", nargs=-1, required=True)
@click.option(
    "--keep-last", metavar="N", type=click.IntRange(min=1), help="All but the newest N. Never one with an alias."
)
@click.option(
    "--older-than", metavar="AGE", callback=options.span, help="Those older than 90s, 15m, 12h, 30d, 4w. Never aliased."
)
@click.option("--all", "everything", is_flag=True, help="Every version, with its aliases.")
@click.option("--delete-aliases", is_flag=True, help="Also versions that have aliases; `latest` is one.")
@click.option("--force", is_flag=True, help="Also versions that living versions reference.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@options.project_option
@options.store_option
@options.json_option
def command(
    wanted: tuple[str, ...],
    keep_last: int | None,
    older_than: timedelta | None,
    everything: bool,
    delete_aliases: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Delete versions: those named, or those of a collection that a rule means; with two rules, those that both mean.

    First shows what would go and what that frees, then asks. Where nobody can be asked, because there is no terminal,
    nothing is deleted without --yes, and the exit code is 1. With --dry-run it is 0 if something would go.
    """
    by_rule = keep_last is not None or older_than is not None
    _check(wanted, by_rule, everything, delete_aliases, force)
    with options.open_store(store) as opened:
        if by_rule:
            where, name = _collection(wanted[0], project)
            planned = opened.prune(name, project=where, keep_last=keep_last, older_than=older_than, dry_run=True)
        elif everything:
            where, name = _collection(wanted[0], project)
            planned = opened.delete_collection(name, project=where, force=force, dry_run=True)
        else:
            each_once = {found.id: found for found in (opened.version(each, project=project) for each in wanted)}
            planned = opened.delete(*each_once.values(), delete_aliases=delete_aliases, force=force, dry_run=True)
        ask = not (dry_run or yes) and sys.stdin.isatty()
        if not as_json or ask:
            _show(planned, err=as_json)
        done = None
        if planned.versions and not dry_run and (yes or (ask and _confirmed(planned))):
            # What was shown goes, also where the rule would mean more by now.
            aliases_too = delete_aliases or everything
            done = opened.delete(*planned.versions, delete_aliases=aliases_too, force=force)
    _report(planned, done, as_json)
    if planned.versions and done is None and not dry_run:
        click.echo("nothing was deleted" if ask else "nothing was deleted: pass --yes to delete this", err=True)
    if not planned.versions or (done is None and not dry_run):
        raise click.exceptions.Exit(1)


def _check(wanted: tuple[str, ...], by_rule: bool, everything: bool, delete_aliases: bool, force: bool) -> None:
    bare = [each for each in wanted if ":" not in each]
    if by_rule and everything:
        raise click.UsageError("--all takes every version: leave out --keep-last and --older-than.")
    if by_rule and (delete_aliases or force):
        raise click.UsageError("A rule never takes a version with an alias, nor one that is needed: name those.")
    if (by_rule or everything) and (len(wanted) > 1 or not bare):
        raise click.UsageError("A rule and --all take the name of one collection, as in: artstore rm animals --all")
    if bare and not (by_rule or everything):
        raise click.UsageError(
            f"Which versions of {bare[0]!r}? Name them, as in {bare[0]}:v0, or say --keep-last, --older-than or --all."
        )


def _collection(wanted: str, project: str) -> tuple[str, str]:
    parsed = names.parse(wanted)
    return parsed.project or project, parsed.name


def _show(planned: Deleted, *, err: bool) -> None:
    if not planned.versions:
        click.echo("nothing to delete", err=err)
        return
    lines = showing.version_table(planned.versions)
    lines.append(f"deleting {_versions(planned)} frees {showing.size(planned.content)}")
    click.echo("\n".join(lines), err=err)


def _confirmed(planned: Deleted) -> bool:
    return click.confirm(f"Delete {_versions(planned)}?", err=True)


def _versions(of: Deleted) -> str:
    return showing.counted(len(of.versions), "version", "versions")


def _report(planned: Deleted, done: Deleted | None, as_json: bool) -> None:
    told = done or planned
    if as_json:
        showing.print_json(
            {
                "deleted": done is not None,
                "versions": [showing.version_data(each) for each in told.versions],
                "content_bytes": told.content,
                "disk_bytes": told.disk,
            }
        )
    elif done is not None:
        click.echo(f"deleted {_versions(done)}: {showing.size(done.disk)} given back to the disk")
