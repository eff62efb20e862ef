"""`artstore report` writes a run, or a comparison, as one file that needs nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy
import pytest
from playwright.sync_api import Browser

import artstore
from tests.support.cli_runner import output_of, prepare_folder, run

_HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run.html` and `comparison.html`, of runs with a hostile name, a picture, inputs and outputs."""
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare_folder(folder, monkeypatch)
        output_of("put", "animals", "--name", "animals", "--type", "dataset", "--project", "zoo")
        for number, name in enumerate(("plain", _HOSTILE)):
            config = {"lr": 0.1 * (number + 1), "deep": {_HOSTILE: _HOSTILE}}
            with artstore.init("zoo", id=f"run{number}", name=name, config=config, tags=[_HOSTILE]) as logging:
                logging.use_artifact("animals:v0")
                for step in range(20):
                    logging.log({"loss": 1.0 / (step + 1 + number), _HOSTILE: step})
                logging.log({"picture": artstore.Image(numpy.zeros((8, 8, 3), dtype=numpy.uint8))})
                model = artstore.Artifact(f"model{number}", type="model")
                with model.new_file("weights") as file:
                    file.write(name)
                logging.log_artifact(model, aliases=["best"])
        for words, target in ((["run1"], "run.html"), (["run0", "run1", "run1"], "comparison.html")):
            assert run("report", *words, "--project", "zoo", "--html", target).stderr == f"wrote {target}\n"
    return folder


@pytest.mark.parametrize("name", ["run.html", "comparison.html"])
def test_a_report_needs_no_network_and_runs_nothing(reports: Path, browser: Browser, name: str) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.goto((reports / name).as_uri())
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert problems == []
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    text = page.inner_text("main")
    assert _HOSTILE in text
    assert "zoo/animals:v0" in text and "zoo/model1:v0" in text
    page.close()


def test_the_report_of_a_run_has_all_of_it(reports: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((reports / "run.html").as_uri())
    assert page.locator("h2").all_inner_texts() == [
        *("Curves", "Config", "Summary", "Inputs", "Outputs", "Lineage", "Files", "Code and machine"),
    ]
    assert page.locator("figcaption").all_inner_texts()[:2] == [_HOSTILE, "loss"]
    assert page.locator("svg.curves").count() == 2
    [picture] = page.locator("img").all()
    source = picture.get_attribute("src") or ""
    assert base64.b64decode(source.partition(",")[2]).startswith(b"\x89PNG")
    assert page.locator(".drawing svg text").first.is_visible()
    page.close()


def test_a_comparison_begins_with_what_differs(reports: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((reports / "comparison.html").as_uri())
    rows = [row.inner_text().split("\t") for row in page.locator("table").first.locator("tbody tr").all()]
    assert rows[0] == ["config.lr", "0.1", "0.2"]
    keys = [row[0] for row in rows]
    assert "summary.loss" in keys and "id" in keys and "project" not in keys
    [loss] = [row for row in rows if row[0] == "summary.loss"]
    assert [value.endswith("★") for value in loss[1:]] == [False, True]
    assert "zoo/animals:v0" in page.locator("details").last.inner_html()
    assert page.locator("svg.curves").nth(1).locator("path.curve").count() == 2
    page.close()


def test_a_run_that_is_not_there_is_an_error(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reports)
    failed = run("report", "run7", "--html", "none.html")
    assert failed.exit_code == 2 and "Could not find run 'run7'" in failed.stderr
    assert not Path("none.html").exists()
