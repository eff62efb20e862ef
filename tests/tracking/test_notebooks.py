"""A notebook shows runs, artifacts, listings, tables, media, differences and stores as HTML, with pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image as Pillow

from artstore import Html, Table
from artstore.data_types.image import Image
from artstore.runtime import notebook
from tests.support.environment import clear_environment

SETUP = """
import artstore, pathlib, warnings
from PIL import Image as Pillow

Pillow.new("RGB", (4, 4), "red").save("cat.png")
with artstore.init(project="zoo", id="first", config={"lr": 0.1}) as run:
    for step in range(5):
        run.log({"loss": 1 / (step + 1)})
    artifact = artstore.Artifact("animals", "dataset", metadata={"from": "<b>web</b>"})
    artifact.add_file("cat.png")
    run.log_artifact(artifact).wait()
    other = artstore.Artifact("animals", "dataset")
    other.add(artstore.Table(["name"], [["fox"]]), "rows")
    run.log_artifact(other).wait()
api = artstore.Api()
image = artstore.Image("cat.png", caption="a cat")
"""
MAGIC = """%%wandb -h 720
with artstore.init(project="zoo", name="of the cell", id="of-the-cell", config={"lr": 0.5}):
    pass
"""
CELLS = {
    "api.artifact('zoo/animals:v0')": ["Artifact animals:v0", "data:image/png;base64,", "&lt;b&gt;web&lt;/b&gt;"],
    "api.run('zoo/first')": ["Run ", "config lr", "<svg", "loss"],
    "run": ["Run ", "finished", "<svg"],
    "api.runs('zoo')": ["config lr", "first", "1 of 1"],
    "api.artifacts('dataset', 'zoo/animals')": ["animals:v1", "animals:v0", "2 of 2"],
    "api.artifact_collection('dataset', 'zoo/animals')": ["animals:v1", "2 of 2"],
    "artstore.Table(['picture', 'n'], [[image, 3]])": ["data:image/png;base64,", "Table of 1 rows"],
    "image": ["data:image/png;base64,", "a cat"],
    "artstore.Histogram([1, 2, 2, 3])": ["<rect", "1 to 3"],
    "artstore.Html('<script>alert(1)</script>', inject=False)": ["<iframe sandbox", "&lt;script&gt;"],
    "api.artifact('zoo/animals:v0').diff('animals:v1')": ["removed", "cat.png", "added", "rows.table.json"],
    "api.artifact('zoo/animals:v0').lineage()": ["<svg"],
    "artstore.Store.open('.artstore')": ["Store", "zoo", "on disk"],
    "run.display() and None": ["Run ", "<svg"],
    MAGIC: ["Run of the cell", "config lr"],
    "%wandb zoo/first": ["Run ", "<svg", "loss"],
    "%wandb zoo": ["config lr", "of-the-cell", "2 of 2"],
}


def test_a_notebook_shows_pictures_and_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    v4: Any = nbformat.v4
    cells = [v4.new_code_cell(source) for source in (SETUP, *CELLS)]
    document = v4.new_notebook(cells=cells)
    NotebookClient(
        document, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    for cell in document.cells[1:]:
        shown = [output["data"] for output in cell.outputs if output.output_type in ("execute_result", "display_data")]
        assert len(shown) == 1, (cell.source, cell.outputs)
        for part in CELLS[cell.source]:
            assert part in shown[0]["text/html"], cell.source
        assert "text/plain" in shown[0]


def test_what_people_stored_is_escaped(tmp_path: Path) -> None:
    table = Table(["<i>"], [["<script>alert(1)</script>"], ["<b>"]])
    assert re.findall(r"<script|<i>|<b>", table._repr_html_()) == []
    page = Html("<script>alert(1)</script>", inject=False)._repr_html_()
    assert page is not None and "<script" not in page and "<iframe sandbox srcdoc" in page
    Pillow.new("RGB", (2, 2)).save(tmp_path / "cat.png")
    drawn = Image(tmp_path / "cat.png", caption='"><script>')._repr_html_()
    assert drawn is not None and "<script" not in drawn


def test_a_large_file_is_not_copied_into_a_notebook() -> None:
    assert notebook.media(bytes(notebook.LARGEST + 1), ".png") is None
    assert notebook.media(b"{}", ".json") is None
