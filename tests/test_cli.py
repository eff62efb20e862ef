"""The command line on real stores: what it prints, what it refuses, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from artstore import location, terminal
from artstore.cli import VERBS, showing, verbs
from artstore.errors import NoStore


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two animals in it, and no store."""
    for name in list(os.environ):
        if name.startswith("ARTSTORE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "animals", {"cat.jpg": 200_000, "dog.jpg": 100_000})
    return tmp_path


def write(folder: Path, sizes: dict[str, int]) -> None:
    folder.mkdir(exist_ok=True)
    for name, size in sizes.items():
        (folder / name).write_bytes(random.Random(name).randbytes(size))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(verbs, list(arguments), prog_name="artstore", catch_exceptions=False)


def done(*arguments: str) -> str:
    """What a command that must work prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def data(*arguments: str) -> Any:
    return json.loads(done(*arguments, "--json"))


def two_versions() -> None:
    """`animals:v0` with two entries; `animals:v1`, also called best, with a third."""
    done("put", "animals", "--name", "animals", "--type", "dataset")
    write(Path("animals"), {"rat.jpg": 300_000})
    done("put", "animals", "--name", "animals", "--alias", "best")


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "artstore", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_a_folder_goes_in_and_comes_back(here: Path) -> None:
    assert done("put", "animals", "--name", "animals", "--type", "dataset") == (
        "animals:v0  2 entries  300.0 kB  (new)\n"
    )
    assert done("get", "animals") == "artifacts/animals:v0  2 files written, 0 kept\n"
    for name in ("cat.jpg", "dog.jpg"):
        assert (here / "artifacts/animals:v0" / name).read_bytes() == (here / "animals" / name).read_bytes()
    assert done("get", "animals:v0") == "artifacts/animals:v0  0 files written, 2 kept\n"


def test_the_same_folder_again_is_unchanged() -> None:
    two_versions()
    assert done("put", "animals", "--name", "animals") == "animals:v1  3 entries  600.0 kB  (unchanged)\n"
    assert data("put", "animals", "--name", "animals")["new"] is False


def test_put_keeps_everything_it_is_told() -> None:
    told = data(
        *("put", "animals/cat.jpg", "--name", "cat", "--type", "image", "--project", "zoo", "--as", "big/cat.jpg"),
        *("--alias", "best", "--alias", "first", "--tag", "fur", "--ttl", "30d"),
        *("--description", "a cat", "--metadata", '{"legs": 4}'),
    )
    assert told["new"] is True
    assert told["aliases"] == ["latest", "best", "first"]
    assert told["tags"] == ["fur"]
    assert told["ttl_seconds"] == 30 * 86400
    assert (told["project"], told["description"], told["metadata"]) == ("zoo", "a cat", {"legs": 4})
    assert [entry["path"] for entry in data("ls", "zoo/cat:best")] == ["big/cat.jpg"]


def test_a_folder_can_go_below_a_path_and_come_back_in_part() -> None:
    done("put", "animals", "--name", "animals", "--type", "dataset", "--as", "train/wild")
    assert done("get", "animals", "--root", "out", "--path", "train/wild/cat.jpg") == "out  1 file written, 0 kept\n"
    assert [path.name for path in Path("out").rglob("*.jpg")] == ["cat.jpg"]
    nothing = run("get", "animals", "--root", "none", "--path", "train/tame")
    assert (nothing.exit_code, nothing.stderr) == (1, "animals:v0 has nothing at or below 'train/tame'\n")
    assert not Path("none").exists()


def test_ls_lists_collections_versions_and_entries() -> None:
    two_versions()
    assert [line.split() for line in done("ls").splitlines()][2] == (
        ["uncategorized", "animals", "dataset", "v1", "2", "600.0", "kB"]
    )
    assert done("ls", "animals").splitlines()[2:] == [
        "animals:v1  latest, best  just now        3  600.0 kB",
        "animals:v0                just now        2  300.0 kB",
    ]
    assert [line.split()[-1] for line in done("ls", "animals:v0").splitlines()] == ["cat.jpg", "dog.jpg"]
    assert data("ls") == [
        {
            "project": "uncategorized",
            "collection": "animals",
            "type": "dataset",
            "newest": "v1",
            "versions": 2,
            "size": 600_000,
        }
    ]
    assert [each["version"] for each in data("ls", "animals")] == ["v1", "v0"]
    assert data("ls", "animals:v0")[0]["kind"] == "file"
    assert data("ls", "--project", "zoo") == []


def test_links_and_empty_folders_are_listed_as_what_they_are(here: Path) -> None:
    (here / "animals/empty").mkdir()
    (here / "animals/puss.jpg").symlink_to("cat.jpg")
    done("put", "animals", "--name", "animals", "--type", "dataset")
    lines = [line.split() for line in done("ls", "animals:v0").splitlines()]
    assert lines[2:] == [["folder", "empty/"], ["link", "puss.jpg", "->", "cat.jpg"]]


def test_names_cannot_rewrite_the_screen(here: Path) -> None:
    (here / "animals/\x1b[2Jgone\n\u202egpj").write_text("x")
    done("put", "animals", "--name", "animals", "--type", "dataset")
    assert done("ls", "animals:v0").splitlines()[0].endswith("\\x1b[2Jgone\\n\\u202egpj")


def test_rm_without_a_terminal_shows_and_deletes_nothing() -> None:
    two_versions()
    result = run("rm", "animals:v0")
    assert result.exit_code == 1
    assert result.stdout.endswith("deleting 1 version frees 0 B\n")
    assert result.stderr == "nothing was deleted: pass --yes to delete this\n"
    assert len(data("ls", "animals")) == 2


def test_rm_says_what_it_frees_and_frees_it() -> None:
    two_versions()
    assert "deleting 1 version frees 300.0 kB" in done("rm", "animals:v1", "--delete-aliases", "--dry-run")
    told = data("rm", "animals:v1", "--delete-aliases", "--yes")
    assert (told["deleted"], told["content_bytes"]) == (True, 300_000)
    assert [each["aliases"] for each in data("ls", "animals")] == [["latest"]]
    assert data("du")["content_bytes"] == 300_000


def test_rm_by_rule_spares_what_has_an_alias() -> None:
    two_versions()
    for number in range(3):
        write(Path("animals"), {f"{number}.jpg": 1000})
        done("put", "animals", "--name", "animals")
    assert [each["version"] for each in data("rm", "animals", "--keep-last", "2", "--dry-run")["versions"]] == (
        ["v2", "v0"]
    )
    done("rm", "animals", "--keep-last", "2", "--yes")
    assert [each["version"] for each in data("ls", "animals")] == ["v4", "v3", "v1"]
    assert run("rm", "animals", "--older-than", "1h", "--yes").exit_code == 1
    done("rm", "animals", "--all", "--yes")
    assert done("ls", "animals") == ""
    assert data("ls")[0]["newest"] is None


def test_rm_asks_on_a_terminal() -> None:
    pty = pytest.importorskip("pty")
    two_versions()
    for answer, code, left in ((b"n\n", 1, 2), (b"y\n", 0, 1)):
        master, typed = pty.openpty()
        command = [sys.executable, "-m", "artstore", "rm", "animals:v0", "--json"]
        child = subprocess.Popen(command, stdin=typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.write(master, answer)
        out, err = child.communicate()
        os.close(master)
        os.close(typed)
        assert "Delete 1 version? [y/N]" in err
        assert (child.returncode, json.loads(out)["deleted"]) == (code, code == 0)
        assert len(data("ls", "animals")) == left


def test_du_tells_size_owned_and_reclaimable() -> None:
    two_versions()
    rows = {each["name"]: each for each in data("du", "animals")}
    assert [rows[name]["owned_bytes"] for name in ("animals:v0", "animals:v1")] == [300_000, 300_000]
    assert [rows[name]["reclaimable_bytes"] for name in ("animals:v0", "animals:v1")] == [0, 300_000]
    assert done("du", "animals:v0").split()[-6:] == ["300.0", "kB", "300.0", "kB", "0", "B"]
    whole = data("du")
    assert (whole["version_bytes"], whole["content_bytes"], whole["dead_bytes"]) == (900_000, 600_000, 0)
    assert "2 versions would take without sharing" in done("du")


def test_gc_collects_what_is_past_its_time() -> None:
    assert data("put", "animals", "--name", "animals", "--type", "dataset", "--ttl", "1s")["ttl_seconds"] == 1
    while not data("gc", "--dry-run")["expired"]:
        time.sleep(0.1)
    assert "collected 1 expired version" in done("gc")
    assert done("gc") == "nothing to collect\n"


def test_verify_names_what_is_damaged(here: Path) -> None:
    two_versions()
    assert done("verify").startswith("ok: 2 versions, ")
    pack = next((here / ".artstore/packs").iterdir())
    damaged = bytearray(pack.read_bytes())
    damaged[damaged.index((here / "animals/cat.jpg").read_bytes()[:64])] ^= 1
    pack.write_bytes(damaged)
    result = run("verify")
    assert result.exit_code == 1
    assert "    uncategorized/animals:v0  cat.jpg\n" in result.stdout
    assert "harmed: uncategorized/animals:v0, uncategorized/animals:v1\n" in result.stdout
    told = json.loads(run("verify", "--json").stdout)
    assert told["ok"] is False
    assert {"version": "uncategorized/animals:v0", "path": "cat.jpg"} in told["findings"][0]["harms"]


def test_a_backup_is_a_store_and_its_head_holds_the_history() -> None:
    two_versions()
    told = data("backup", "copy")
    assert done("get", "animals:v0", "--store", "copy", "--root", "out").startswith("out  2 files")
    assert data("verify", "--head", told["head"])["ok"] is True
    assert run("verify", "--head", "blake3:" + "0" * 64).exit_code == 1
    assert f"head {told['head']}" in done("backup", "copy")


def test_sql_answers_and_never_writes() -> None:
    two_versions()
    assert done("sql", "select version, entries as n from artifact_versions order by number") == (
        "version  n\n-------  -\nv0       2\nv1       3\n"
    )
    assert data("sql", "select digest from files where size = 100000")[0]["digest"]
    assert data("sql", "select 1 where 0") == []
    assert run("sql", "delete from aliases").exit_code == 2
    assert data("ls", "animals")[0]["aliases"] == ["latest", "best"]


def test_init_makes_a_store_once() -> None:
    assert done("init", "--algorithm", "sha256") == "made the store .artstore (sha256)\n"
    assert done("init") == "there is a store already: .artstore (sha256)\n"
    assert data("init", "other")["made"] is True


def test_put_says_once_that_it_makes_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("put", "animals", "--name", "animals", "--type", "dataset")
    assert run(*arguments).stderr == "made the store .artstore\n"
    assert run(*arguments).stderr == ""
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    assert run(*arguments, "--store", "quiet").stderr == ""


def test_the_store_is_found_from_below_and_by_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done("put", "animals", "--name", "animals", "--type", "dataset")
    done("put", "animals", "--name", "others", "--type", "dataset", "--store", "second")
    below = here / "animals/deep/down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert data("ls")[0]["collection"] == "animals"
    monkeypatch.setenv("ARTSTORE_DIR", str(here / "second"))
    assert data("ls")[0]["collection"] == "others"
    assert data("ls", "--store", str(here / ".artstore"))[0]["collection"] == "animals"
    assert location.new() == here / "second"
    monkeypatch.setenv("ARTSTORE_DIR", "")
    assert (location.find(), location.new()) == (here / ".artstore", below / ".artstore")
    monkeypatch.setenv("ARTSTORE_DIR", "~/kept")
    assert location.find() == Path.home() / "kept"


def test_reading_where_no_store_is_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoStore, match="--store or ARTSTORE_DIR"):
        location.existing()
    for arguments in (["ls"], ["get", "animals"], ["du"], ["gc"], ["verify"], ["rm", "animals:v0"], ["backup", "b"]):
        result = run(*arguments)
        assert (result.exit_code, "no store here" in result.stderr) == (2, True)
    assert "make one with `artstore init" in run("ls", "--store", "nowhere").stderr
    monkeypatch.setenv("ARTSTORE_DIR", "nowhere")
    assert "(ARTSTORE_DIR says so)" in run("ls").stderr
    assert not Path("b").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init", "animals"], "holds something else"),
        (["init", "--algorithm", "md5"], "'md5' is not one of"),
        (["put", "nothing", "--name", "n", "--type", "t"], "does not exist"),
        (["put", "animals", "--name", "a/b", "--type", "t"], "Invalid name: 'a/b'"),
        (["put", "animals", "--name", "animals", "--type", "model"], "already exists with type 'dataset'"),
        (["put", "animals", "--name", "new"], "say its type"),
        (["put", "animals", "--name", "animals", "--alias", "latest"], "follows the newest version by itself"),
        (["put", "animals", "--name", "animals", "--tag", "a,b"], "Invalid tag 'a,b'"),
        (["put", "animals", "--name", "animals", "--ttl", "0d"], "no span of time"),
        (["put", "animals", "--name", "animals", "--ttl", "999999999w"], "no span of time"),
        (["put", "animals", "--name", "animals", "--metadata", "{"], "write JSON"),
        (["put", "animals", "--name", "animals", "--metadata", "[1]"], "it is no object"),
        (["put", "animals", "--name", "animals", "--metadata", '{"x": NaN}'], "no NaN"),
        (["put", "animals", "--name", "animals", "--as", "../up"], "Invalid artifact path"),
        (["get", "animals:v9"], 'no version "animals:v9" (latest is v1)'),
        (["get", "animals", "--root", "animals/cat.jpg"], "animals/cat.jpg"),
        (["ls", "nothing"], "no artifact 'nothing'"),
        (["ls", "a:b:c/d"], "invalid artifact name 'a:b:c/d'"),
        (["rm", "animals"], "Which versions of 'animals'?"),
        (["rm", "animals:v1"], "`--delete-aliases`"),
        (["rm", "animals:v0", "--all"], "the name of one collection"),
        (["rm", "animals", "--all", "--keep-last", "1"], "leave out --keep-last"),
        (["rm", "animals", "--keep-last", "0"], "0 is not in the range"),
        (["rm", "animals", "--keep-last", "1", "--delete-aliases"], "never takes a version with an alias"),
        (["rm", "nothing", "--all"], "no artifact 'nothing'"),
        (["du", "nothing"], "no artifact 'nothing'"),
        (["gc", "--store", "animals"], "no store at"),
        (["verify", "--store", "animals"], "no store at"),
        (["backup", "animals"], "holds something else"),
        (["sql", "selct 1"], "syntax error"),
        (["sql", "select 1; select 2"], "one statement"),
        (["demo", "--keep", "animals"], "not an empty folder"),
        (["lst"], "No such command 'lst'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_an_error_that_says_what_to_do(arguments: list[str], said: str) -> None:
    two_versions()
    before = done("sql", "select count(*) from events")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())
    assert done("sql", "select count(*) from events") == before


def test_every_verb_has_a_bad_input_above() -> None:
    (mark,) = test_bad_input_is_an_error_that_says_what_to_do.pytestmark  # type: ignore[attr-defined]
    assert {case[0][0] for case in mark.args[1]} >= set(VERBS)


def test_put_makes_no_store_for_what_it_refuses() -> None:
    assert run("put", "animals", "--name", "animals").exit_code == 2
    assert run("put", "animals", "--name", "bad name", "--type", "t").exit_code == 2
    assert not Path(".artstore").exists()


def test_ctrl_c_ends_with_130_and_leaves_nothing_broken(here: Path) -> None:
    done("init")
    with (here / "large.bin").open("wb") as large:
        large.truncate(64 * 2**30)
    command = [sys.executable, "-m", "artstore", "put", "large.bin", "--name", "large", "--type", "dataset"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(here.glob(".artstore/packs/*.pack")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, "Traceback" in said) == (130, False)
    assert json.loads(done("ls", "--json")) == []
    assert json.loads(done("gc", "--json"))["dead_sessions"] == 0
    done("verify")


def test_a_reader_that_stops_ends_the_command_quietly(here: Path) -> None:
    write(here / "many", {f"{number}.txt": 10 for number in range(3000)})
    done("put", "many", "--name", "many", "--type", "dataset")
    command = [sys.executable, "-m", "artstore", "ls", "many:v0"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.wait() == 141
    assert child.stderr.read() == b""
    child.stderr.close()


def test_as_a_process_it_works_the_same() -> None:
    assert process("put", "animals", "--name", "animals", "--type", "dataset").stdout.endswith("(new)\n")
    failed = process("get", "animals:v7")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == 'Error: no version "animals:v7" (latest is v0)\n'
    assert process("--version").stdout.startswith("artstore ")
    assert process("ls", "animals:v0", PYTHONIOENCODING="ascii").returncode == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from artstore.cli import verbs; verbs(['--help'], standalone_mode=False); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert not loaded & {"sqlite_utils", "sqlite3", "rich", "psutil", "pyfastcdc", "blake3", "loky", "artstore.store"}


def test_sizes_are_decimal_and_never_a_thousand() -> None:
    told = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 6_000_000: "6.0 MB"}
    assert {count: showing.size(count) for count in told} == told
    assert showing.size(4 * 10**18) == "4000.0 PB"


def test_tables_are_straight_with_wide_characters() -> None:
    lines = showing.table(["name", "n"], [["数据", "1"], ["e\u0301", "22"]], right=["n"])
    assert lines[2:] == ["数据   1", "e\u0301     22"]


def test_bars_count_what_several_threads_do(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    bars = terminal.Bars(patience=0)
    bars.begin("adding [animals]", 4000, "files")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bars.advance, [1] * 4000))
    bars.end()
    assert "adding [animals]" in screen.getvalue()
    assert "4000/4000" in screen.getvalue()


def test_short_steps_and_pipes_show_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    bars = terminal.Bars()
    bars.begin("adding", None, "bytes")
    bars.advance(10)
    bars.end()
    assert screen.getvalue() == ""
    assert not isinstance(terminal.progress(), terminal.Bars)
