"""Release content, from versions down to the ranges of packs that nothing needs any more (docs/lifecycle.md).

Each step takes the candidates that the step above released, and spares those that something else still uses. All of it
runs in the transaction that deletes a version or closes a lease, so no other writer can come in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import chunks as content
from artstore.catalog import leases, row_checksums, row_quarantine
from artstore.catalog.connection import Connection
from artstore.catalog.leases import Claim
from artstore.storage.packs import HEADER


class Freed(NamedTuple):
    """The content that was released: bytes of content, bytes in packs, files and chunks."""

    content: int = 0
    stored: int = 0
    files: int = 0
    chunks: int = 0


_CANDIDATES = ("groups", "segments", "files", "refs", "chunks")


def release(
    connection: Connection,
    *,
    versions: Iterable[int] = (),
    claims: Iterable[Claim] = (),
    pending: Iterable[int] = (),
    files: Iterable[int] = (),
    everything: bool = False,
) -> Freed:
    """Release deleted versions, pending versions, and the claims of closed leases, and delete what nothing else uses.

    `files` are ids of files that runs do not keep any more. With `everything`, all that nothing uses is deleted.

    Content that an open lease claims stays: reap the leases of dead processes first. While damaged rows in quarantine
    may need content (`catalog.row_quarantine`), none is deleted.
    """
    claims, versions = list(claims), list(versions)
    held = row_quarantine.holds_content(connection)
    row_quarantine.forget_versions(connection, versions)
    for name in _CANDIDATES:
        connection.execute(f"create temp table if not exists released_{name} (id integer primary key)")
        connection.execute(f"delete from temp.released_{name}")
    _release_versions(connection, versions, claims)
    _release_pending(connection, pending)
    if row_quarantine.holds_content(connection):
        return Freed()
    if held or everything:
        for name, table in zip(_CANDIDATES, ("segment_groups", "segments", "files", "refs", "chunks"), strict=True):
            connection.execute(f"insert or ignore into temp.released_{name} select id from {table}")
    with connection.large_cache():
        _release_manifests(connection)
        _add_unclaimed(connection, "file", claims, holder="entries")
        connection.executemany("insert or ignore into temp.released_files values (?)", [(id,) for id in files])
        count = _release_files(connection)
        _add_unclaimed(connection, "chunk", claims, holder="file_chunks")
        return _release_chunks(connection, count)


def _release_versions(connection: Connection, versions: Iterable[int], claims: list[Claim]) -> None:
    deleted = set(versions)
    for claim in claims:
        if claim.kind == "version":
            query = "select id from versions where state = 'deleted' and id between ? and ?"
            found = connection.execute(query, (claim.first, claim.last)).fetchall()
            # A damaged row may call a version deleted that is not.
            deleted.update(id for (id,) in found if row_checksums.are_right(connection, "versions", id))
    for version in deleted:
        if leases.claims_version(connection, version):
            continue
        connection.execute(
            "insert or ignore into temp.released_groups select segment_group from version_groups where version = ?",
            (version,),
        )
        connection.execute("delete from version_groups where version = ?", (version,))


def _release_pending(connection: Connection, pending: Iterable[int]) -> None:
    for id in pending:
        for column, candidates in (("file", "files"), ("ref", "refs")):
            connection.execute(
                f"""
                insert or ignore into temp.released_{candidates} select {column} from pending_entries
                where pending = ? and {column} is not null
                """,
                (id,),
            )
        connection.execute("delete from pending_entries where pending = ?", (id,))


def _release_manifests(connection: Connection) -> None:
    run = connection.execute
    _keep_used(connection, "groups", "version_groups", "segment_group")
    run(
        """
        insert or ignore into temp.released_segments
        select segment from group_segments where segment_group in (select id from temp.released_groups)
        """
    )
    run("delete from group_segments where segment_group in (select id from temp.released_groups)")
    run("delete from segment_groups where id in (select id from temp.released_groups)")
    _keep_used(connection, "segments", "group_segments", "segment")
    for column, candidates in (("file", "files"), ("ref", "refs")):
        run(
            f"""
            insert or ignore into temp.released_{candidates} select {column} from entries
            where segment in (select id from temp.released_segments) and {column} is not null
            """
        )
    run("delete from entries where segment in (select id from temp.released_segments)")
    run("delete from segments where id in (select id from temp.released_segments)")
    _keep_used(connection, "refs", "entries", "ref")
    _keep_used(connection, "refs", "pending_entries", "ref")
    run("delete from refs where id in (select id from temp.released_refs)")


def _keep_used(connection: Connection, candidates: str, holder: str, column: str) -> None:
    connection.execute(
        f"""
        delete from temp.released_{candidates}
        where exists (select 1 from {holder} where {holder}.{column} = temp.released_{candidates}.id)
        """
    )


def _keep_claimed(connection: Connection, kind: str) -> None:
    connection.executemany(
        f"delete from temp.released_{kind}s where id between ? and ?", leases.claimed(connection, kind)
    )


def _add_unclaimed(connection: Connection, kind: str, claims: list[Claim], *, holder: str) -> None:
    """Add what was claimed, but nothing that the holder uses, as most of it is; other uses are looked for later."""
    query = f"""
        insert or ignore into temp.released_{kind}s select id from {kind}s
        where id between ? and ? and not exists (select 1 from {holder} where {holder}.{kind} = {kind}s.id)
    """
    for claim in claims:
        if claim.kind == kind and not _is_all_used(connection, claim, holder):
            connection.execute(query, (claim.first, claim.last))


def _is_all_used(connection: Connection, claim: Claim, holder: str) -> bool:
    """Whether the holder uses all that a long claim names: counting both in order costs less than half."""
    if claim.last - claim.first < 1000:
        return False
    kind, ids = claim.kind, (claim.first, claim.last)
    query = f"select count(*) from (select distinct {kind} from {holder} where {kind} between ? and ?)"
    [(used,)] = connection.execute(query, ids)
    [(claimed,)] = connection.execute(f"select count(*) from {kind}s where id between ? and ?", ids)
    return bool(used == claimed)


def _release_files(connection: Connection) -> int:
    run = connection.execute
    _keep_used(connection, "files", "entries", "file")
    _keep_used(connection, "files", "pending_entries", "file")
    _keep_used(connection, "files", "run_files", "file")
    _keep_claimed(connection, "file")
    run(
        """
        insert or ignore into temp.released_chunks
        select chunks.id from file_chunks
        cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
        where file_chunks.file in (select id from temp.released_files)
        """
    )
    run("delete from file_chunks where file in (select id from temp.released_files)")
    return run("delete from files where id in (select id from temp.released_files)").rowcount


def _release_chunks(connection: Connection, files: int) -> Freed:
    run = connection.execute
    run(
        f"""
        delete from temp.released_chunks
        where exists (select 1 from file_chunks where {content.HOLDS_CHUNK.format(chunk="temp.released_chunks.id")})
        """
    )
    _keep_claimed(connection, "chunk")
    size, stored, count = _free(connection)
    run("delete from quarantine where chunk in (select id from temp.released_chunks)")
    run("delete from chunks where id in (select id from temp.released_chunks)")
    return Freed(size, stored, files, count)


def _free(connection: Connection) -> tuple[int, int, int]:
    """Free the places of the released chunks; return their bytes of content and in packs, and their number."""
    run = connection.execute
    run(
        """
        create temp table if not exists gone (
            pack integer primary key, chunks integer, stop integer, length integer, size integer
        )
        """
    )
    run("delete from temp.gone")
    run(
        """
        insert into temp.gone select pack, count(*), max(offset + length), sum(length), sum(size) from chunks
        where id in (select id from temp.released_chunks) group by pack
        """
    )
    # A pack that loses all of its chunks gets one range, so that its size does not matter.
    emptied = "select pack from temp.gone where chunks = (select count(*) from main.chunks where pack = gone.pack)"
    run(
        f"""
        insert into free (pack, offset, length)
        select pack, :start, stop - :start from temp.gone where pack in ({emptied})
        """,
        {"start": len(HEADER)},
    )
    run(
        f"""
        insert into free (pack, offset, length) select pack, offset, length from chunks
        where id in (select id from temp.released_chunks) and pack not in ({emptied})
        """
    )
    run(
        """
        update packs set live = live - gone.length, saved = saved - (gone.size - gone.length)
        from temp.gone where packs.id = gone.pack
        """
    )
    total: tuple[int, int, int] = run(
        "select coalesce(sum(size), 0), coalesce(sum(length), 0), coalesce(sum(chunks), 0) from temp.gone"
    ).fetchone()
    return total


def orphans(connection: Connection) -> dict[str, int]:
    """Count the rows that nothing uses, by table: any such row is a fault."""
    claimed = "(select 1 from claims where kind = '{}' and {}.id between first and last)"
    kept = claimed.format("version", "versions")
    queries = {
        "segment_groups": """select count(*) from segment_groups
            where id not in (select segment_group from version_groups)""",
        "segments": "select count(*) from segments where id not in (select segment from group_segments)",
        "versions": f"""select count(*) from versions where state = 'deleted' and not exists {kept}
            and exists (select 1 from version_groups where version_groups.version = versions.id)""",
        "files": f"""select count(*) from files where not exists {claimed.format("file", "files")}
            and not exists (select 1 from entries where entries.file = files.id)
            and not exists (select 1 from pending_entries where pending_entries.file = files.id)
            and not exists (select 1 from run_files where run_files.file = files.id)""",
        "chunks": f"""select count(*) from chunks where not exists {claimed.format("chunk", "chunks")}
            and not exists (select 1 from file_chunks where {content.HOLDS_CHUNK.format(chunk="chunks.id")})""",
        "refs": """select count(*) from refs where id not in (select ref from entries where ref is not null)
            and id not in (select ref from pending_entries where ref is not null)""",
    }
    return {name: connection.execute(query).fetchone()[0] for name, query in queries.items()}
