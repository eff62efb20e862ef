"""Objects among the metrics of a run: tables become artifacts, media become files of the run."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zlib import crc32

from artstore.core import names
from artstore.errors import InvalidPath
from artstore.tracking.artifact import Artifact

# What needs NumPy, pandas or PyArrow is imported when an object is logged, so that runs without objects start fast.
if TYPE_CHECKING:
    from artstore.data_types.data_object import DataObject, ObjectReader
    from artstore.tracking.run_artifacts import RunArtifacts

_TYPE = "run_table"
_IN_MEMORY = 1024 * 1024
"""A larger file is stored at once, and not together with others."""
_PLOTTING = ("matplotlib", "seaborn", "plotly", "bokeh")


def log_objects(run: RunArtifacts, data: Mapping[str, Any]) -> dict[str, Any]:
    """Log the objects among values, and return the values, with what stands for each object in its place.

    A chart of a table also adds the table, under a key of its own.
    """
    values: dict[str, Any] = {}
    for key, value in data.items():
        if _is_chart(value):
            value.set_key(key)
            table_key = value.spec.table_key
            values[table_key] = _log_table(run, table_key, value.table)
            values[key] = value.document(values[table_key]["_latest_artifact_path"])
        else:
            values[key] = _log_value(run, key, value)
    return values


def _log_value(run: RunArtifacts, key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {name: _log_value(run, f"{key}.{name}", item) for name, item in value.items()}
    if type(value).__name__ in ("DataFrame", "LazyFrame"):
        from artstore.data_types import frames
        from artstore.data_types.table import Table

        return _log_table(run, key, Table(dataframe=value)) if frames.is_frame(value) else value
    if isinstance(value, list | tuple):
        if value and all(_is_object(item) or _may_be_figure(item) for item in value):
            return [_log_value(run, f"{key}-{number}", item) for number, item in enumerate(value)]
        return value
    if not _is_object(value) and _may_be_figure(value):
        from artstore.data_types import figures

        value = figures.from_figure(value) or value
    if _is_object(value):
        from artstore.data_types import registry

        is_table = value._log_type in registry.TABLE_TYPES
        return _log_table(run, key, value) if is_table else value.to_json(RunMediaWriter(run))
    return value


def _is_chart(value: Any) -> bool:
    return type(value).__module__ == "artstore.data_types.plot"


def _may_be_figure(value: Any) -> bool:
    """Whether a value is of a plotting library, as far as its type tells."""
    kinds = [value.__name__] if isinstance(value, ModuleType) else [kind.__module__ for kind in type(value).__mro__]
    return any(kind.partition(".")[0] in _PLOTTING for kind in kinds)


def _is_object(value: Any) -> bool:
    if not hasattr(type(value), "_log_type"):
        return False
    from artstore.data_types.data_object import DataObject

    return isinstance(value, DataObject)


def _log_table(run: RunArtifacts, key: str, table: DataObject) -> dict[str, Any]:
    artifact = Artifact._of_reserved_type(artifact_name(f"run-{run.id}-{key}"), _TYPE)
    entry = artifact.add(table, _entry_name(key))
    name = artifact.name
    run.log_artifact(artifact)
    summary = {"_type": table._log_type}
    if table._log_type == "table":
        summary = {"_type": "table-file", **_size(table)}
    path = f"wandb-artifact://{names.LOCAL}/{run.project}/{name}:latest/{entry.path}"
    return {**summary, "_latest_artifact_path": path}


def _entry_name(key: str) -> str:
    """Return the name of an object in its artifact, made from a key that need not be a path, such as `/eval/../x`."""
    try:
        return names.entry_path(key.lstrip("/"))
    except InvalidPath:
        return artifact_name(key)


def _size(table: Any) -> dict[str, Any]:
    return {"ncols": len(table.columns), "nrows": table._count(), "log_mode": table.log_mode}


def artifact_name(wanted: str) -> str:
    """Return a name for an artifact, made from any string as W&B makes it.

    >>> artifact_name("run-1-eval/table")
    'run-1-evaltable-SU2GKQ'
    """
    safe = re.sub(r"[^a-zA-Z0-9_\-.]+", "", wanted)
    if safe == wanted and len(safe) <= names.LONGEST:
        return wanted
    mark = urlsafe_b64encode(crc32(wanted.encode()).to_bytes(4, "big")).rstrip(b"=").decode()
    return f"{safe[: names.LONGEST - len(mark) - 1]}-{mark}"


class RunMediaWriter:
    """The files of a run, to which the files of logged objects are added."""

    def __init__(self, run: RunArtifacts) -> None:
        self._run = run

    def has(self, path: str) -> bool:
        path = names.entry_path(path)
        return path in self._run._contents or bool(self._run.store.runs.files.find(self._run._record, [path]))

    def has_same(self, data: bytes, path: str) -> bool:
        path = names.entry_path(path)
        if path in self._run._contents:
            return self._run._contents[path] == data
        return self.has(path) and b"".join(self._run.store.runs.files.read(self._run._record, path)) == data

    def put_bytes(self, data: bytes, path: str) -> None:
        self._run._keep(names.entry_path(path), data)

    def put_file(self, local: Path, path: str) -> None:
        if local.stat().st_size <= _IN_MEMORY:
            self.put_bytes(local.read_bytes(), path)
        else:
            self._run.store.runs.files.keep(self._run._record, {names.entry_path(path): local})

    def put_copy(self, source: ObjectReader, source_path: str, path: str) -> None:
        self.put_bytes(source.read(source_path), path)

    def put_reference(self, uri: str, path: str) -> None:
        """Copy nothing: the document names the place of the object, and its digest."""

    def put_object(self, item: DataObject, name: str) -> str:
        return item.write(self, name)
