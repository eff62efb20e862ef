"""`artstore ls`: what a store, a collection or a version has in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from artstore.cli import _completion, _format, _options
from artstore.core.manifest import Entry, Kind
from artstore.runtime import terminal
from artstore.store import Store

_DIGEST_SHOWN = 19
"""Characters of a digest that a person sees: the algorithm and enough of the rest to tell two apart."""


@click.command(
    "ls", epilog=_options.examples("artstore ls", "artstore ls animals", "artstore ls animals:latest --json")
)
@click.argument("wanted", metavar="[NAME[:ALIAS]]", required=False, shell_complete=_completion.versions)
@click.option(
    "--project",
    metavar="P",
    help="The project.  [default: all, or uncategorized with a NAME]",
    shell_complete=_completion.projects,
)
@_options.store_option
@_options.json_option
def command(wanted: str | None, project: str | None, store: Path | None, as_json: bool) -> None:
    """List the collections of the store, the versions of a collection, or the entries of a version."""
    with _options.open_store(store) as opened:
        if wanted is None:
            _collections(opened, project, as_json)
        elif ":" in wanted:
            _entries(opened.entries(opened.version(wanted, project=project)), as_json)
        else:
            _versions(opened, wanted, project, as_json)


def _collections(store: Store, project: str | None, as_json: bool) -> None:
    found = store.summaries(project)
    if as_json:
        _format.print_json_list(
            {
                "project": each.project,
                "collection": each.name,
                "type": each.type,
                "newest": f"v{newest.number}" if newest else None,
                "versions": count,
                "size": newest.size if newest else None,
            }
            for each, count, newest in found
        )
        return
    if not found:
        terminal.note("no artifacts yet: `artstore put PATH --name N --type T` stores one")
        return
    rows = [
        [
            each.project,
            each.name,
            each.type,
            f"v{newest.number}" if newest else "-",
            f"{count:,}",
            _format.size(newest.size) if newest else "-",
        ]
        for each, count, newest in found
    ]
    columns = ["project", "collection", "type", "newest", "versions", "size"]
    _format.print_lines(_format.table(columns, rows, right=["versions", "size"]))
    _note_pending(store, None, project)


def _versions(store: Store, wanted: str, project: str | None, as_json: bool) -> None:
    found = _options.versions_meant(store, wanted, project)
    if as_json:
        _format.print_json_list(_format.version_data(each) for each in found)
        return
    listed = list(found)
    if listed:
        _format.print_lines(_format.version_table(listed))
    else:
        terminal.note(f"{wanted} has no version: all of them were deleted, or none is finished")
    where, name = _options.collection_meant(wanted, project)
    _note_pending(store, name, where)


def _note_pending(store: Store, name: str | None, project: str | None) -> None:
    found = store.pending(name, project=project)
    if found:
        versions = _format.counted(len(found), "pending version", "pending versions")
        terminal.note(f"and {versions}, not finished yet: see `artstore pending{f' {name}' if name else ''}`")


def _entries(found: Iterator[Entry], as_json: bool) -> None:
    if as_json:
        _format.print_json_list(_format.entry_data(each) for each in found)
    else:
        _format.print_lines(_line(each) for each in found)


def _line(entry: Entry) -> str:
    size = "" if entry.size is None else _format.size(entry.size)
    tails = {Kind.LINK: f" -> {entry.target}", Kind.FOLDER: "/", Kind.REFERENCE: f" -> {entry.uri}"}
    tail = tails.get(entry.kind, "")
    return f"{size:>8}  {_content(entry)[:_DIGEST_SHOWN]:<{_DIGEST_SHOWN}}  {terminal.visible(entry.path + tail)}"


def _content(entry: Entry) -> str:
    """What tells the content of an entry from another."""
    if entry.kind != Kind.REFERENCE:
        return entry.digest or entry.kind.name.lower()
    if entry.digest:
        return entry.digest
    pin = f"etag:{entry.etag}" if entry.etag else f"version:{entry.version_id}" if entry.version_id else "unpinned"
    return terminal.visible(pin)
