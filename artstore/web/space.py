"""The pages about the store as a whole: its space, its pending versions, and the log of its changes."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from artstore.operations.browse import Event
from artstore.store import Store
from artstore.web import links
from artstore.web.page import Page, Query

_EVENTS = 100
_LATEST = 20


def store(store: Store, request: Request) -> Page:
    """Show the space of the store on disk, the pending versions, and the latest changes."""
    data = {
        "path": str(store.path),
        "uid": store.browse.store_uid,
        "algorithm": store.algorithm,
        "compression": store.compression,
        "verified": store.browse.last_verification(),
        "usage": store.usage()._asdict(),
        "pending": [
            {
                "name": pending.qualified_name,
                "type": pending.type,
                "id": pending.distributed_id,
                "entries": pending.entries,
                "size": pending.size,
                "runs": list(pending.runs),
                "updated_at": pending.updated_at,
            }
            for pending in store.pending()
        ],
        "events": list(map(_event, store.browse.events(count=_LATEST))),
    }
    return Page("store.html", "Store", data)


def events(store: Store, request: Request) -> Page:
    """Show the log of changes, the newest first."""
    query = Query(request)
    before = query.number("before", 0) or None
    found = store.browse.events(before=before, count=_EVENTS)
    more = query.changed(before=found[-1].id) if len(found) == _EVENTS else None
    return Page("events.html", "Events", {"events": list(map(_event, found)), "next": more})


def _event(event: Event) -> dict[str, Any]:
    """Return an event with the address of what it is about, if a page shows that."""
    shown = {key: value for key, value in event.detail.items() if value is not None}
    return event._asdict() | {"shown": shown, "href": _address(event.kind, event.subject)}


def _address(kind: str, subject: str) -> str | None:
    name, _, label = subject.partition(":")
    parts = name.split("/")
    if kind.startswith("run-") and kind != "run-deleted":
        return links.run(parts[-2], parts[-1])
    if len(parts) != 2 or kind.endswith("-deleted"):
        return None
    if label[:1] == "v" and label[1:].isdigit():
        return links.version(parts[0], parts[1], label[1:])
    return None if label else links.collection(parts[0], parts[1])
