"""Measure the pages of `artstore ui` on a large store, beside a page that says hello, in one run.

The server's time is that of the whole answer over one connection. The first paint is what Chromium tells of it: from
asking for the page to the first words on the screen. Rows are written into the catalog by SQL, since logging ten
million steps takes hours: the pages read them through the store as always.
"""

from __future__ import annotations

import http.client
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import artstore
from artstore import Store
from benchmarks import datasets, measurement
from benchmarks.datasets import Size

LIMIT = 0.2
"""The most seconds until the first paint of a page."""
_HELLO = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
here = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{here.getsockname()[1]}/", flush=True)
app = Starlette(routes=[Route("/", lambda request: HTMLResponse("<!doctype html><title>hello</title><p>hello</p>"))])
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[here])
"""
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--disable-gpu"]
_PAINTED = """new Promise(done => {
  const look = () => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0];
    painted ? done(painted.startTime) : setTimeout(look, 5);
  };
  look();
})"""
_BOX = re.compile(r'<rect x="(-?[0-9.]+)" y="(-?[0-9.]+)"[^>]*?width="([0-9.]+)" height="([0-9.]+)"')

PAGES = {
    "home": "/",
    "runs": "/runs",
    "runs, all columns": "/runs?project=big&order=-summary.accuracy",
    "runs, filtered": "/runs?q=lr%3C0.01+accuracy%3E0.5",
    "curves": "/runs?view=curves",
    "sweep": "/runs?view=parallel",
    "groups": "/runs?view=groups&by=config.depth",
    "a run": "/runs/big/run-7/overview",
    "compare runs": "/compare/runs?run=big/run-7&run=big/run-8&run=big/run-9",
    "artifacts": "/artifacts",
    "artifacts, by name": "/artifacts?q=data-9",
    "a collection": "/artifacts/big/many/versions",
    "a version": "/artifacts/big/many/v0",
    "a folder": "/artifacts/big/many/v0?folder=dir0001",
    "a file": "/artifacts/big/many/v0/file?path=contents/3",
    "compare versions": "/compare/versions?old=big/many:v0&new=big/many:v1",
    "registry": "/registry",
    "lineage, start": "/lineage",
    "lineage of 12": "/lineage?of=woven/of-12:v0&hops=100",
    "lineage of 200": "/lineage?of=woven/of-200:v0&hops=100",
    "lineage of 10,000": "/lineage?of=woven/of-10000:v0&hops=100",
    "store": "/store",
    "events": "/events",
    "search": "/search?q=run-7",
    "search, nothing": "/search?q=nowhere+to+be+found",
}
"""An address of each kind of page."""


class Painted(NamedTuple):
    """The time, size and memory of one page, beside one that says hello."""

    name: str
    server: float
    cpu: float
    """The processor time of the server for one answer: it depends less on what else the machine does."""
    paint: float
    hello_server: float
    hello_paint: float
    bytes: int
    boxes: int
    """The boxes of a lineage."""
    overlapping: int
    """The pairs of boxes that overlap."""
    memory: int
    """The highest memory of the server so far."""


def measure(work: Path, size: Size, only: list[str] | None = None) -> Iterator[Painted]:
    """Make the store, and measure each page."""
    from playwright.sync_api import sync_playwright  # late: only this part needs a browser

    work.mkdir(parents=True, exist_ok=True)
    fill(work / "store", size)
    command = [sys.executable, "-m", "artstore", "ui", "--port", "0", "--store", str(work / "store")]
    with (
        _serving([sys.executable, "-c", _HELLO]) as (hello, _),
        _serving(command) as (pages, pid),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        tab = browser.new_page(viewport={"width": 1400, "height": 900})

        def paint(url: str) -> float:
            tab.goto(url, wait_until="load")
            return float(tab.evaluate(_PAINTED)) / 1000

        times = 2 * size.rounds - 1
        paint(pages)
        for name in only or PAGES:
            text = _read(pages, PAGES[name])
            before = measurement.cpu(pid)
            server = _read_times(times, pages, PAGES[name])
            cpu = (measurement.cpu(pid) - before) / times
            places = [tuple(map(float, box)) for box in _BOX.findall(text.partition('class="artstore"')[2])]
            yield Painted(
                name,
                server,
                cpu,
                measurement.median(partial(paint, pages.rstrip("/") + PAGES[name]), times),
                _read_times(times, hello, "/"),
                measurement.median(partial(paint, hello), times),
                len(text),
                len(places),
                _overlapping(places),
                _peak(pid),
            )
        browser.close()


def fill(path: Path, size: Size) -> None:
    """Make a store with many runs, each with a history, many collections, and a version with many entries."""
    artstore.init(project="big", id="first", store=path, config={"lr": 1.0}).finish()
    with Store.open(path) as store:
        draft = store.draft("many", "dataset", project="big")
        known = store.add_bytes(draft, b"small", "contents/3")
        draft.add_all(datasets.many_entries(size.entries, [(known.digest, known.size)]))
        many = store.commit(draft)
        changed = store.draft("many", base="big/many:v0", project="big")
        store.add_bytes(changed, b"changed", "contents/4")
        store.commit(changed)
        for number in range(40):
            one = store.draft(f"model-{number}", "model", project="big", metadata={"accuracy": number / 40})
            store.add_bytes(one, b"weights %d" % number, "weights.bin")
            store.link(store.commit(one), f"wandb-registry-model/model {number}", aliases=["production"])
    catalog = sqlite3.connect(path / "artstore.db")
    with catalog:
        few = min(1000, size.runs)
        values = {"runs": size.runs, "steps": few, "collections": few, "many": many.id}
        for statement in _ROWS.split(";"):
            catalog.execute(statement, values)
        for nodes in (12, 200, 10_000):
            for statement in _GRAPH.split(";"):
                catalog.execute(statement, {"name": nodes, "nodes": min(nodes, size.runs)})
    catalog.close()


_ROWS = """
    with recursive n (i) as (select 1 union all select i + 1 from n where i < :runs)
    insert into runs (project, uid, name, job_type, run_group, config, summary, state, started_at, ended_at)
    select project, 'run-' || i, 'run ' || i, 'train', 'sweep ' || (i / 100),
        json_object('lr', i / 1e5, 'depth', i % 7, 'optimizer', iif(i % 2, 'adam', 'sgd'), 'batch', 32, 'seed', i),
        json_object('loss', 1.0 / i, 'accuracy', (i * 7919 % 10007) / 10007.0, 'epoch', 10, '_step', 999),
        'finished', started_at, ended_at from n, runs where uid = 'first';
    with recursive n (i) as (select 0 union all select i + 1 from n where i < :steps - 1)
    insert into history (run, step, data)
    select runs.id, n.i, '{"loss":' || (1.0 / (n.i + 1)) || ',"accuracy":' || (n.i / 1000.0) || '}'
    from runs cross join n where runs.uid like 'run-%';
    insert into uses (run, version, at) select id, :many, started_at from runs where uid like 'run-%';
    with recursive n (i) as (select 0 union all select i + 1 from n where i < :collections - 1)
    insert into collections (project, name, type, created_at)
    select c.project, 'data-' || n.i, iif(n.i % 3, 'dataset', 'result'), c.created_at
    from n, collections as c where c.name = 'model-0';
    insert into versions (collection, number, digest, manifest, entries, size, created_at)
    select c.id, 0, v.digest, v.manifest, v.entries, v.size, v.created_at
    from collections as c, versions as v join collections as m on m.id = v.collection
    where c.name like 'data-%' and m.name = 'model-0'
