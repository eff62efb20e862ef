"""Find versions that are still needed: by aliases, links, versions that reference them, or until their ttl ends.

And find the versions that contain damaged files.
"""

from __future__ import annotations

from collections.abc import Iterable

from artstore.catalog import aliases, links, row_checksums, versions
from artstore.catalog.connection import Connection
from artstore.core.versions import Version
from artstore.errors import ProtectedAlias, StillNeeded


def dependents(connection: Connection, version: int) -> list[Version]:
    """Return the versions that reference a version, without deleted ones."""
    where = """where v.state = 'committed' and v.id in (select version from dependencies where target = ?)
        order by v.id"""
    return versions.select(connection, where, (version,))


def pending_dependents(connection: Connection, version: int) -> list[str]:
    """Return the pending versions that reference a version, by the names of their collections."""
    query = """
        select projects.name || '/' || c.name from pending_dependencies
        join pending on pending.id = pending_dependencies.pending
        join collections as c on c.id = pending.collection join projects on projects.id = c.project
        where pending_dependencies.target = ? order by 1
    """
    return [row[0] for row in connection.execute(query, (version,))]


def check_deletable(
    connection: Connection, version: Version, *, delete_aliases: bool, force: bool, also: set[int]
) -> None:
    """Raise `StillNeeded` if a version or a link to it has aliases, or if another version, or a pending one, needs it.

    Versions in `also` do not count: they are deleted together with this one. The `latest` of a link does not hold it.
    """
    if version.aliases and not delete_aliases:
        raise StillNeeded(
            f"{version.name} has the aliases {', '.join(version.aliases)}: move them, or pass delete_aliases=True"
        )
    linked = links.held_by_alias(connection, version.id)
    if linked and not delete_aliases:
        raise StillNeeded(
            f"{version.name} is linked with the alias {', '.join(linked)}: move it to another version, "
            "or pass delete_aliases=True"
        )
    protected = aliases.protected_of(connection, version.id)
    if protected and not force:
        raise ProtectedAlias(
            f"{version.name} has the protected alias {protected[0]}: move it first, or pass force=True"
        )
    needing = [v.qualified_name for v in dependents(connection, version.id) if v.id not in also]
    needing += [f"{name} (pending)" for name in pending_dependents(connection, version.id)]
    if needing and not force:
        raise StillNeeded(
            f"{version.name} is referenced by {', '.join(needing)}: delete those first, or pass force=True"
        )


_PAST_TTL = "v.ttl is not null and julianday(v.created_at) + v.ttl / 86400.0 <= julianday(?)"


def is_expired(connection: Connection, version: int, now: str) -> bool:
    """Whether the time to live of a version has passed."""
    query = f"select 1 from versions as v where v.id = ? and {_PAST_TTL}"
    return connection.execute(query, (version, now)).fetchone() is not None


def expired(connection: Connection, now: str) -> list[Version]:
    """Return the versions whose time to live has passed and that nothing keeps.

    A version is kept by an alias other than `latest`, by a link that shows it, and by a version or pending version
    that references it; so is one whose row, or whose aliases, are damaged or in quarantine.
    """
    where = f"""where {_PAST_TTL} and v.state = 'committed'
        and not exists (select 1 from aliases where aliases.version = v.id)
        and not exists (select 1 from links where links.version = v.id and links.removed_at is null)
        and not exists (
            select 1 from dependencies join versions as n on n.id = dependencies.version and n.state = 'committed'
            where dependencies.target = v.id
        )
        and not exists (select 1 from pending_dependencies where pending_dependencies.target = v.id) order by v.id"""
    return [
        version
        for version in versions.select(connection, where, (now,))
        if all(row_checksums.are_right(connection, table, version.id) for table in ("versions", "aliases"))
    ]


def versions_with(connection: Connection, file_digests: Iterable[bytes]) -> list[tuple[Version, str]]:
    """Return the versions that contain any of these files, each with the path of the file in it."""
    query = """
        select distinct version_groups.version, entries.path from files
        join entries on entries.file = files.id
        join group_segments on group_segments.segment = entries.segment
        join version_groups on version_groups.segment_group = group_segments.segment_group
        join versions on versions.id = version_groups.version and versions.state = 'committed'
        where files.digest = ? order by 1, 2
    """
    return [
        (versions.by_id(connection, id), path)
        for digest in file_digests
        for id, path in connection.execute(query, (digest,)).fetchall()
    ]


def pending_with(connection: Connection, file_digests: Iterable[bytes]) -> list[tuple[str, str]]:
    """Return the pending versions that contain any of these files, by qualified name, each with the path in it."""
    query = """
        select projects.name || '/' || c.name, e.path from files
        join pending_entries as e on e.file = files.id
        join pending as p on p.id = e.pending
        join collections as c on c.id = p.collection join projects on projects.id = c.project
        where files.digest = ? order by 1, 2
    """
    return [row for digest in file_digests for row in connection.execute(query, (digest,)).fetchall()]
