"""The pages about the store as a whole: its space, its pending versions, and the log of its changes."""

from __future__ import annotations

from starlette.requests import Request

from artstore.store import Store
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
        "events": [event._asdict() for event in store.browse.events(count=_LATEST)],
    }
    return Page("store.html", "Store", data)


def events(store: Store, request: Request) -> Page:
    """Show the log of changes, the newest first."""
    query = Query(request)
    before = query.number("before", 0) or None
    found = store.browse.events(before=before, count=_EVENTS)
    more = query.changed(before=found[-1].id) if len(found) == _EVENTS else None
    return Page("events.html", "Events", {"events": [event._asdict() for event in found], "next": more})
