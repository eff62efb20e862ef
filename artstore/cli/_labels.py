"""What `alias` and `tag` print: the words that versions carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from artstore.cli import _format, _options
from artstore.core.versions import Version
from artstore.runtime import terminal
from artstore.store import Store

Words = Callable[[Version], Sequence[str]]


def show_changed(version: Version, words: Words, as_json: bool) -> None:
    """Print what a version carries now."""
    if as_json:
        _format.print_json(_format.version_data(version))
    else:
        click.echo(terminal.visible(f"{_format.name(version)}  {', '.join(words(version)) or '-'}"))


def show_all(store: Store, wanted: str, project: str, kind: str, words: Words, as_json: bool) -> None:
    """List the words of one version; of a collection, those of each version that carries any."""
    carrying = _carrying(_options.versions_meant(store, wanted, project), words)
    if as_json:
        _format.print_json_list(_format.version_data(each) for each in carrying)
        return
    rows = [[_format.name(each), ", ".join(words(each))] for each in carrying]
    if rows:
        _format.print_lines(_format.table(["version", kind], rows))
    else:
        terminal.note(f"{wanted} has no {kind}")


def _carrying(versions: Iterable[Version], words: Words) -> Iterator[Version]:
    return (each for each in versions if words(each))
