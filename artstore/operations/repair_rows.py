"""Heal damaged rows of the catalog with those of a backup, and put those that cannot be healed into quarantine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import backup_file, chunks, events, garbage, row_healing, row_quarantine, structure, versions
from artstore.catalog.backup_file import CatalogCopy
from artstore.catalog.connection import FILE, Connection
from artstore.catalog.repository import Repository
from artstore.catalog.row_quarantine import ENTRIES, EVENTS, FILES
from artstore.operations import row_checks
from artstore.operations.delete import release_dead_leases
from artstore.operations.findings import Finding
from artstore.operations.reclaim_space import reclaim_space
from artstore.operations.row_checks import RowFault


class RowsRepaired(NamedTuple):
    """The result of repairing rows: how many were healed and put into quarantine, and what is still damaged."""

    healed: int = 0
    quarantined: int = 0
    findings: tuple[Finding, ...] = ()


class _Undo(Exception):
    """Ends a transaction whose changes do not stay, with the result of the repair."""

    def __init__(self, healed: int, left: list[RowFault], note: str | None) -> None:
        self.healed, self.left, self.note = healed, left, note


def repair(repository: Repository, source: Path | None, *, set_aside: bool, dry_run: bool) -> RowsRepaired:
    """Heal damaged rows from a backup; with `set_aside`, put the others into quarantine. All of it or nothing.

    With `dry_run`, nothing changes.
    """
    faults, others = _faults(repository), _sqlite_faults(repository)
    with repository.db.reading() as connection:
        there = row_quarantine.listed(connection)
    if not faults and not others and not there:
        return RowsRepaired()
    notes, healed = [], 0
    if source is not None and (source / FILE).is_file() and (faults or others):
        healed, faults, note = _heal(repository, source, faults, dry_run=dry_run)
        if note is not None:
            notes.append(Finding(note))
    keys = {(fault.table, fault.owner) for fault in faults}
    new = [
        (fault.table, fault.owner, fault.finding.what) for fault in faults if (fault.table, fault.owner) not in there
    ]
    quarantined = len(new) if set_aside else 0
    if not dry_run and (quarantined or there.keys() - keys):
        _quarantine(repository, new if set_aside else [], there.keys() - keys)
    if dry_run:
        return RowsRepaired(healed, quarantined, (*notes, *(fault.finding for fault in faults)))
    left = row_checks.told(repository, iter(faults))
    release_orphans(repository)
    return RowsRepaired(healed, quarantined, (*notes, *left, *map(Finding, _sqlite_faults(repository))))


def _faults(repository: Repository, files: Collection[int] | None = None) -> list[RowFault]:
    """Return the faults of rows; of files with several chunks only those among `files` are read, if given."""
    with repository.db.reading() as connection:
        broken, committed = list(row_checks.broken_log(connection)), versions.committed(connection)
    return [
        *row_checks.changed_rows(repository),
        *broken,
        *row_checks.wrong_manifests(repository, committed),
        *row_checks.wrong_files(repository, files, unreadable=False),
    ]


def _sqlite_faults(repository: Repository) -> list[str]:
    with repository.db.reading() as connection:
        return [f"SQLite: {fault}" for fault in structure.check(connection)]


def _heal(
    repository: Repository, source: Path, faults: list[RowFault], *, dry_run: bool
) -> tuple[int, list[RowFault], str | None]:
    """Return how many rows were healed, the faults that are left, and why nothing could be taken from the source."""
    path = source / FILE
    wrong = backup_file.faults(path)
    if wrong:
        return 0, faults, f"{path} is damaged itself, so no row was taken from it: {wrong[0]}"
    healed, left = 0, faults
    with closing(CatalogCopy(path)) as copy:
        if events.first_broken(copy.connection) is not None:
            return 0, faults, f"{path} has a log that was rewritten, so no row was taken from it"
        with repository.db.reading() as connection:
            if not row_healing.is_earlier(connection, copy.connection):
                return 0, faults, f"{path} is not an earlier state of this store, so no row was taken from it"
        try:
            with repository.db.attached(path), _changing_rows(repository) as connection:
                before = set(_sqlite_faults(repository))
                healed = row_healing.heal_events(connection)
                healed += row_healing.heal_owned(connection, copy.connection)
                healed += row_healing.heal_content(connection, copy.connection)
                chunks.count_again(connection)
                left = _faults(repository, [fault.owner for fault in faults if fault.table == FILES])
                if not _is_better(faults, left) or not set(_sqlite_faults(repository)) <= before:
                    raise _Undo(0, faults, f"{path} has rows that contradict this store, so none was taken from it")
                if dry_run:
                    raise _Undo(healed, left, None)
                if healed:
                    events.record(connection, "rows-healed", "", rows=healed)
        except _Undo as undone:
            return undone.healed, undone.left, undone.note
    return healed, left, None


def _is_better(before: list[RowFault], after: list[RowFault]) -> bool:
    """Whether nothing is damaged that was not, or could not be looked at."""
    known = {(fault.table, fault.owner) for fault in before}
    return all(
        (fault.table, fault.owner) in known
        or (fault.table == ENTRIES and ("versions", fault.owner) in known)
        or (fault.table == EVENTS and any(table == EVENTS and owner < fault.owner for table, owner in known))
        for fault in after
    )


@contextmanager
def _changing_rows(repository: Repository) -> Iterator[Connection]:
    """Begin a transaction in which rows may contradict each other until its end, with indexes that fit the rows."""
    with repository.db.writing() as connection:
        connection.execute("pragma defer_foreign_keys = on")
        connection.execute("pragma ignore_check_constraints = on")
        try:
            if structure.check(connection):
                row_healing.index_again(connection)
            yield connection
        finally:
            connection.execute("pragma ignore_check_constraints = off")


def _quarantine(repository: Repository, new: list[tuple[str, int, str]], healed: set[tuple[str, int]]) -> None:
    with _changing_rows(repository) as connection:
        row_quarantine.release(connection, healed)
        for table, owner in row_quarantine.add(connection, new):
            events.record(connection, "row-quarantined", f"{table} {owner}")


def release_orphans(repository: Repository) -> None:
    """Release content that nothing uses: while rows were damaged, it was kept, as they may have needed it."""
    with repository.db.reading() as connection:
        if row_quarantine.holds_content(connection) or not any(garbage.orphans(connection).values()):
            return
    if not _faults(repository):
        with repository.db.writing() as connection:
            release_dead_leases(repository, connection)
            garbage.release(connection, everything=True)
        reclaim_space(repository)
