"""A notebook shows runs, artifacts, listings, tables, media, differences and stores as HTML, with pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image as Pillow

from artstore import Html, Molecule, Object3D, Plotly, Table
from artstore.data_types.figures import Bokeh
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
    other.add_reference(pathlib.Path("cat.png").absolute().as_uri(), "reference.png")
    run.log_artifact(other).wait()
api = artstore.Api()
image = artstore.Image("cat.png", caption="a cat")
rows = artstore.Table(["name"], [["<b>fox</b>"]])
with artstore.init(project="zoo", id="second") as linking:
    linking.link_artifact(api.artifact("zoo/animals:v0"), "wandb-registry-pets/cats", aliases=["production"])
gone = artstore.init(project="zoo", mode="disabled", config={"lr": 0.5})
gone.finish()
closed = artstore.Store.open(".artstore")
closed.close()
PDB = "ATOM      1  C   LIG     1       0.000   0.000   0.000  1.00  0.00           C\\n"
PDB += "HETATM    2  O   LIG     1       1.200   0.000   0.000  1.00  0.00           O\\n"
pathlib.Path("m.pdb").write_text(PDB)
points = [[0, 0, 0], [1, 1, 1], [2, 0, 1]]
traces, title = '[{"y": [1, 3, 2], "name": "<b>"}]', '{"title": {"text": "t"}}'
pathlib.Path("figure.plotly.json").write_text('{"data": ' + traces + ', "layout": ' + title + "}")
import bokeh.plotting
chart = bokeh.plotting.figure()
chart.line([1, 2], [3, 4])
"""
MAGIC = """%%wandb -h 720
with artstore.init(project="zoo", name="of the cell", id="of-the-cell", config={"lr": 0.5}):
    pass
"""
CELLS = {
    "api.artifact('zoo/animals:v0')": ["Artifact animals:v0", "data:image/png;base64,", "&lt;b&gt;web&lt;/b&gt;"],
    "api.run('zoo/first')": ["Run ", "config lr", "<svg", "loss"],
    "run": ["Run ", "finished", "<svg"],
    "api.runs('zoo')": ["config lr", "first", "2 of 2"],
    "api.artifacts('dataset', 'zoo/animals')": ["animals:v1", "animals:v0", "2 of 2"],
    "api.artifact_collection('dataset', 'zoo/animals')": ["animals:v1", "2 of 2"],
    "artstore.Table(['picture', 'n'], [[image, 3]])": ["data:image/png;base64,", "Table of 1 rows"],
    "image": ["data:image/png;base64,", "a cat"],
    "artstore.Histogram([1, 2, 2, 3])": ["<rect", "1 to 3"],
    "artstore.Html('<script>alert(1)</script>', inject=False)": ["<iframe sandbox", "&lt;script&gt;"],
    "api.artifact('zoo/animals:v0').diff('animals:v1')": ["removed", "cat.png", "added", "rows.table.json"],
    "api.artifact('zoo/animals:v0').lineage()": ["<svg"],
    "artstore.Store.open('.artstore')": ["Store", "zoo", "on disk"],
    "api.artifact('zoo/animals:v1').status()": ["reference.png", "1 unchanged"],
    "artstore.Plotly('figure.plotly.json')": ["<svg", 'stroke-width="1.5"', "t: &lt;b&gt;"],
    "artstore.data_types.Bokeh(chart)": ["<svg", 'stroke-width="1.5"'],
    "artstore.Object3D(__import__('numpy').array(points), caption='a cloud')": ["<circle", "a cloud"],
    "artstore.Molecule('m.pdb', caption='carbon monoxide')": ["<circle", "#e03020", "<path", "carbon monoxide"],
    "artstore.JoinedTable(rows, rows, 'name')": ["&lt;b&gt;fox", "JoinedTable by "],
    "api.project('zoo')": ["Project zoo", "animals", "first"],
    "api.projects()": ["zoo", "runs", "dataset"],
    "api.registry('pets')": ["Registry pets", "cats"],
    "api.artifact_type('dataset', 'zoo')": ["Artifacts of type dataset", "animals"],
    "api.artifact_types('zoo')": ["dataset", "zoo"],
    "gone": ["config lr", "0.5", "its store was removed"],
    "closed": ["Store", "closed"],
    "run.display() and None": ["Run ", "<svg"],
    MAGIC: ["Run of the cell", "config lr"],
    "%wandb zoo/first": ["Run ", "<svg", "loss"],
    "%wandb zoo": ["config lr", "of-the-cell", "3 of 3"],
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


PROGRESS = """
import artstore, pathlib
from artstore.runtime import progress_display
progress_display.NotebookBars.patience = progress_display.NotebookBars.every = 0
pathlib.Path("big.bin").write_bytes(b"0123456789" * 500_000)
with artstore.init(project="big") as run:
    artifact = artstore.Artifact("big", "dataset")
    artifact.add_file("big.bin")
    run.log_artifact(artifact).wait()
"""


def test_a_notebook_shows_the_progress_of_additions_and_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    v4: Any = nbformat.v4
    download = "artstore.Api().artifact('big/big:v0').download('out')"
    document = v4.new_notebook(cells=[v4.new_code_cell(PROGRESS), v4.new_code_cell(download)])
    shown: list[str] = []
    client = NotebookClient(document, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    output = client.process_message

    def watch(message: Any, cell: Any, index: int) -> Any:
        shown.append(str(message["content"].get("data", {}).get("text/html", "")))
        return output(message, cell, index)

    monkeypatch.setattr(client, "process_message", watch)
    client.execute()
    bars = [text for text in shown if "<progress" in text]
    assert re.search(r'<progress max="5000000" value="\d+"></progress> adding big.bin: .* of 5.0 MB, \d+%', bars[0])
    assert any("getting big:v0" in text for text in bars)
    for cell, name in zip(document.cells, ("adding big.bin", "getting big:v0"), strict=True):
        assert any(name in str(output) and "5.0 MB in " in str(output) for output in cell.outputs)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"[[1]]", b'{"data": [{"y": {"dtype": "f8", "bdata": "!"}}]}', b"\xff"]
)
def test_a_malformed_file_gives_facts_and_no_error(tmp_path: Path, data: bytes) -> None:
    for name, kind in (
        ("c.plotly.json", Plotly),
        ("c.bokeh.json", Bokeh),
        ("c.pts.json", Object3D),
        ("c.sdf", Molecule),
    ):
        (tmp_path / name).write_bytes(data)
        drawn = kind(tmp_path / name)._repr_html_()
        assert drawn is not None and kind.__name__ in drawn
