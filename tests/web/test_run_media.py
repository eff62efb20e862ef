"""The media, tables, charts and files of a run on its page."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import plotly.graph_objects
import pytest
from playwright.sync_api import Browser

import artstore
from artstore import Image
from tests.support.environment import clear_environment
from tests.support.web_pages import AXE, HOSTILE, Answer, Pages, make_picture, serving

RUN = "/runs/p/shown"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a run that logged one object of each kind."""
    store = tmp_path_factory.mktemp("media") / "store"
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        with artstore.init(project="p", id="shown", store=store) as run:
            run.log({"sample": Image(np.zeros((8, 8), np.uint8), caption=HOSTILE), "loss": 1.0})
            figure, axes = plt.subplots()
            axes.plot([1, 2])
            table = artstore.Table(columns=["x", "y"], data=[[1, 2.5], [2, 3.5]])
            run.log(
                {
                    "sample": make_picture(),
                    "batch": [Image(np.full((8, 8), level, np.uint8)) for level in (1, 200)],
                    "weights": artstore.Histogram([1, 2, 2, 3]),
                    "figure": figure,
                    "page": artstore.Html("<h1>framed</h1>"),
                    "plotly": plotly.graph_objects.Figure(plotly.graph_objects.Bar(y=[1, 2])),
                    "table": table,
                    "chart": artstore.plot.line(table, "x", "y", title="y over x"),
                    HOSTILE: {"_type": "unknown", "text": HOSTILE},
                }
            )
            plt.close(figure)
            (Path(run.dir) / "notes.txt").write_text("learned")
            run.save(str(Path(run.dir) / "notes.txt"))
    with serving(store) as pages:
        yield pages


def objects(pages: Pages, query: str = "") -> dict[str, dict[str, object]]:
    """Return what the page of the run shows, by key."""
    return {one["key"]: one for one in pages.json(f"{RUN}/overview{query}")["objects"]}


def test_each_kind_of_object_is_shown(shown: Pages) -> None:
    kinds = {key: one["kind"] for key, one in objects(shown).items()}
    assert kinds == {
        "sample": "image",
        "batch.0": "image",
        "batch.1": "image",
        "figure": "image",
        "chart": "image",
        "weights": "histogram",
        "page": "html",
        "plotly": "html",
        "table": "table",
        HOSTILE: "value",
    }
    found = objects(shown)
    assert len(found["sample"]["boxes"]) == 2  # type: ignore[arg-type]
    assert [[cell["text"] for cell in row] for row in found["table"]["rows"]] == [[1, 2.5], [2, 3.5]]  # type: ignore[attr-defined]
    assert "<img src=x" not in shown.get(f"{RUN}/overview").text


def test_what_is_shown_can_be_fetched(shown: Pages) -> None:
    found = objects(shown)
    sample = fetched(shown, found["sample"]["src"])
    with PIL.Image.open(io.BytesIO(sample.body)) as picture:
        assert picture.size == (60, 40)
    drawn = fetched(shown, found["chart"]["src"])
    assert (drawn.headers["Content-Type"], "y over x" in drawn.text) == ("image/svg+xml", True)
    assert "Plotly.newPlot" in fetched(shown, found["plotly"]["src"]).text
    links = re.findall(r'(?:href|src)="(/[^"]*)"', shown.get(f"{RUN}/overview").text)
    assert {shown.get(html.unescape(link)).status for link in links} == {200}


def fetched(pages: Pages, address: object) -> Answer:
    """Return an answer, which must be a success."""
    assert isinstance(address, str)
    answer = pages.get(address)
    assert answer.status == 200, answer.text
    return answer


def test_earlier_steps_are_a_click_away(shown: Pages) -> None:
    page = shown.json(f"{RUN}/overview")
    assert (page["object_step"], page["later"]) == (1, None)
    earlier = shown.json(page["earlier"])
    assert (earlier["object_step"], earlier["earlier"]) == (0, None)
    assert [(one["key"], one["text"]) for one in earlier["objects"]] == [("sample", HOSTILE)]
    assert shown.json(earlier["later"])["object_step"] == 1


def test_saved_files_have_a_page(shown: Pages) -> None:
    (file,) = shown.json(f"{RUN}/overview")["files"]
    assert (file["path"], file["size"]) == ("notes.txt", 7)
    assert shown.json(file["href"])["preview"]["text"] == "learned"
    assert shown.get(f"{RUN}/content?path=notes.txt").body == b"learned"
    for path in ("../../artstore.db", "/etc/passwd", "none", ""):
        assert shown.get(f"{RUN}/content?path={path}").status in (400, 404)


def test_media_are_accessible_and_load_nothing_else(browser: Browser, shown: Pages) -> None:
    context = browser.new_context(base_url=shown.url, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    loaded: list[str] = []
    # The style sheet that W&B puts into HTML is asked for, and refused by the sandbox.
    page.on("requestfinished", lambda request: loaded.append(request.url))
    page.add_init_script(AXE)
    page.goto(f"{RUN}/overview")
    page.frame_locator("iframe[title^=page]").get_by_role("heading", name="framed").wait_for()
    page.frame_locator("iframe[title^=plotly]").locator(".main-svg").first.wait_for()
    violations = page.evaluate("axe.run({iframes: false})")["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in violations]
    assert not [url for url in loaded if not url.startswith((shown.url, "data:", "blob:"))]
    context.close()
