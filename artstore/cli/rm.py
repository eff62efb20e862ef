"""`artstore rm`: delete versions and free their space; a link is removed without its version."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.versions import Version
from artstore.operations.delete import DeleteResult
from artstore.runtime import terminal
from artstore.store import Store


class _Plan(NamedTuple):
    """Versions to delete with their content and the links to them, and links to delete without their versions."""

    deleted: DeleteResult
    links: list[Version]

    def __bool__(self) -> bool:
        return bool(self.deleted.versions or self.links)

    @property
    def links_of_versions(self) -> list[Version]:
        """The links that go because the versions that they show are deleted."""
        named = {version.link for version in self.links}
        return [version for version in self.deleted.links if version.link not in named]


@click.command(
    "rm",
    epilog=_options.examples(
        "artstore rm animals:v0 animals:v3",
        "artstore rm animals --keep-last 5 --older-than 30d --dry-run",
        "artstore rm animals --all --yes",
    ),
)
@click.argument("requested", metavar="NAME[:ALIAS]...", nargs=-1, required=True, shell_complete=_completion.versions)
@click.option(
    "--keep-last", metavar="N", type=_options.Number(min=1), help="All but the newest N, except versions with an alias."
)
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_options.duration,
    help="Older than 90s, 15m, 12h, 30d, 4w, except versions with an alias.",
)
@click.option("--all", "everything", is_flag=True, help="Every version, with its aliases.")
@click.option(
    "--delete-aliases", is_flag=True, help="Also versions that have aliases, such as `latest`, or links with aliases."
)
@click.option("--force", is_flag=True, help="Also versions that are referenced or have protected aliases.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    requested: tuple[str, ...],
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
    """Delete versions by name, or versions of a collection selected by a rule; with two rules, those matched by both.

    First shows what would be deleted and what that frees, then asks. Without a terminal to ask on, nothing is deleted
    unless --yes is given, and the exit code is 1. With --dry-run, the exit code is 0 if something would be deleted.

    If a name is a link, only the link is removed: the version that it shows stays. Links to a
    deleted version are removed with it, and shown first; a link with an alias keeps the version as its own aliases do.

    If space cannot be freed now, in the pack of another user for example, the versions are deleted nevertheless, and
    the exit code is 1: `artstore gc` frees it later.
    """
    by_rule = keep_last is not None or older_than is not None
    _check(requested, by_rule, everything, delete_aliases, force)
    delete_aliases = delete_aliases or everything
    with _open.open_store(store) as opened:
        if by_rule:
            plan = _by_rule(opened, requested[0], project, keep_last, older_than)
        else:
            versions = (v for name in requested for v in _options.named_versions(opened, name, project))
            plan = _named(opened, versions, delete_aliases=delete_aliases, force=force)
        ask = not (dry_run or yes) and sys.stdin.isatty()
        if not as_json or ask:
            _show(plan, err=as_json)
        outcome = None
        if plan and not dry_run and (yes or (ask and _confirmed(plan))):
            if plan.links:
                opened.unlink(*plan.links, force=force)
            # Exactly what was shown is deleted, even if the rule would select more by now.
            outcome = plan._replace(
                deleted=opened.delete(
                    *plan.deleted.versions, delete_aliases=delete_aliases, force=force, progress=terminal.progress()
                )
            )
    _report(plan, outcome, as_json)
    if plan and outcome is None and not dry_run:
        click.echo("nothing was deleted" if ask else "nothing was deleted: pass --yes to delete this", err=True)
    if not plan or (outcome is None and not dry_run):
        raise click.exceptions.Exit(1)
    if outcome is not None:
        _format.end_with_rest(outcome.deleted.left_to_gc)


def _check(requested: tuple[str, ...], by_rule: bool, everything: bool, delete_aliases: bool, force: bool) -> None:
    bare = [name for name in requested if ":" not in name]
    if by_rule and everything:
        raise click.UsageError("--all selects every version: leave out --keep-last and --older-than.")
    if by_rule and (delete_aliases or force):
        raise click.UsageError("A rule never deletes a version that has an alias or is referenced: name such versions.")
    if (by_rule or everything) and (len(requested) > 1 or not bare):
        raise click.UsageError("A rule, or --all, needs the name of one collection, as in: artstore rm animals --all")
    if bare and not (by_rule or everything):
        raise click.UsageError(
            f"Which versions of {bare[0]!r}? Name them, as in {bare[0]}:v0, or use --keep-last, --older-than or --all."
        )


def _by_rule(store: Store, name: str, project: str, keep_last: int | None, older_than: timedelta | None) -> _Plan:
    where, collection = _options.named_collection(name, project)
    newest = next(store.versions(collection, project=where), None)
    if newest is not None and newest.link:
        raise click.UsageError(f"A rule never removes a link, and {name} has links: name them, or use --all.")
    return _Plan(store.prune(collection, project=where, keep_last=keep_last, older_than=older_than, dry_run=True), [])


def _named(store: Store, versions: Iterable[Version], *, delete_aliases: bool, force: bool) -> _Plan:
    unique = {(version.id, version.link and version.link.id): version for version in versions}.values()
    own = [version for version in unique if version.link is None]
    deleted = store.delete(*own, delete_aliases=delete_aliases, force=force, dry_run=True)
    return _Plan(deleted, [version for version in unique if version.link])


def _show(plan: _Plan, *, err: bool) -> None:
    lines = _format.version_table([*plan.deleted.versions, *plan.links]) if plan else ["nothing to delete"]
    if plan.links_of_versions:
        shown = (
            f"{_format.name(version)} ({', '.join(filter(None, [_format.source(version), *_format.aliases(version)]))})"
            for version in plan.links_of_versions
        )
        lines.append(f"links that go too: {', '.join(shown)}")
    if plan.deleted.versions:
        lines.append(f"deleting {_versions(plan)} frees {_format.size(plan.deleted.content)}")
    if plan.links:
        lines.append(f"unlinking {_links(plan)} frees nothing: the versions stay")
    click.echo("\n".join(lines), err=err)


def _confirmed(plan: _Plan) -> bool:
    parts = [f"delete {_versions(plan)}"] if plan.deleted.versions else []
    parts += [f"unlink {_links(plan)}"] if plan.links else []
    return click.confirm(f"{' and '.join(parts).capitalize()}?", err=True)


def _versions(plan: _Plan) -> str:
    return _format.counted(len(plan.deleted.versions), "version", "versions")


def _links(plan: _Plan) -> str:
    return _format.counted(len(plan.links), "link", "links")


def _report(plan: _Plan, outcome: _Plan | None, as_json: bool) -> None:
    shown = outcome or plan
    if as_json:
        _format.print_json(
            {
                "deleted": outcome is not None,
                "versions": [_format.version_data(version) for version in shown.deleted.versions],
                "links": [_format.version_data(version) for version in [*shown.links, *shown.links_of_versions]],
                "content_bytes": shown.deleted.content,
                "disk_bytes": shown.deleted.disk,
                "left_to_gc": shown.deleted.left_to_gc,
            }
        )
    elif outcome is not None:
        if outcome.deleted.versions:
            _format.echo(f"deleted {_versions(outcome)}: {_format.size(outcome.deleted.disk)} freed on the disk")
        gone = [*outcome.links, *outcome.links_of_versions]
        if gone:
            _format.echo(f"unlinked {_format.counted(len(gone), 'link', 'links')}")
