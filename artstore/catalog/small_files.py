"""Read segments as columns: those whose entries are all small files, with the places of their content in packs."""

from __future__ import annotations

from artstore.catalog import manifests
from artstore.catalog.connection import Connection
from artstore.catalog.entries import split_digests
from artstore.core import manifest
from artstore.core.digests import LENGTH
from artstore.core.file_columns import SmallFiles, split_numbers
from artstore.core.manifest import Entry, Group, Kind

_COLUMNS = """
    select max(kind + executable), max(files.size > 0 and packs.id is null), group_concat(path, :nul),
        cast(group_concat(files.digest, '') as blob), group_concat(files.id), group_concat(files.size),
        group_concat(coalesce(packs.name, '')), group_concat(coalesce(chunks.offset, 0)),
        group_concat(coalesce(chunks.length, 0)), group_concat(coalesce(chunks.codec, 0))
    from entries left join files on files.id = entries.file
    left join file_chunks on file_chunks.file = files.id and file_chunks.position = 0 and file_chunks.count = 1
    left join chunks on chunks.id = file_chunks.chunk and chunks.size = files.size
    left join packs on packs.id = chunks.pack
    where entries.segment = :segment
"""


def segments_of(connection: Connection, group: Group) -> list[tuple[str, SmallFiles | list[Entry]]]:
    """Read the segments of a group in order, as columns where they have them, each with the digest of what was read.

    Returns nothing if the group was deleted.
    """
    query = """
        select group_segments.segment from segment_groups as g
        join group_segments on group_segments.segment_group = g.id where g.digest = ? order by group_segments.position
    """
    ids = connection.execute(query, (connection.algorithm.parse(group.digest),)).fetchall()
    return [_read(connection, id) for (id,) in ids]


def _read(connection: Connection, id: int) -> tuple[str, SmallFiles | list[Entry]]:
    """Read a segment, and compute its digest."""
    algorithm = connection.algorithm
    row = connection.execute(_COLUMNS, {"segment": id, "nul": "\0"}).fetchone()
    if row[0] == Kind.FILE and not row[1]:
        files = SmallFiles(*row[2:])
        paths = files.paths.encode().split(b"\0")
        # SQL does not promise the order of an aggregate; and a file that the catalog has lost has no digest here.
        if len(files.digests) == LENGTH * len(paths) and paths == sorted(paths):
            digests, sizes = split_digests(connection, files.digests), split_numbers(files.sizes)
            return manifest.file_segment_digest(algorithm, paths, digests, sizes), files
    entries = manifests.entries_of_segment(connection, id)
    return manifest.segment_digest(algorithm, entries), entries


def entries(connection: Connection, files: SmallFiles) -> list[Entry]:
    """Make the entries of files in columns."""
    digests = split_digests(connection, files.digests)
    columns = zip(files.paths.split("\0"), digests, split_numbers(files.sizes), strict=True)
    return [Entry(path, Kind.FILE, digest, size) for path, digest, size in columns]
