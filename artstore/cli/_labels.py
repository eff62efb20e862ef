"""Print the labels of versions, for `alias` and `tag`: a label is an alias or a tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from artstore.cli import _format, _options
from artstore.core.versions import Version
from artstore.runtime import terminal
from artstore.store import Store

LabelsOf = Callable[[Version], Sequence[str]]


def print_changed(version: Version, labels_of: LabelsOf, as_json: bool) -> None:
    """Print the labels of a version after a change."""
    if as_json:
        _format.print_json(_format.version_data(version))
    else:
        _format.echo(terminal.visible(f"{_format.name(version)}  {', '.join(labels_of(version)) or '-'}"))


def print_all(store: Store, name: str, project: str, kind: str, labels_of: LabelsOf, as_json: bool) -> None:
    """Print the labels of one version, or of each version of a collection that has any."""
    labelled = (version for version in _options.named_versions(store, name, project) if labels_of(version))
    if as_json:
        _format.print_json_list(map(_format.version_data, labelled))
        return
    rows = [[_format.name(version), ", ".join(labels_of(version))] for version in labelled]
    if rows:
        _format.print_lines(_format.table(["version", kind], rows))
    else:
        terminal.note(f"{name} has no {kind}")
