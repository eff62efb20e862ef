"""`artstore runs plot` draws metrics of runs in the terminal and as files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import artstore
from tests.support.cli_runner import json_of, output_of, prepare_folder, run

_BRAILLE = re.compile("[\u2801-\u28ff]")


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three runs of `zoo`: two with the same name; `loss` falls over 100 steps, `val/f1` rises, `once` has one step."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare_folder(tmp_path_factory.mktemp("plot"), monkeypatch)
        for uid, name in (("one", "base"), ("two", "base"), ("three", "other")):
            with artstore.init("zoo", id=uid, name=name, group=name) as logging:
                for step in range(100):
                    logging.log({"loss": 10.0 / (step + 1), "val/f1": step / 100, "below": -1.0})
                logging.log({"once": 3.0})
        yield


def test_curves_are_drawn_in_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (40, 60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = output_of("runs", "plot", "loss", "--project", "zoo").splitlines()
        assert lines[0] == "loss over steps"
        assert max(map(len, lines)) <= columns
        assert sum(bool(_BRAILLE.search(line)) for line in lines) > 8
        assert max(map(len, lines)) > columns - 15
    assert [line.split() for line in lines[-3:]] == [
        ["a", "other", "0.1", "0.1", "10"],
        ["b", "base", "(two)", "0.1", "0.1", "10"],
        ["c", "base", "(one)", "0.1", "0.1", "10"],
    ]


def test_a_falling_curve_falls_and_a_logarithmic_one_is_straighter() -> None:
    def heights(*options: str) -> list[int]:
        lines = output_of("runs", "plot", "loss", "--run", "one", *options).splitlines()[1:15]
        plots = [line.partition("│")[2] for line in lines]
        columns = [[row for row, text in enumerate(plots) if text[at : at + 1].strip()] for at in (0, 20, 60)]
        return [min(rows) for rows in columns]

    assert heights() == sorted(heights())
    assert heights("--log")[1] < heights()[1]


def test_metrics_are_chosen_by_name_and_pattern_and_runs_by_filters() -> None:
    output = output_of("runs", "plot", "loss", "val/*", "--group", "other", "--smooth", "0.9")
    assert "loss over steps, smoothed" in output and "val/f1 over steps, smoothed" in output
    assert "base" not in output
    curves = json_of("runs", "plot", "val/f1", "-n", "2")
    assert [curve["run"] for curve in curves["val/f1"]] == ["three", "two"]
    assert curves["val/f1"][0]["points"][1] == {"step": 1.0, "mean": 0.01, "low": 0.01, "high": 0.01}
    assert "once over steps" in output_of("runs", "plot", "once")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name one metric or more"),
        (["los"], "These runs have no metric 'los': did you mean 'loss'?"),
        (["zzz"], "they have below, loss, once, val/f1"),
        (["below", "--log"], "below has no values above 0, which a logarithmic axis needs"),
        (["loss", "--out", "loss.bmp"], "end its name with .svg, .png or .json"),
        (["loss", "--smooth", "1"], "--smooth"),
        (["loss", "--run", "nothing"], "Could not find run 'nothing'"),
        (["loss", "--project", "zooo"], "no project 'zooo' (did you mean 'zoo'?)"),
    ],
)
def test_what_cannot_be_drawn_is_said(words: list[str], message: str) -> None:
    assert message in run("runs", "plot", *words).stderr


def test_options_of_plot_are_refused_elsewhere() -> None:
    assert "are for plot" in run("runs", "--smooth", "0.5").stderr


def test_files_are_written_as_their_names_say() -> None:
    assert run("runs", "plot", "loss", "val/f1", "--smooth", "0.5", "--out", "c.svg").stderr == "wrote c.svg\n"
    root = ElementTree.parse("c.svg").getroot()
    texts = {element.text for element in root.iter() if element.text}
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"loss", "val/f1", "step", "base (one)", "base (two)", "other"} <= texts
    assert not [element for element in root.iter() if element.tag.endswith(("script", "image"))]
    assert run("runs", "plot", "loss", "--out", "c.PNG").exit_code == 0
    assert Path("c.PNG").read_bytes().startswith(b"\x89PNG\r\n")
    assert run("runs", "plot", "loss", "--out", "c.json").exit_code == 0
    chart = json.loads(Path("c.json").read_text())["vconcat"][0]
    assert {row["run"] for row in chart["data"]["values"]} == {"other", "base (one)", "base (two)"}


def test_without_the_library_the_error_says_what_to_install() -> None:
    script = "import sys; sys.modules['vl_convert'] = None; from artstore.cli import main; main()"
    words = ["runs", "plot", "loss", "--out", "d.svg"]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "Error: drawing charts as SVG or PNG files needs vl_convert: pip install 'artstore[ui]'\n"
    assert not Path("d.svg").exists()
