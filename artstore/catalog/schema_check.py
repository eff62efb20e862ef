"""Check the schema of a store before anything else is read: someone may have sent the store.

A trigger of a foreign schema would run when artstore writes, and a view or a virtual table in the place of a table when
it reads. Tables and views that artstore does not know are left alone: a newer one made them, and nothing reads them.
"""

from __future__ import annotations

from artstore.catalog.connection import Connection
from artstore.catalog.schema import TABLES
from artstore.errors import Damaged


def check(connection: Connection) -> None:
    """Raise `Damaged`, which names the object, if a schema has something that artstore never creates."""
    # Only what is refused is returned: this costs no more when a store has many tables.
    query = """
        select type, name from sqlite_schema
        where type = 'trigger' or (type = 'table' and ltrim(sql) like 'create virtual%') or type not in (
            'table', 'index', 'view', 'trigger'
        ) or (type = 'view' and name not like 'artifact!_%' escape '!')
    """
    for type, name in connection.execute(query).fetchall():
        if type != "view" or name in TABLES:
            raise Damaged(
                f"sqlite_schema has the {type} {name!r}, which artstore does not create: "
                "do not use a store that you do not trust"
            )


def check_complete(connection: Connection) -> None:
    """Raise `Damaged` if a table is missing, once all migrations have run."""
    there = {name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")}
    missing = sorted(TABLES - there)
    if missing:
        raise Damaged(f"sqlite_schema lacks the table {missing[0]!r}: restore the catalog from a backup")
