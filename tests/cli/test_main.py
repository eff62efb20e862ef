"""The command line as a whole: where it finds the store, what it refuses, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from artstore.cli import VERBS, _format
from artstore.errors import NoStore
from artstore.tracking import location
from tests.support.cli_runner import json_of, output_of, put_two_versions, run, run_process, write_noise
from tests.support.programs import script_output

pytestmark = pytest.mark.usefixtures("workspace")


def test_init_creates_a_store_once() -> None:
    assert output_of("init", "--algorithm", "sha256") == "created the store .artstore (sha256)\n"
    assert output_of("init") == "there is a store already: .artstore (sha256)\n"
    assert json_of("init", "other")["made"] is True


def test_put_prints_once_that_it_creates_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("put", "animals", "--name", "animals", "--type", "dataset")
    assert run(*arguments).stderr == "created the store .artstore\n"
    assert run(*arguments).stderr == ""
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    assert run(*arguments, "--store", "quiet").stderr == ""


def test_the_store_is_found_from_subfolders_and_by_option(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    output_of("put", "animals", "--name", "others", "--type", "dataset", "--store", "second")
    below = workspace / "animals/deep/down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert json_of("ls")[0]["collection"] == "animals"
    monkeypatch.setenv("ARTSTORE_DIR", str(workspace / "second"))
    assert json_of("ls")[0]["collection"] == "others"
    assert json_of("ls", "--store", str(workspace / ".artstore"))[0]["collection"] == "animals"
    assert location.new() == workspace / "second"
    monkeypatch.setenv("ARTSTORE_DIR", "")
    assert (location.find(), location.new()) == (workspace / ".artstore", below / ".artstore")
    monkeypatch.setenv("ARTSTORE_DIR", "~/kept")
    assert location.find() == Path.home() / "kept"


def test_reading_without_a_store_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoStore, match=r"pass store=\.\.\., or set ARTSTORE_DIR"):
        location.existing()
    for arguments in (
        ["ls"],
        ["get", "animals"],
        ["du"],
        ["gc"],
        ["verify"],
        ["pending"],
        ["rm", "animals:v0"],
        ["backup", "b"],
        ["show", "a"],
        ["status", "a"],
        ["log", "a"],
        ["diff", "a"],
        ["lineage", "a"],
        ["runs"],
        ["alias", "a"],
        ["tag", "a"],
        ["sql", "select 1"],
    ):
        result = run(*arguments)
        assert (result.exit_code, "no store here" in result.stderr) == (2, True)
    assert "pass --store ..., or set ARTSTORE_DIR" in run("ls").stderr
    assert "create one with `artstore init" in run("ls", "--store", "nowhere").stderr
    monkeypatch.setenv("ARTSTORE_DIR", "nowhere")
    assert "(ARTSTORE_DIR says so)" in run("ls").stderr
    assert not Path("b").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init", "animals"], "holds something else"),
        (["init", "--algorithm", "md5"], "'md5' is not one of"),
        (["put", "nothing", "--name", "n", "--type", "t"], "does not exist"),
        (["put", "animals", "--name", "a/b", "--type", "t"], "Invalid name: 'a/b'"),
        (["put", "animals", "--name", "animals", "--type", "model"], "already exists with type 'dataset'"),
        (["put", "animals", "--name", "new"], "yet: pass --type dataset, or another type"),
        (["put", "animals", "--name", "animals", "--alias", "latest"], "follows the newest version by itself"),
        (["put", "animals", "--name", "animals", "--tag", "a,b"], "Invalid tag 'a,b'"),
        (["put", "animals", "--name", "animals", "--ttl", "0d"], "is not a duration: use 30d, 12h or 45m"),
        (["put", "animals", "--name", "animals", "--ttl", "999999999w"], "is not a duration: use 30d, 12h or 45m"),
        (["put", "animals", "--name", "animals", "--metadata", "{"], "write JSON"),
        (["put", "animals", "--name", "animals", "--metadata", "[1]"], "not a JSON object"),
        (["put", "animals", "--name", "animals", "--metadata", '{"x": NaN}'], "no NaN"),
        (["put", "animals", "--name", "animals", "--as", "../up"], "Invalid artifact path"),
        (["ref", "animals", "--name", "r", "--type", "t"], "References must be URIs"),
        (["ref", "file:///nowhere", "--name", "r", "--type", "t"], "neither an object 'file:///nowhere' nor"),
        (["ref", "https://u:S3CRET@h/x", "--name", "r", "--type", "t"], "a user and password in it"),
        (["ref", "file:.", "--name", "r", "--type", "t", "--max-objects", "0"], "0 is not in the range"),
        (["status", "animals:v9"], 'no version "animals:v9" (latest is v1)'),
        (["status", "nothing"], "no artifact 'nothing'"),
        (["get", "animals:v9"], 'no version "animals:v9" (latest is v1)'),
        (["get", "animals", "--root", "animals/cat.jpg"], "animals/cat.jpg"),
        (["ls", "nothing"], "no artifact 'nothing'"),
        (["ls", "a:b:c/d"], "invalid artifact name 'a:b:c/d'"),
        (["show", "animals:v9"], 'no version "animals:v9" (latest is v1)'),
        (["show", "nothing"], "no artifact 'nothing'"),
        (["log", "nothing"], "no artifact 'nothing'"),
        (["log", "animals:v1"], "artstore log animals"),
        (["log", "animals", "-n", "0"], "0 is not in the range"),
        (["diff", "animals:v0", "animals:v9"], 'no version "animals:v9"'),
        (["diff", "animals:v0"], "Name two versions"),
        (["diff", "nothing"], "no artifact 'nothing'"),
        (["alias", "animals:v9", "good"], 'no version "animals:v9"'),
        (["alias", "animals:v0", "good", "v7"], "would hide a version index"),
        (["alias", "animals:v0", "good", "latest"], "follows the newest version by itself"),
        (["alias", "animals:v0", "best", "--remove"], "animals:v0 has no alias 'best'"),
        (["alias", "animals:v1", "best", "good", "--remove"], "animals:v1 has no alias 'good'"),
        (["alias", "animals:v1", "--remove"], "Which aliases should be removed?"),
        (["alias", "nothing"], "no artifact 'nothing'"),
        (["tag", "animals:v0", "good", "a,b"], "Invalid tag 'a,b'"),
        (["tag", "animals:v0", "fur", "-r"], "animals:v0 has no tag 'fur'"),
        (["tag", "animals:v0", "-r"], "Which tags should be removed?"),
        (["lineage", "animals:v9"], 'no version "animals:v9" (latest is v1)'),
        (["lineage", "animals", "--depth", "-1"], "-1 is not in the range"),
        (["lineage", "animals", "--direction", "up"], "'up' is not one of 'upstream', 'downstream', 'both'"),
        (["lineage", "animals", "--summary", "--format", "prov"], "leave out --summary"),
        (["report", "nothing", "--html", "out.html"], "Could not find run 'nothing': list the runs with"),
        (["runs", "nothing"], "Could not find run 'nothing': list the runs with"),
        (["runs", "x", "--state", "failed"], "leave out one or the other"),
        (["runs", "--filter", "[1]"], "not a JSON object"),
        (["runs", "--filter", '{"config.lr": {"$near": 1}}'], "no operator '$near': use one of $eq"),
        (["runs", "--order", "-colour"], "runs have no field 'colour'"),
        (["get", "animals", "--with-inputs"], "animals:v1 was not logged by a run"),
        (["get", "animals", "--with-inputs", "--path", "cat.jpg"], "leave one out"),
        (["pending", "animals", "--drop"], "Nothing is pending in animals"),
        (["pending", "--finish"], "Name its collection"),
        (["alias", "animals:v0", "best", "--protect"], "Name a collection and its aliases"),
        (["rm", "animals"], "Which versions of 'animals'?"),
        (["rm", "animals:v1"], "or pass --delete-aliases"),
        (["rm", "animals:v0", "--all"], "the name of one collection"),
        (["rm", "animals", "--all", "--keep-last", "1"], "leave out --keep-last"),
        (["rm", "animals", "--keep-last", "0"], "0 is not in the range"),
        (["rm", "animals", "--keep-last", "1", "--delete-aliases"], "never deletes a version that has an alias"),
        (["rm", "nothing", "--all"], "no artifact 'nothing'"),
        (["du", "nothing"], "no artifact 'nothing'"),
        (["bench", "dedup", "nowhere"], "nowhere"),
        (["gc", "--store", "animals"], "no store at"),
        (["verify", "--store", "animals"], "no store at"),
        (["backup", "animals"], "holds something else"),
        (["restore", "animals"], "no backup at"),
        (["repair", "--from", "nowhere"], "no folder at"),
        (["sql", "selct 1"], "syntax error"),
        (["ui", "--port", "70000"], "70000 is not in the range"),
        (["restore", "animals", "copy"], "give the folder that `artstore backup` wrote to"),
        (["sql", "select 1; select 2"], "one statement"),
        (["sql", ""], 'as in artstore sql "select * from artifact_versions"'),
        (["demo", "--keep", "animals"], "not an empty folder"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (["lst"], "No such command 'lst'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_an_error_that_says_what_to_do(arguments: list[str], message: str) -> None:
    put_two_versions()
    before = output_of("sql", "select count(*) from events")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())
    assert output_of("sql", "select count(*) from events") == before


def test_every_verb_is_tested_with_bad_input() -> None:
    (mark,) = test_bad_input_is_an_error_that_says_what_to_do.pytestmark  # type: ignore[attr-defined]
    assert {case[0][0] for case in mark.args[1]} >= set(VERBS)


def test_put_creates_no_store_for_input_that_it_refuses() -> None:
    assert run("put", "animals", "--name", "animals").exit_code == 2
    assert run("put", "animals", "--name", "bad name", "--type", "t").exit_code == 2
    assert not Path(".artstore").exists()


def test_ctrl_c_ends_with_130_and_leaves_nothing_broken(workspace: Path) -> None:
    output_of("init")
    with (workspace / "large.bin").open("wb") as large:
        large.truncate(64 * 2**30)
    command = [sys.executable, "-m", "artstore", "put", "large.bin", "--name", "large", "--type", "dataset"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(workspace.glob(".artstore/packs/*.pack")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, "Traceback" in errors) == (130, False)
    assert json.loads(output_of("ls", "--json")) == []
    assert json.loads(output_of("gc", "--json"))["dead_process_locks"] == 0
    output_of("verify")


def test_a_closed_pipe_ends_the_command_quietly(workspace: Path) -> None:
    write_noise(workspace / "many", {f"{number}.txt": 10 for number in range(3000)})
    output_of("put", "many", "--name", "many", "--type", "dataset")
    command = [sys.executable, "-m", "artstore", "ls", "many:v0"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.wait() == 141
    assert child.stderr.read() == b""
    child.stderr.close()


def test_it_works_the_same_as_a_process() -> None:
    assert run_process("put", "animals", "--name", "animals", "--type", "dataset").stdout.endswith("(new)\n")
    failed = run_process("get", "animals:v7")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == 'Error: no version "animals:v7" (latest is v0)\n'
    assert run_process("--version").stdout.startswith("artstore ")
    assert run_process("ls", "animals:v0", PYTHONIOENCODING="ascii").returncode == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from artstore.cli import verbs; verbs(['--help'], standalone_mode=False); print(*sys.modules)"
    loaded = set(script_output(code).split())
    ours = {"sqlite_utils", "sqlite3", "rich", "psutil", "pyfastcdc", "blake3", "artstore.store"}
    extras = {"fsspec", "aiohttp", "s3fs", "botocore", "gcsfs", "pandas", "pyarrow", "jinja2", "starlette", "uvicorn"}
    assert not loaded & (ours | extras)


def test_sizes_are_decimal_and_below_a_thousand_of_their_unit() -> None:
    formatted = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 6_000_000: "6.0 MB"}
    assert {count: _format.size(count) for count in formatted} == formatted
    assert _format.size(4 * 10**18) == "4000.0 PB"


def test_tables_with_wide_characters_are_aligned() -> None:
    lines = _format.table(["name", "n"], [["数据", "1"], ["e\u0301", "22"]], right=["n"])
    assert lines[2:] == ["数据   1", "e\u0301     22"]
