"""A store worth looking at, `artstore ui` as a process of its own, and what it answers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import axe_playwright_python
import numpy as np

import artstore
from artstore import Artifact, Image, Table
from tests.support.files import noise

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'\"`${7*7}{{7*7}}"
"""Text that would run as a program in a page that does not escape it."""
CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
EVERY_PAGE = (
    *(
        "/",
        "/runs",
        "/runs?view=curves",
        "/runs?view=parallel",
        "/runs?view=groups",
        "/runs/zoo/train-3/overview",
        "/artifacts",
        "/artifacts/zoo/animals/versions",
    ),
    *(
        "/artifacts/zoo/animals/v0",
        "/artifacts/zoo/animals/v1",
        "/artifacts/zoo/animals/v1/status",
        "/artifacts/zoo/model/versions",
        "/lineage",
        "/registry",
        "/store",
    ),
    *(
        "/lineage?of=zoo/animals:v1",
        "/lineage?of=zoo/animals:v1&at=zoo/animals:v1",
        "/events",
        "/search?q=onerror",
        "/compare/runs?run=zoo/train-2&run=zoo/train-4",
    ),
    "/compare/versions?old=zoo/animals:v0&new=zoo/animals:v1",
    "/compare/tables?old=zoo/animals:v0&new=zoo/animals:v1&path=labels.csv",
    "/artifacts/zoo/animals/v1/file?path=predictions.table.json",
    "/artifacts/zoo/animals/v1/file?path=predictions.table.json&pictures=large",
    "/artifacts/zoo/animals/v1/file?path=marked.image-file.json",
    f"/artifacts/zoo/animals/v1/file?path={quote(HOSTILE)}.txt",
)
"""The address of each kind of page, in the store that `make_zoo` makes."""
PAGE_OF_SCRIPT = """<h1 id="state">begun</h1><script>
let read = "nothing";
try { read = parent.document.title } catch (error) { read = "refused" }
document.getElementById("state").textContent = "parent " + read;
fetch("/runs.json").then(() => document.body.append("fetched"), () => document.body.append("no network"));
</script>"""


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Pages:
    """The pages of a store, at an address."""

    url: str
    store: Path

    def get(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """Send one request, as it is: no redirect is followed."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            connection.request(
                method, path, body, headers={key.replace("_", "-"): value for key, value in headers.items()}
            )
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """Return the data of a page, which must succeed both as HTML and as JSON."""
        address, mark, query = path.partition("?")
        page, data = self.get(path), self.get(f"{address}.json{mark}{query}")
        assert (page.status, data.status) == (200, 200), page.text
        return data.json


@contextmanager
def serving(store: Path, *options: str) -> Iterator[Pages]:
    """Run `artstore ui` on a store until the block ends."""
    command = [sys.executable, "-m", "artstore", "ui", "--store", str(store), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().rpartition(" ")[2].strip()
            yield Pages(url, store)
        finally:
            process.terminate()


def make_zoo(store: Path) -> None:
    """Make a store with a data set, a sweep of eight runs, models, a registry, a table, and hostile texts."""
    with artstore.init(project="zoo", job_type="ingest", id="ingest", store=store):
        animals = Artifact("animals", "dataset", description=HOSTILE, metadata={"source": HOSTILE, "size": {"cat": 2}})
        _write(animals, {"cats/a.txt": b"a cat\n", "cats/b.txt": b"b cat\n", "labels.csv": _csv(120)})
        artstore.log_artifact(animals, aliases=["raw"])
    with artstore.init(project="zoo", job_type="clean", id="clean", store=store) as run:
        run.use_artifact("animals:latest")
        cleaned = Artifact("animals", "dataset", metadata={"source": HOSTILE, "size": {"cat": 3}})
        files = {
            "cats/a.txt": b"a cat, cleaned\n",
            "labels.csv": _csv(119).replace(b"cat 3.jpg,3", b"cat 3.jpg,5"),
            "report.html": PAGE_OF_SCRIPT.encode(),
        }
        drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
        _write(cleaned, {**files, "drawing.svg": drawing, "raw.bin": b"\0" + noise(2000), f"{HOSTILE}.txt": b"hostile"})
        table = Table(columns=["id", "picture", "label"])
        for index in range(70):
            table.add_data(index, make_picture() if index < 2 else None, HOSTILE if index == 3 else f"label {index}")
        cleaned.add(table, "predictions")
        cleaned.add(make_picture(), "marked")
        run.log_artifact(cleaned, aliases=["best"], tags=["checked"])
    for number in range(8):
        config = {"lr": 0.1 / (number + 1), "optimizer": "adam", "model": {"depth": number}, "note": HOSTILE}
        with artstore.init(
            project="zoo", job_type="train", group="sweep", id=f"train-{number}", name=f"train {number}", store=store,
            config=config, tags=["good"] if number == 5 else [], notes=HOSTILE,
        ) as run:  # fmt: skip
            run.use_artifact("animals:best")
            for step in range(30):
                run.log({"loss": 1 / (step + 1) + number, "accuracy": number / 10, HOSTILE: step})
            model = Artifact("model", "model")
            _write(model, {"weights.bin": noise(3000, number)})
            run.log_artifact(model)
    model = artstore.Api(store=store).artifact("zoo/model:v5")
    model.link("wandb-registry-model/animal-classifier", aliases=["production"])


def make_picture() -> Image:
    """Return a picture with a mask and two boxes."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:30] = 2
    classes = {0: "ground", 1: HOSTILE, 2: "cat"}
    boxes: list[dict[str, Any]] = [
        {"position": {"minX": 0.25, "maxX": 0.5, "minY": 0.1, "maxY": 0.6}, "class_id": 2, "box_caption": "cat"},
        {"position": {"middle": [30, 20], "width": 12, "height": 8}, "domain": "pixel", "class_id": 1},
    ]
    return Image(
        pixels,
        classes=[{"id": id, "name": name} for id, name in classes.items()],
        masks={"truth": {"mask_data": mask, "class_labels": classes}},
        boxes={"guess": {"box_data": boxes, "class_labels": classes}},
    )


def _csv(rows: int) -> bytes:
    return ("path,label\n" + "".join(f"cat {index}.jpg,{index % 7}\n" for index in range(rows))).encode()


def _write(artifact: Artifact, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        with artifact.new_file(path, "wb") as file:
            file.write(content)
