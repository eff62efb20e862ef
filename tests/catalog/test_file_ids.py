"""Ids of files by digest: always those in the catalog, which is hardly asked for files that come in runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artstore import Store
from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds

STORED = 3_000


def digests(numbers: list[int]) -> bytes:
    """Return digests that are made of one number each."""
    return b"".join(b"%032d" % number for number in numbers)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A catalog with files whose ids are the numbers in their digests."""
    with Store.init(tmp_path_factory.mktemp("ids") / "store") as store:
        with store.repository.db.writing() as connection:
            rows = [(number, digests([number])) for number in range(1, STORED + 1)]
            connection.executemany("insert into files (id, digest, size) values (?, ?, 1)", rows)
        with store.repository.db.reading() as connection:
            yield connection


def with_runs() -> FileIds:
    """Return ids that know two thirds of the files, in two runs of columns of 100, and one other file."""
    ids = FileIds()
    for first in (1, 1_501):
        ids.add_run(first, digests(list(range(first, first + 1_000))), range(0, 1_000, 100))
    ids.add({digests([2_800]): 2_800})
    return ids


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.tuples(st.integers(1, STORED + 200), st.sampled_from([1, 1, 2, 7, 300])), min_size=1, max_size=12
    ),
    asked_at_once=st.integers(1, 500),
)
def test_the_ids_are_those_of_the_catalog(
    connection: Connection, parts: list[tuple[int, int]], asked_at_once: int
) -> None:
    wanted = [number for first, count in parts for number in range(first, first + count)]
    ids, found = with_runs(), list[int | None]()
    for start in range(0, len(wanted), asked_at_once):
        found += ids.find(connection, digests(wanted[start : start + asked_at_once]))
    assert found == [number if number <= STORED else None for number in wanted]


@pytest.mark.parametrize(
    ("wanted", "lookups"),
    [
        (list(range(1, 1_001)), 0),
        # As two workers write: columns in turn.
        ([n for i in range(10) for first in (1, 1_501) for n in range(first + 100 * i, first + 100 * i + 100)], 0),
        # A folder in the middle of a column, and back.
        ([*range(1, 451), *range(1_550, 1_600), *range(451, 500)], 2),
        # A file whose content is that of another one, every ten files.
        ([n for i in range(40) for n in (*range(1 + 10 * i, 11 + 10 * i), 1_733)], 40),
        # Files that were stored before.
        (list(range(1_001, 1_501)), 9),
    ],
    ids=["in order", "in turn", "jumps", "copies", "stored before"],
)
def test_the_catalog_is_asked_rarely(connection: Connection, wanted: list[int], lookups: int) -> None:
    statements: list[str] = []
    ids = with_runs()
    connection.set_trace_callback(statements.append)
    found = ids.find(connection, digests(wanted))
    connection.set_trace_callback(None)
    assert found == wanted
    assert sum("digest in" in statement for statement in statements) == lookups


def test_ids_are_forgotten(connection: Connection) -> None:
    ids = FileIds()
    ids.add_run(1, digests([9]), [0])
    ids.add({digests([8]): 2})
    assert ids.find(connection, digests([9, 8])) == [1, 2]
    ids.clear()
    assert ids.find(connection, digests([9, 8])) == [9, 8]
