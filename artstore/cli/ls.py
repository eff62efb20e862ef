"""`artstore ls`: list collections, versions or entries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.runtime import terminal
from artstore.store import Store

_DIGEST_SHOWN = 19
"""Characters of a digest that are shown: the algorithm, and enough to distinguish two digests."""


@click.command(
    "ls", epilog=_options.examples("artstore ls", "artstore ls animals", "artstore ls animals:latest --json")
)
@click.argument("name", metavar="[NAME[:ALIAS]]", required=False, shell_complete=_completion.versions)
@_options.any_project_option
@_options.store_option
@_options.json_option
def command(name: str | None, project: str | None, store: Path | None, as_json: bool) -> None:
    """List the collections of the store, the versions of a collection, or the entries of a version."""
    with _open.open_store(store) as opened:
        if name is None:
            _print_collections(opened, project, as_json)
        elif ":" in name:
            _print_entries(opened.entries(opened.version(name, project=project or names.default_project())), as_json)
        else:
            _print_versions(opened, name, project, as_json)


def _print_collections(store: Store, project: str | None, as_json: bool) -> None:
    summaries = store.summaries(project)
    if as_json:
        _format.print_json_list(
            {
                "project": collection.project,
                "collection": collection.name,
                "type": collection.type,
                "newest": f"v{(newest.link or newest).number}" if newest else None,
                "versions": count,
                "size": newest.size if newest else None,
            }
            for collection, count, newest in summaries
        )
        return
    if not summaries:
        unknown = _options.unknown_project(store, project)
        terminal.note(f"no artifacts{unknown or ' yet'}: `artstore put PATH --name N --type T` stores one")
        return
    rows = [
        [
            collection.project,
            collection.name,
            collection.type,
            f"v{(newest.link or newest).number}" if newest else "-",
            f"{count:,}",
            _format.size(newest.size) if newest else "-",
        ]
        for collection, count, newest in summaries
    ]
    columns = ["project", "collection", "type", "newest", "versions", "size"]
    _format.print_lines(_format.table(columns, rows, right=["versions", "size"]))
    _note_pending(store, None, project)


def _print_versions(store: Store, name: str, project: str | None, as_json: bool) -> None:
    versions = _options.named_versions(store, name, project)
    if as_json:
        _format.print_json_list(map(_format.version_data, versions))
        return
    listed = list(versions)
    if listed:
        _format.print_lines(_format.version_table(listed))
    else:
        terminal.note(f"{name} has no versions: all were deleted, or none is finished yet")
    where, collection = _options.named_collection(name, project)
    _note_pending(store, collection, where)


def _note_pending(store: Store, name: str | None, project: str | None) -> None:
    pending = store.pending(name, project=project)
    if pending:
        versions = _format.counted(len(pending), "pending version", "pending versions")
        terminal.note(f"and {versions}, not finished yet: see `artstore pending{f' {name}' if name else ''}`")


def _print_entries(entries: Iterator[Entry], as_json: bool) -> None:
    if as_json:
        _format.print_json_list(map(_format.entry_data, entries))
    else:
        _format.print_lines(map(_line, entries))


def _line(entry: Entry) -> str:
    size = "" if entry.size is None else _format.size(entry.size)
    suffixes = {Kind.LINK: f" -> {entry.target}", Kind.FOLDER: "/", Kind.REFERENCE: f" -> {entry.uri}"}
    suffix = suffixes.get(entry.kind, "")
    return f"{size:>8}  {_content(entry)[:_DIGEST_SHOWN]:<{_DIGEST_SHOWN}}  {terminal.visible(entry.path + suffix)}"


def _content(entry: Entry) -> str:
    """Return the digest of an entry; of a reference without one, its pin."""
    if entry.kind != Kind.REFERENCE:
        return entry.digest or entry.kind.name.lower()
    if entry.digest:
        return entry.digest
    pin = f"etag:{entry.etag}" if entry.etag else f"version:{entry.version_id}" if entry.version_id else "unpinned"
    return terminal.visible(pin)
