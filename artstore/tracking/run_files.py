"""The files of a run: those that it saves and follows, and its folder."""

from __future__ import annotations

import glob as globbing
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from artstore.core.runs import RunRecord
from artstore.errors import ArtstoreError, InvalidInput, SourceChanged
from artstore.runtime import platform, terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import public_run
from artstore.tracking.run_artifacts import RunArtifacts, StrPath

_POLICIES = ("live", "end", "now")
_CLOUD = ("s3://", "gs://")


@checked
class RunFiles(RunArtifacts):
    """The part of `Run` that deals with its files."""

    def __init__(self, store: Store, record: RunRecord, *, resumed: bool) -> None:
        super().__init__(store, record, resumed=resumed)
        self._files_lock = threading.RLock()
        """Held while files are stored, which may take long: `log` must not wait for it."""
        self._followed: dict[str, tuple[Path, str]] = {}
        """The files that follow others: what each is a copy of, and the policy."""
        self._stamps: dict[str, tuple[int, int]] = {}
        """The length and time of each followed file when it was stored."""
        self._links: set[str] = set()
        """The links in the folder of the run that show saved files."""

    def save(
        self,
        glob_str: StrPath | bytes,
        base_path: StrPath | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Keep the files that match a pattern as files of the run; return their paths in its folder, `Run.dir`.

        >>> run.save("checkpoints/*/model.pt")
        >>> run.save("/data/night-17/checkpoints/*", base_path="/data/night-17", policy="now")

        They are stored, durable when this returns, under the paths that they have below `base_path`: by default below
        the working folder, or, for an absolute pattern, the name with the folder that it is in. With `policy="now"` a
        file is stored once, with `end` when the run ends, and with `live` now and whenever it has changed: at most once
        a second, and when the run ends. With `glob=False` the pattern is the path of one file. Until the run ends,
        links in `Run.dir` show the files. Raises `InvalidInput` for a pattern outside of `base_path`.
        """
        self._check_open()
        pattern = os.fsdecode(glob_str)
        if pattern.startswith(_CLOUD):
            terminal.note(f"artstore: {pattern} is not a local file, and was not saved: add it as a reference")
            return []
        if policy not in _POLICIES:
            raise InvalidInput(f'Only "live", "end" and "now" policies are currently supported, not {policy!r}')
        folder = Path(self.dir).resolve()
        absolute = os.path.abspath(pattern)
        base = Path(os.path.abspath(_base(pattern, base_path)))
        found: dict[str, Path] = {}
        for path in sorted(globbing.glob(absolute if glob else globbing.escape(absolute), recursive=True)):
            source = Path(path)
            if source.is_dir():
                files = [Path(parent, name) for parent, _, found in os.walk(source) for name in found]
            else:
                files = [source]
            found.update((_path_in_run(file, base, folder), file) for file in sorted(files))
        with self._files_lock:
            if policy != "end":
                self._store_files(found)
            if policy != "now":
                self._followed.update((path, (source, policy)) for path, source in found.items())
            for path, source in found.items():
                if _link(source, folder / path):
                    self._links.add(path)
        return [str(folder / path) for path in found]

    def _store_files(self, files: dict[str, Path]) -> None:
        """Store those files that are not as they were when they were stored last."""
        stamps = {path: _stamp(source.stat()) for path, source in files.items()}
        changed = {path: source for path, source in files.items() if self._stamps.get(path) != stamps[path]}
        if changed:
            self._has_replaced |= self._store.runs.files.keep(self._record, changed)
            self._stamps.update((path, stamps[path]) for path in changed)

    def _store_followed(self, *, at_end: bool) -> None:
        with self._files_lock:
            # A file that was deleted meanwhile stays as it was stored last.
            self._store_files(
                {
                    path: source
                    for path, (source, policy) in self._followed.items()
                    if (at_end or policy == "live") and source.is_file()
                }
            )

    def _flush(self) -> None:
        super()._flush()
        # A file that is written to just now is stored a second later, or when the run ends.
        with suppress(SourceChanged):
            self._store_followed(at_end=False)

    def _store_at_end(self) -> None:
        """Store the followed files as they are when the run ends."""
        try:
            self._store_followed(at_end=True)
        except (ArtstoreError, OSError) as error:
            self._errors[object()] = ("a saved file", error)

    def _put_folder_away(self) -> None:
        """Store what is in the folder of the run, remove it there, and give back the space of replaced files."""
        runs = self._store.runs
        try:
            self._has_replaced |= runs.put_folder_away(self._record, self._links)
            if self._has_replaced:
                runs.files.reclaim()
        except (ArtstoreError, OSError) as error:
            self._errors[object()] = (f"what is in {self.dir}", error)

    def _end_in_child(self, code: int) -> None:
        self._store_at_end()
        super()._end_in_child(code)

    def _reset_in_child(self) -> None:
        super()._reset_in_child()
        self._files_lock, self._followed = threading.RLock(), {}

    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: StrPath | None = None
    ) -> IO[Any] | None:
        """Return a file that a run has saved, opened for reading; None if the run has none of that name.

        >>> weights = run.restore("model.pt", run_path="animals/3k9x2m1q")

        `run_path` is `[project/]id`, by default this run. The file is copied below `root`, by default `Run.dir`. One
        that is there already is returned as it is, unless `replace` is set. Raises `NotFound` for an unknown run.
        """
        return restore_file(self._store, self.project, name, run_path or self.path, replace, root or self.dir)


def restore_file(store: Store, project: str, name: str, run_path: str, replace: bool, root: StrPath) -> IO[Any] | None:
    """Return a file of a run, opened for reading, after copying it below a folder. See `Run.restore`."""
    run = public_run.find_run(store, run_path, project)
    target = Path(root, name)
    if target.is_file() and not replace:
        return target.open()
    files = run.files([name])
    return files[0].download(root, replace=True) if len(files) else None


def _base(pattern: str, base_path: StrPath | None) -> StrPath:
    if base_path is not None:
        return base_path
    return Path(pattern).parent.parent if os.path.isabs(pattern) else "."


def _path_in_run(source: Path, base: Path, folder: Path) -> str:
    """Return the path among the files of a run that a file is saved under. Raises `InvalidInput`."""
    for place in (source, source.resolve()):
        if place.is_relative_to(folder):
            return place.relative_to(folder).as_posix()
    if not source.is_relative_to(base):
        raise InvalidInput(f"{str(source)!r} is not below base_path={str(base)!r}: Glob may not walk above it")
    return source.relative_to(base).as_posix()


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _link(source: Path, target: Path) -> bool:
    """Make a link to a file, in place of what is there; return False if the file itself is there."""
    if source == target or (target.exists() and not target.is_symlink() and target.samefile(source)):
        return False
    with platform.translate_os_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(platform.temporary_name(target.name))
        temporary.symlink_to(source.resolve())
        os.replace(temporary, target)
    return True
