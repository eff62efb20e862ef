"""`artstore rm`: versions go, and with them what only they held; of a link, only the link."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click

from artstore.cli import _completion, _format, _options
from artstore.core.versions import Version
from artstore.operations.delete import Deleted
from artstore.runtime import terminal
from artstore.store import Store


class _Plan(NamedTuple):
    """What would go: versions with their content, and links, of which nothing else goes."""

    deleted: Deleted
    links: list[Version]

    def __bool__(self) -> bool:
        return bool(self.deleted.versions or self.links)


@click.command(
    "rm",
    epilog=_options.examples(
        "artstore rm animals:v0 animals:v3",
        "artstore rm animals --keep-last 5 --older-than 30d --dry-run",
        "artstore rm animals --all --yes",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]...", nargs=-1, required=True, shell_complete=_completion.versions)
@click.option(
    "--keep-last", metavar="N", type=click.IntRange(min=1), help="All but the newest N. Never one with an alias."
)
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_options.span,
    help="Those older than 90s, 15m, 12h, 30d, 4w. Never aliased.",
)
@click.option("--all", "everything", is_flag=True, help="Every version, with its aliases.")
@click.option("--delete-aliases", is_flag=True, help="Also versions that have aliases; `latest` is one.")
@click.option("--force", is_flag=True, help="Also what others reference or a protected alias names.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_options.project_option
@_options.store_option
@_options.json_option
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

    Of a name that is a link only the link goes: the version that it shows stays.
    """
    by_rule = keep_last is not None or older_than is not None
    _check(wanted, by_rule, everything, delete_aliases, force)
    # All of a collection go with their aliases.
    aliases_too = delete_aliases or everything
    with _options.open_store(store) as opened:
        if by_rule:
            plan = _by_rule(opened, wanted[0], project, keep_last, older_than)
        else:
            found = (each for name in wanted for each in _options.versions_meant(opened, name, project))
            plan = _named(opened, found, delete_aliases=aliases_too, force=force)
        ask = not (dry_run or yes) and sys.stdin.isatty()
        if not as_json or ask:
            _show(plan, err=as_json)
        done = None
        if plan and not dry_run and (yes or (ask and _confirmed(plan))):
            if plan.links:
                opened.unlink(*plan.links, force=force)
            # What was shown goes, also where the rule would mean more by now.
            done = plan._replace(
                deleted=opened.delete(
                    *plan.deleted.versions, delete_aliases=aliases_too, force=force, progress=terminal.progress()
                )
            )
    _report(plan, done, as_json)
    if plan and done is None and not dry_run:
        click.echo("nothing was deleted" if ask else "nothing was deleted: pass --yes to delete this", err=True)
    if not plan or (done is None and not dry_run):
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


def _by_rule(store: Store, wanted: str, project: str, keep_last: int | None, older_than: timedelta | None) -> _Plan:
    where, name = _options.collection_meant(wanted, project)
    newest = next(store.versions(name, project=where), None)
    if newest is not None and newest.link:
        raise click.UsageError(f"A rule never takes a link, and {wanted} shows links: name them, or say --all.")
    return _Plan(store.prune(name, project=where, keep_last=keep_last, older_than=older_than, dry_run=True), [])


def _named(store: Store, found: Iterable[Version], *, delete_aliases: bool, force: bool) -> _Plan:
    each_once = {(each.id, each.link and each.link.id): each for each in found}.values()
    versions = [each for each in each_once if each.link is None]
    planned = store.delete(*versions, delete_aliases=delete_aliases, force=force, dry_run=True)
    return _Plan(planned, [each for each in each_once if each.link])


def _show(plan: _Plan, *, err: bool) -> None:
    lines = _format.version_table([*plan.deleted.versions, *plan.links]) if plan else ["nothing to delete"]
    if plan.deleted.versions:
        lines.append(f"deleting {_versions(plan)} frees {_format.size(plan.deleted.content)}")
    if plan.links:
        lines.append(f"unlinking {_links(plan)} frees nothing: the versions shown stay")
    click.echo("\n".join(lines), err=err)


def _confirmed(plan: _Plan) -> bool:
    parts = [f"delete {_versions(plan)}"] if plan.deleted.versions else []
    parts += [f"unlink {_links(plan)}"] if plan.links else []
    return click.confirm(f"{' and '.join(parts).capitalize()}?", err=True)


def _versions(plan: _Plan) -> str:
    return _format.counted(len(plan.deleted.versions), "version", "versions")


def _links(plan: _Plan) -> str:
    return _format.counted(len(plan.links), "link", "links")


def _report(plan: _Plan, done: _Plan | None, as_json: bool) -> None:
    told = done or plan
    if as_json:
        _format.print_json(
            {
                "deleted": done is not None,
                "versions": [_format.version_data(each) for each in told.deleted.versions],
                "links": [_format.version_data(each) for each in told.links],
                "content_bytes": told.deleted.content,
                "disk_bytes": told.deleted.disk,
            }
        )
    elif done is not None:
        if done.deleted.versions:
            click.echo(f"deleted {_versions(done)}: {_format.size(done.deleted.disk)} given back to the disk")
        if done.links:
            click.echo(f"unlinked {_links(done)}")
