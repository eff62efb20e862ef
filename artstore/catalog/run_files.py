"""The files that runs keep. A row keeps the content of its file, as an entry of a segment does (docs/lifecycle.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from artstore.catalog import timestamps
from artstore.catalog.connection import Connection
from artstore.core.runs import RunFile


def add(connection: Connection, run: int, files: Mapping[str, int], *, replace: bool = True) -> list[int]:
    """Add files to a run, as ids of stored files by path; return the ids of those that are no longer at their paths.

    Without `replace`, a path that the run has stays as it is.
    """
    query = """
        select run_files.path, file from json_each(?) as wanted
        cross join run_files on run = ? and run_files.path = wanted.value
    """
    there = dict(connection.execute(query, (json.dumps(list(files)), run)))
    changed = {path: file for path, file in files.items() if there.get(path) != file and (replace or path not in there)}
    now = timestamps.now()
    connection.executemany(
        """
        insert into run_files (run, path, file, stored_at) values (?, ?, ?, ?)
        on conflict (run, path) do update set file = excluded.file, stored_at = excluded.stored_at
        """,
        [(run, path, file, now) for path, file in changed.items()],
    )
    return [there[path] for path in changed if path in there]


def remove(connection: Connection, run: int, *, path: str | None = None, below: str | None = None) -> list[int]:
    """Remove the file of a run at a path, those below a folder, or all of them; return the ids of the stored files."""
    if path is not None:
        where, values = "run = ? and path = ?", [run, path]
    elif below is not None:
        # "0" is the character after "/".
        where, values = "run = ? and path > ? || '/' and path < ? || '0'", [run, below, below]
    else:
        where, values = "run = ?", [run]
    files = [file for (file,) in connection.execute(f"select file from run_files where {where}", values)]
    connection.execute(f"delete from run_files where {where}", values)
    return files


def find_all(connection: Connection, run: int, paths: Sequence[str] | None = None) -> list[RunFile]:
    """Return the files of a run by path: all of them, or those at some paths."""
    query = """
        select path, files.size, files.digest, stored_at from run_files join files on files.id = run_files.file
        where run = :run and (:paths is null or path in (select value from json_each(:paths))) order by path
    """
    values = {"run": run, "paths": None if paths is None else json.dumps(list(paths))}
    rows = connection.execute(query, values)
    text = connection.algorithm.text
    return [RunFile(path, size, stored_at, text(digest)) for path, size, digest, stored_at in rows]


def with_files(connection: Connection, digests: Iterable[bytes]) -> list[tuple[str, str]]:
    """Return the runs that keep any of these files, as `project/id`, each with the path of the file."""
    query = """
        select projects.name || '/' || runs.uid, run_files.path from files
        join run_files on run_files.file = files.id
        join runs on runs.id = run_files.run join projects on projects.id = runs.project
        where files.digest = ? order by 1, 2
    """
    return [row for digest in digests for row in connection.execute(query, (digest,)).fetchall()]