"""


_GRAPH = """
    insert or ignore into projects (name) values ('woven');
    insert into collections (project, name, type, created_at)
    select p.id, 'of-' || :name, 'data', c.created_at from projects as p, collections as c
    where p.name = 'woven' and c.name = 'many';
    with recursive n (i) as (select 0 union all select i + 1 from n where i < :nodes / 2 - 1)
    insert into versions (collection, number, digest, manifest, entries, size, created_at)
    select c.id, n.i, v.digest, v.manifest, v.entries, v.size, v.created_at
    from n, collections as c, versions as v join collections as m on m.id = v.collection
    where c.name = 'of-' || :name and m.name = 'model-0';
    with recursive n (i) as (select 0 union all select i + 1 from n where i < :nodes / 2 - 1)
    insert into runs (project, uid, name, job_type, config, summary, state, started_at, ended_at)
    select p.id, 'of-' || :name || '-' || i, 'weave ' || i, 'job ' || (i % 50), '{}', '{}', 'finished', started_at,
        ended_at from n, projects as p, runs where uid = 'first' and p.name = 'woven';
    insert into products (run, version, at)
    select r.id, v.id, r.started_at from collections as c join versions as v on v.collection = c.id
    join runs as r on r.uid = c.name || '-' || v.number where c.name = 'of-' || :name;
    insert or ignore into uses (run, version, at)
    select r.id, v.id, r.started_at from collections as c join versions as mine on mine.collection = c.id
    join runs as r on r.uid = c.name || '-' || mine.number
    join versions as v on v.collection = c.id and v.number in (mine.number / 2, mine.number / 3)
    where c.name = 'of-' || :name and v.number < mine.number
"""
"""Runs that each use the products of two earlier ones: siblings that a drawing cannot put together."""


@contextmanager
def _serving(command: list[str]) -> Iterator[tuple[str, int]]:
    """Run a server that prints its address until the block ends."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rpartition(" ")[2].strip(), process.pid
        finally:
            process.terminate()


def _read(url: str, path: str) -> str:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status == 200, f"{path}: {text}"
    return text


def _read_times(times: int, url: str, path: str) -> float:
    """Return the median seconds of several readings of an address."""
    return measurement.median(partial(measurement.timed, partial(_read, url, path)), times)


def _overlapping(boxes: list[tuple[float, ...]]) -> int:
    """Return how many pairs of boxes, each left, top, width and height, cover each other."""
    found = 0
    for index, (left, top, width, height) in enumerate(boxes):
        for x, y, wide, high in boxes[index + 1 :]:
            found += left < x + wide and x < left + width and top < y + high and y < top + height
    return found


def _peak(pid: int) -> int:
    """Return the highest memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
