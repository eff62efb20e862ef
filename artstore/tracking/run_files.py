"""The files of a run: its folder, and the files that are saved there and read from there again."""

from __future__ import annotations

import glob as globbing
import os
import shutil
import threading
from pathlib import Path
from typing import IO, Any

from artstore.core.runs import RunRecord
from artstore.errors import InvalidInput
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import public_run
from artstore.tracking.run_artifacts import RunArtifacts, StrPath

_POLICIES = ("live", "end", "now")
_CLOUD = ("s3://", "gs://")


class RunFiles(RunArtifacts):
    """The part of `Run` that deals with its files."""

    def __init__(self, store: Store, record: RunRecord, *, resumed: bool) -> None:
        super().__init__(store, record, resumed=resumed)
        self._files_lock = threading.RLock()
        """Held while a file is copied, which may take long: `log` must not wait for it."""
        self._followed: dict[Path, tuple[Path, str]] = {}
        """The copies that follow their files: where each is copied from, and the policy."""
        self._copied: dict[Path, tuple[int, int]] = {}
        """The length and time of each file when it was copied."""

    def save(
        self,
        glob_str: StrPath | bytes,
        base_path: StrPath | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Copy the files that match a pattern into the folder of the run, `Run.dir`; return the paths of the copies.

        >>> run.save("checkpoints/*/model.pt")
        >>> run.save("/data/night-17/checkpoints/*", base_path="/data/night-17", policy="now")

        A copy keeps the path that its file has below `base_path`: by default below the working folder, or, for an
        absolute pattern, its name and the folder that it is in. With `policy="now"` a file is copied once, with `end`
        when the run ends, and with `live` now and whenever it has changed: at most once a second, and when the run
        ends. With `glob=False` the pattern is the path of one file. A file in `Run.dir` stays where it is. Raises
        `InvalidInput` for a pattern outside of `base_path`.
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
        saved = []
        for path in sorted(globbing.glob(absolute if glob else globbing.escape(absolute), recursive=True)):
            source = Path(path)
            if source.is_dir():
                files = [Path(parent, name) for parent, _, names in os.walk(source) for name in names]
            else:
                files = [source]
            saved += [str(self._save_file(file, base, folder, policy)) for file in sorted(files)]
        return saved

    def _save_file(self, source: Path, base: Path, folder: Path, policy: str) -> Path:
        if source.resolve().is_relative_to(folder):
            return source
        if not source.is_relative_to(base):
            raise InvalidInput(f"{str(source)!r} is not below base_path={str(base)!r}: Glob may not walk above it")
        target = folder / source.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._files_lock:
            if policy != "end":
                self._copy(source, target)
            if policy != "now":
                self._followed[target] = (source, policy)
        return target

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a file unless it is as it was when it was copied last."""
        status = source.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        if self._copied.get(target) == stamp and target.exists():
            return
        partial = target.with_name(f".{target.name}.part")
        shutil.copy2(source, partial)
        # A reader of the folder sees the file as it was or as it is, and never half of it.
        os.replace(partial, target)
        self._copied[target] = stamp

    def _copy_followed(self, *, at_end: bool) -> None:
        with self._files_lock:
            for target, (source, policy) in self._followed.items():
                if policy == "end" and not at_end:
                    continue
                # A file that was deleted meanwhile keeps its last copy.
                if source.is_file():
                    self._copy(source, target)

    def _flush(self) -> None:
        super()._flush()
        self._copy_followed(at_end=False)

    def _copy_at_end(self) -> None:
        try:
            self._copy_followed(at_end=True)
        except OSError as error:
            self._errors[object()] = ("a saved file", error)

    def _reset_in_child(self) -> None:
        super()._reset_in_child()
        self._files_lock, self._followed = threading.RLock(), {}

    def _end_in_child(self, code: int) -> None:
        self._copy_at_end()
        super()._end_in_child(code)

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
    if target.exists() and not replace:
        return target.open()
    files = run.files([name])
    return files[0].download(root, replace=True) if len(files) else None


def _base(pattern: str, base_path: StrPath | None) -> StrPath:
    if base_path is not None:
        return base_path
    return Path(pattern).parent.parent if os.path.isabs(pattern) else "."
