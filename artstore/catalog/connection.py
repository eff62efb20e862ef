"""A connection to the catalog, which knows the digest algorithm of its store."""

from __future__ import annotations

import sqlite3

from artstore.core.digests import Algorithm


class Connection(sqlite3.Connection):
    """What the catalog's functions take first; operations only hand it on."""

    algorithm: Algorithm
    """The store's digest algorithm. Set as soon as it is known: while a store is being opened, it is not."""
