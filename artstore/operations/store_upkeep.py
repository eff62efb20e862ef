"""The upkeep of a store: the part of `Store` that collects garbage, verifies, repairs, backs up and restores."""

from __future__ import annotations

from pathlib import Path

from artstore.operations import backup, gc, last_verification, repair, restore, verify
from artstore.operations.backup import BackupResult
from artstore.operations.gc import GcResult
from artstore.operations.repair import RepairResult
from artstore.operations.restore import RestoreResult
from artstore.operations.store_reader import StoreReader, StrPath
from artstore.operations.verify import VerifyResult
from artstore.runtime.arguments import checked
from artstore.runtime.progress import SILENT, Progress


@checked
class StoreUpkeep(StoreReader):
    """Upkeep of the whole store."""

    def gc(self, *, dry_run: bool = False, progress: Progress = SILENT) -> GcResult:
        """Clean up after crashes and delete expired versions. With `dry_run`, only report."""
        return gc.collect_garbage(self.repository, dry_run=dry_run, progress=progress)

    def verify(self, *, head: str | None = None, progress: Progress = SILENT) -> VerifyResult:
        """Read everything again; name each damaged entry and every version that it harms."""
        result = verify.verify(self.repository, head=head, progress=progress)
        last_verification.note(self.repository, result)
        return result

    def backup(self, path: StrPath, *, progress: Progress = SILENT) -> BackupResult:
        """Copy the store, while it is in use, into a folder that is a store itself; everything copied is verified.

        What is damaged is in `findings` of the result; an earlier good copy of it in the folder stays.
        """
        return backup.backup(self.repository, Path(path).absolute(), progress=progress)

    def repair(
        self,
        source: StrPath | None = None,
        *,
        quarantine: bool = False,
        dry_run: bool = False,
        progress: Progress = SILENT,
    ) -> RepairResult:
        """Heal damaged chunks with good copies from a folder of files, a backup or another store.

        Damaged rows of the catalog are healed from a backup or copy of this store. What is still damaged is in
        `findings` of the result. With `quarantine`, new versions do not reuse damaged content: a file with that content
        is stored again when it is added, which also heals the versions that have it. Values of rows that cannot be
        understood are put aside, so that the rest of the store can be used. With `dry_run`, nothing changes.
        """
        place = None if source is None else Path(source).absolute()
        return repair.repair(self.repository, place, set_aside=quarantine, dry_run=dry_run, progress=progress)

    @staticmethod
    def restore(backup: StrPath, path: StrPath, *, replace: bool = False, progress: Progress = SILENT) -> RestoreResult:
        """Make a folder the store that a backup is a copy of. With `replace`, it may hold a store, which is replaced.

        Raises `StoreBusy` if a process uses the store there.
        """
        return restore.restore(Path(backup).absolute(), Path(path).absolute(), replace=replace, progress=progress)
