"""Read a store by docs/format.md alone: plain SQL, the bytes of packs, and hashes. Nothing of artstore is used."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support import format_reference

State = dict[str, Any]
"""What a user sees in a store: its algorithm, versions with entries, labels and runs, collections, links, registries,
runs, files of runs, pending versions."""

HEADER = b"artstore-pack-1\n"
ENTRIES = """
    select entries.path, entries.kind, entries.executable, entries.target, files.id as file, files.size as file_size,
        lower(hex(files.digest)) as file_digest, refs.uri, refs.digest, refs.size, refs.etag, refs.object_version
    from {} left join files on files.id = entries.file left join refs on refs.id = entries.ref where {} = ?
"""
OF_VERSION = (
    "version_groups join group_segments on group_segments.segment_group = version_groups.segment_group"
    " join entries on entries.segment = group_segments.segment",
    "version_groups.version",
)
OF_PENDING = "pending_entries as entries", "entries.pending"


class Wrong(Exception):
    """A store does not hold what its catalog says."""


class _Reader:
    def __init__(self, catalog: Path, store: Path) -> None:
        self._packs = store / "packs"
        self._folders_of_runs = store / "work"
        self._db = sqlite3.connect(catalog)
        self._db.row_factory = sqlite3.Row
        if self._rows("pragma integrity_check")[0][0] != "ok":
            raise Wrong("the catalog is malformed")
        self._algorithm = self._rows("select algorithm from store")[0][0]
        self._sha256: dict[int, str] = {}
        """Of each file whose bytes were compared with their digest."""

    def close(self) -> None:
        self._db.close()

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()

    def _names(self, query: str, *values: object) -> list[str]:
        return sorted(str(row[0]) for row in self._rows(query, *values))

    def has_quarantine(self) -> bool:
        return bool(self._rows("select * from quarantine"))

    def state(self) -> State:
        state: State = {"algorithm": self._algorithm}
        for row in self._rows("select collection, count(*), max(number) from versions group by collection"):
            if row[1] != row[2] + 1:
                raise Wrong(f"the numbers of collection {row[0]} have gaps")
        for row in self._rows(
            "select versions.*, projects.name as project_name, collections.name as name from versions"
            " join collections on collections.id = collection join projects on projects.id = project"
            " where state = 'committed'"
        ):
            entries = self._entries(OF_VERSION, row["id"])
            name = f"{row['project_name']}/{row['name']}:v{row['number']}"
            if self._version_digest(row["id"], entries) != f"{self._algorithm}:{row['digest'].hex()}":
                raise Wrong(f"{name} has another digest than its entries")
            state[name] = {
                "entries": [list(entry) for entry in entries],
                "aliases": self._names("select name from aliases where version = ?", row["id"]),
                "tags": self._names("select name from tags where version = ?", row["id"]),
                "metadata": json.loads(row["metadata"]),
                "description": row["description"],
                "runs": self._names("select uid from products join runs on runs.id = run where version = ?", row["id"]),
            }
        for row in self._rows(
            "select links.*, projects.name || '/' || collections.name as name from links"
            " join collections on collections.id = collection join projects on projects.id = project"
            " where removed_at is null"
        ):
            aliases = self._names("select name from link_aliases where link = ?", row["id"])
            state[f"link {row['name']}:v{row['number']}"] = [row["version"], aliases]
        for row in self._rows(
            "select collections.*, projects.name || '/' || collections.name as full_name from collections"
            " join projects on projects.id = project"
        ):
            protected = self._names("select name from protected_aliases where collection = ?", row["id"])
            state[f"collection {row['full_name']}"] = [row["type"], row["description"], row["tags"], protected]
        for row in self._rows("select * from projects where name like 'wandb-registry-%'"):
            state[f"registry {row['name']}"] = [row["description"], row["visibility"], row["artifact_types"]]
        for row in self._rows("select * from runs where state = 'finished'"):
            rows = self._rows("select count(*) from history where run = ?", row["id"])[0][0]
            summary = {key: value for key, value in json.loads(row["summary"]).items() if key[0] != "_"}
            state[f"run {row['uid']}"] = [summary, rows]
        for row in self._rows(
            "select runs.*, projects.name as project_name from runs join projects on projects.id = project"
        ):
            files = self._files_of_run(row["id"], row["uid"])
            for (data,) in self._rows("select data from history where run = ?", row["id"]):
                for media in _media(json.loads(data)):
                    if files.get(media["path"]) != media["sha256"]:
                        raise Wrong(f"run {row['uid']} has a row of its history without {media['path']}")
            if files:
                state[f"files {row['project_name']}/{row['uid']}"] = files
        for row in self._rows("select * from pending where version is null"):
            entries = self._entries(OF_PENDING, row["id"])
            state[f"pending {row['distributed_id']}"] = [list(entry) for entry in entries]
        return state

    def _version_digest(self, version: int, entries: list[tuple[Any, ...]]) -> str:
        root, _ = format_reference.manifest(self._algorithm, entries)
        dependencies = [
            (row["project"], row["name"], row["number"], f"{self._algorithm}:{row['digest'].hex()}")
            for row in self._rows(
                "select projects.name as project, collections.name, number, digest from dependencies"
                " join versions on versions.id = target join collections on collections.id = collection"
                " join projects on projects.id = collections.project where dependencies.version = ?",
                version,
            )
        ]
        return format_reference.version(self._algorithm, root, dependencies)

    def _entries(self, source: tuple[str, str], owner: int) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for row in self._rows(ENTRIES.format(*source), owner):
            path = row["path"]
            if row["kind"] == 1:
                self._check_file(row["file"], row["file_digest"], row["file_size"])
                digest = f"{self._algorithm}:{row['file_digest']}"
                found.append((path, "file", bool(row["executable"]), digest, row["file_size"]))
            elif row["kind"] == 2:
                found.append((path, "link", row["target"]))
            elif row["kind"] == 3:
                found.append((path, "folder"))
            else:
                columns = (row["uri"], row["digest"], row["size"], row["etag"], row["object_version"])
                found.append((path, "reference", *columns))
        return sorted(found)

    def _files_of_run(self, run: int, uid: str) -> dict[str, str]:
        """Return the files of a run, stored or in its folder, with the SHA-256 of their bytes."""
        found = {}
        query = (
            "select path, files.*, lower(hex(digest)) as hex from run_files join files on files.id = file where run = ?"
        )
        for row in self._rows(query, run):
            self._check_file(row["id"], row["hex"], row["size"])
            found[row["path"]] = self._sha256[row["id"]]
        folder = self._folders_of_runs / f"{run}-{uid}"
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def _check_file(self, file: int, digest: str, size: int) -> None:
        if file in self._sha256:
            return
        data = b"".join(
            self._chunk(chunk)
            for run in self._rows("select chunk, count from file_chunks where file = ? order by position", file)
            for chunk in range(run["chunk"], run["chunk"] + run["count"])
        )
        if len(data) != size or format_reference.digest(self._algorithm, data) != f"{self._algorithm}:{digest}":
            raise Wrong(f"file {digest} has other bytes")
        self._sha256[file] = hashlib.sha256(data).hexdigest()

    def _chunk(self, chunk: int) -> bytes:
        rows = self._rows("select chunks.*, name from chunks join packs on packs.id = pack where chunks.id = ?", chunk)
        if not rows:
            raise Wrong(f"chunk {chunk} is not in the catalog")
        with (self._packs / f"{rows[0]['name']}.pack").open("rb") as pack:
            if pack.read(len(HEADER)) != HEADER:
                raise Wrong(f"pack {rows[0]['name']} has no header")
            pack.seek(rows[0]["offset"])
            return format_reference.decode(rows[0]["codec"], pack.read(rows[0]["length"]))


def _media(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what stands for each file in a row of a history."""
    if isinstance(value, dict) and {"path", "sha256"} <= value.keys():
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _media(item)


def state_of(store: Path) -> State:
    """Return what a user sees in a store, after comparing all its bytes with their digests; `{}` without a store.

    The store is not touched: a copy of its catalog is opened, as it is after a crash, without the memory that
    processes shared.
    """
    if not (store / "artstore.db").exists():
        return {}
    with _read(store) as reader:
        return reader.state()


def has_quarantine(store: Path) -> bool:
    """Return whether chunks of a store are in quarantine."""
    with _read(store) as reader:
        return reader.has_quarantine()


@contextmanager
def _read(store: Path) -> Iterator[_Reader]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("artstore.db", "artstore.db-wal"):
            if (store / name).exists():
                shutil.copyfile(store / name, Path(folder, name))
        with closing(_Reader(Path(folder, "artstore.db"), store)) as reader:
            yield reader
