"""The work of a page is that of its window: a store with four times as much takes the same statements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from starlette.requests import Request

from artstore import Store
from artstore.web import artifacts, home, lineage, registry, runs, space
from benchmarks import pages
from benchmarks.datasets import TINY
from tests.support.counted_work import statements

SIZES = (TINY, TINY._replace(runs=4 * TINY.runs, entries=4 * TINY.entries))
MANY = {"project": "big", "name": "many", "number": 0}
HANDLERS = {
    "/": (home.home, {}),
    "/search?q=run-7": (home.search, {}),
    "/runs": (runs.table, {}),
    "/runs?order=-summary.accuracy": (runs.table, {}),
    "/runs?view=curves": (runs.table, {}),
    "/runs/big/run-7/overview": (runs.overview, {"project": "big", "id": "run-7"}),
    "/compare/runs?run=big/run-7&run=big/run-8": (runs.compare, {}),
    "/artifacts?type=model": (artifacts.listing, {}),
    "/artifacts/big/many/versions": (artifacts.collection, MANY),
    "/artifacts/big/many/v0?folder=dir0001": (artifacts.version, MANY),
    "/registry": (registry.registry, {}),
    "/lineage?of=woven/of-200:v0&hops=3": (lineage.graph, {}),
    "/store": (space.store, {}),
    "/events": (space.events, {}),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    folder = tmp_path_factory.mktemp("sizes")
    for number, size in enumerate(SIZES):
        pages.fill(folder / str(number), size)
    with Store.open(folder / "0") as small, Store.open(folder / "1") as large:
        yield [small, large]


@pytest.mark.parametrize("path", HANDLERS)
def test_a_page_of_a_larger_store_takes_the_same_statements(stores: list[Store], path: str) -> None:
    handler, path_params = HANDLERS[path]
    address = urlsplit(path)
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "path": address.path,
            "query_string": urlencode(parse_qsl(address.query)).encode(),
            "headers": [],
            "path_params": path_params,
        }
    )
    small, large = (len(statements(store, partial(handler, store, request))) for store in stores)
    assert small == large < 700
