"""What verbs print fits narrow terminals: no line is longer than the terminal, and nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import artstore
from artstore.runtime import terminal
from artstore.store import Store
from tests.support.cli_runner import json_of, prepare_folder, put_two_versions, run, write_noise
from tests.support.in_terminal import outputs

_LONG = "a-collection-with-a-name-that-is-longer-than-most-names-are"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A store with long names, many aliases, runs with many columns, links, references and a pending version."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare_folder(tmp_path_factory.mktemp("narrow"), monkeypatch)
        _fill()
        yield


def _fill() -> None:
    put_two_versions()
    run("alias", "animals:v1", "production", "candidate", "the-best-one-so-far")
    write_noise(Path("deep/folder/of/some/length/that/has/another"), {"picture-of-a-very-long-name.jpg": 1000})
    description = "a description in many words " * 5
    run(
        "put", "deep", "--name", _LONG, "--type", "dataset", "--description", description, "--metadata", '{"a": [1, 2]}'
    )
    run("ref", Path("animals/cat.jpg").absolute().as_uri(), "--name", "remote", "--type", "dataset")
    for number in range(3):
        with artstore.init(
            "a-project-of-some-length", id=f"run{number}", name=f"a run with a name {number}", config={"lr": number}
        ) as logging:
            logging.use_artifact(f"uncategorized/{_LONG}:v0")
            logging.log({f"metric_{key}": number + key for key in range(6)})
            model = artstore.Artifact("model", type="model", metadata={"n": number})
            logging.log_artifact(model).wait()
            logging.link_artifact(model, "registry-of-models/chosen", aliases=["production"])
    with Store.open(".artstore") as store:
        draft = store.draft("waiting", "dataset")
        store.add_bytes(draft, b"x", "x")
        store.upsert(draft, "night")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("columns", [40, 50, 60])
def test_every_verb_fits(columns: int) -> None:
    project = "a-project-of-some-length"
    commands = [
        ["ls"],
        ["ls", "animals"],
        ["ls", f"{_LONG}:v0"],
        ["show", "animals"],
        ["show", _LONG],
        ["show", f"{project}/model"],
        ["log", "animals", "--labels"],
        ["log", f"{project}/model", "--labels"],
        ["diff", "animals"],
        ["diff", "animals", _LONG],
        ["diff", "animals", "--stat"],
        ["status", "remote"],
        ["alias", "animals"],
        ["tag", "animals"],
        ["pending"],
        ["rm", "animals:v0", "--dry-run"],
        ["lineage", f"{project}/model"],
        ["lineage", _LONG],
        ["runs"],
        ["runs", "--project", project, "--absolute"],
        ["runs", "--project", project, "--columns", "lr,metric_1,metric_2,metric_3,metric_4"],
        ["runs", "run1"],
        ["runs", "diff", "run0", "run1", "run2"],
        ["runs", "plot", "metric_1"],
        ["du"],
        ["du", "animals"],
        ["gc"],
        ["verify"],
        ["get", "animals", "--root", "a-folder-to-write-to/with/a/long/name"],
        ["put", "animals", "--name", "animals"],
        ["sql", "select * from artifact_versions"],
        ["init"],
        ["backup", "a-folder-for-the-backup/with/a/long/name"],
        ["show", "nothing"],
        ["runs", "diff"],
        ["log", "animals:v0"],
        ["show", "animals:productoin"],
        ["runs", "--help"],
        ["--help"],
    ]
    for command, lines in zip(commands, outputs(commands, columns), strict=True):
        assert any(lines), command
        for line in lines:
            assert terminal.width(line) <= columns, (command, line)


@pytest.mark.usefixtures("filled")
def test_nothing_is_left_out_and_rows_stay_apart() -> None:
    [runs, versions, shown] = outputs(
        [["runs", "--columns", "lr,metric_5"], ["ls", "animals"], ["show", "animals"]], 50
    )
    assert [line for line in runs if not line.startswith(" ")] == ["run2", "run1", "run0"]
    text = " ".join(line.strip() for line in runs)
    for part in ("name: a run with a name 2", "project: a-project-of-some-length", "lr: 2", "metric_5: 7"):
        assert part in text
    assert "job type" not in text
    assert versions[0] == "animals:v1"
    assert "aliases: latest, best, candidate, production, the-best-one-so-far" in " ".join(map(str.strip, versions))
    digest = json_of("show", "animals")["digest"]
    assert any(line.startswith("  digest       blake3:") for line in shown)
    assert digest in "".join(line.strip() for line in shown)


@pytest.mark.usefixtures("filled")
def test_a_wide_terminal_and_a_pipe_get_the_table() -> None:
    [wide] = outputs([["ls", "animals"]], 120)
    assert wide == run("ls", "animals").stdout.splitlines()
    assert wide[0].split() == ["version", "aliases", "created", "entries", "size"]


@pytest.mark.parametrize(
    ("line", "columns", "expected"),
    [
        ("short", 10, ["short"]),
        ("one two three four", 10, ["one two", "   three", "   four"]),
        ("  a  b  c", 4, ["  a", " b", " c"]),
        ("abcdefghijkl", 5, ["abcde", " fghi", " jkl"]),
        ("日本語日本語", 6, ["日本語", "  日本", "  語"]),
    ],
)
def test_lines_are_split_at_spaces(line: str, columns: int, expected: list[str]) -> None:
    assert list(terminal.wrapped(line, columns)) == expected
