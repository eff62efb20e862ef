"""The contract for drivers: what the code for a URI scheme must offer, and the names it needs to offer it.

A driver is a subclass of `Driver` that finds, lists and reads the objects of one or more URI schemes. It must offer:

- `stat(uri)`: look at one object, and return a `RemoteObject` with what identifies its content;
- `read(pinned, start, stop)`: yield the bytes of exactly the object that was pinned, or raise `changed(...)`;
- `list(prefix)`: yield every object below a prefix in key order; a scheme without prefixes sets `lists = False`;
- optionally `parse(uri)` if a URI can ask for a version, `steady(pinned)`, `close()`, `read_stored(pinned)` if the
  server can keep objects compressed, and `stat_many(targets)` if many objects can be looked at for less.

It announces itself as an entry point in the group `artstore.drivers`, named after the scheme. `drivers/README.md` shows
how to write one, and `artstore.testing` has the tests that every driver must pass. A driver imports this package and
`artstore.errors`, and nothing else of artstore.

A driver knows URIs and objects, not stores or artifacts. What does not depend on a scheme is written once, above the
drivers: whether a URI means an object or a prefix (`expanding`), where an object lands in an artifact (`placing`),
retries (`retrying`), reading in parts (`fetching`), checking digests (`verifying`) and choosing a driver (`registry`).
The rest of artstore uses drivers through `session.Session`.
"""

from __future__ import annotations

from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.drivers.concurrent import as_done
from artstore.drivers.driver import (
    Driver,
    NoRanges,
    StoredCompressed,
    Target,
    is_compressed,
    missing_library,
    unusable_options,
)
from artstore.drivers.remote_object import RemoteObject, changed
from artstore.drivers.retrying import retried, unavailable
from artstore.runtime.secrets import redacted, refuse_secrets, refuse_userinfo, shown

__all__ = [
    "Algorithm",
    "Driver",
    "Entry",
    "Kind",
    "NoRanges",
    "RemoteObject",
    "StoredCompressed",
    "Target",
    "as_done",
    "changed",
    "is_compressed",
    "missing_library",
    "redacted",
    "refuse_secrets",
    "refuse_userinfo",
    "retried",
    "shown",
    "unavailable",
    "unusable_options",
]
