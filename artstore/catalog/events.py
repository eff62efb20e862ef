"""The log of changes to a store: one row for each, chained by hashes (docs/format.md, section 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from artstore.catalog import damage, timestamps
from artstore.catalog.connection import Connection, Noted
from artstore.catalog.json_columns import read_object
from artstore.core.digests import Algorithm, text
from artstore.core.versions import LabelChange
from artstore.errors import Damaged


class Event(NamedTuple):
    """One line of the log. `hash` covers the line and the hash of the line before it."""

    id: int
    at: str
    kind: str
    subject: str
    detail: dict[str, Any]
    hash: str


def canonical_json(value: object) -> str:
    """Write a value as JSON with sorted keys and no white space, the form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def event_hash(algorithm: Algorithm, before: str, at: str, kind: str, subject: str, detail: str) -> str:
    """Return the hash of an event that follows the one with the hash `before`."""
    return algorithm.structure("artstore.event.1", b"".join(map(text, (before, at, kind, subject, detail))))


def head(connection: Connection) -> str:
    """Return the hash of the newest event; an empty string if there is none."""
    row = connection.execute("select hash from events order by id desc limit 1").fetchone()
    return row[0] if row else ""


def record(connection: Connection, kind: str, subject: str, /, **detail: object) -> None:
    """Add an event, in the transaction that makes the change it describes."""
    at, written = timestamps.now(), canonical_json(detail)
    hash = event_hash(connection.algorithm, head(connection), at, kind, subject, written)
    row = (at, kind, subject, written, hash)
    id = connection.execute(
        "insert into events (at, kind, subject, detail, hash) values (?, ?, ?, ?, ?)", row
    ).lastrowid
    assert id is not None
    connection.newest_event = Noted(id, hash)


def since(connection: Connection, after: int = 0) -> Iterator[Event]:
    """Yield the events after an id, the oldest first."""
    query = "select id, at, kind, subject, detail, hash from events where id > ? order by id"
    for row in connection.execute(query, (after,)):
        yield Event(row[0], row[1], row[2], row[3], read_object(row[4]), row[5])


def deleted_runs(connection: Connection) -> Iterator[tuple[int | None, str]]:
    """Yield the number and the id of each run that was deleted; earlier releases did not note the number."""
    for subject, detail in connection.execute("select subject, detail from events where kind = 'run-deleted'"):
        number = read_object(detail).get("number")
        yield number if isinstance(number, int) else None, subject.split("/", 2)[-1]


def chained(connection: Connection, id: int) -> tuple[str, ...] | None:
    """Return the time, kind, subject, detail and hash of an event, also of damaged ones; None if it is missing."""
    return next((event for _, event in _chained(connection, "where id = ?", (id,))), None)


def _chained(connection: Connection, where: str, parameters: tuple[int, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    columns = ", ".join(f"cast({name} as blob)" for name in ("at", "kind", "subject", "detail", "hash"))
    for id, *event in connection.execute(f"select id, {columns} from events {where} order by id", parameters):
        yield id, tuple("" if value is None else value.decode(errors="backslashreplace") for value in event)


def first_broken(connection: Connection) -> int | None:
    """Return the id of the first event whose hash does not match the chain; None if all match."""
    before = ""
    for id, event in _chained(connection, "", ()):
        if event_hash(connection.algorithm, before, *event[:4]) != event[4]:
            return id
        before = event[4]
    return None


def contains(connection: Connection, hash: str) -> bool:
    """Whether an event with this hash is in the log."""
    return connection.execute("select 1 from events where hash = ?", (hash,)).fetchone() is not None


_LABELS = """
    select events.id, events.at, events.kind, events.subject, events.detail
    from json_each(?) as wanted join events on events.subject = wanted.key and events.at >= wanted.value
    where events.kind in ('alias-set', 'alias-removed', 'version-linked', 'version-unlinked')
    order by events.id desc
"""


def label_changes(connection: Connection, subjects: Mapping[str, str]) -> list[LabelChange]:
    """Return the changes of aliases and links that the log has of versions and links, the newest first.

    Each name comes with the time from which it means this version or link: before, it may have meant another.
    """
    found: list[LabelChange] = []
    for id, at, kind, subject, written in connection.execute(_LABELS, (json.dumps(dict(subjects)),)):
        detail = read_object(written)
        user, before, is_of_alias = detail.get("by"), detail.get("before"), kind.startswith("alias-")
        aliases = [detail.get("alias")] if is_of_alias else detail.get("aliases", [])
        is_right = isinstance(user, str | None) and isinstance(before, str | None) and isinstance(aliases, list)
        if not is_right or not all(isinstance(alias, str) for alias in aliases):
            raise Damaged(f"events row {id}: detail is not that of {kind}: {damage.REMEDY}")
        action = "removed" if kind == "alias-removed" else "set"
        found += [LabelChange(at, user, subject, action, alias, before) for alias in aliases]
        if not is_of_alias:
            found.append(LabelChange(at, user, subject, "linked" if kind == "version-linked" else "unlinked"))
    return found
