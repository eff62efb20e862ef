"""`artstore bench checksum`: every algorithm in every way, and no file left behind however it ends."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import google_crc32c
import pytest
import xxhash
from blake3 import blake3

from artstore.bench.hashes import HASHES
from artstore.runtime import platform
from tests.support.cli_runner import data, done, run, settle
from tests.support.programs import python

SHORT = ("--seconds", "0.2", "--size", "4KiB", "--size", "300kB")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two animals in it, and no store."""
    return settle(tmp_path, monkeypatch)


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))


def test_each_checksum_is_what_its_library_says_of_the_whole() -> None:
    content = os.urandom(100_000)
    expected = {
        "blake3": blake3(content).digest(),
        "sha256": hashlib.sha256(content).digest(),
        "md5": hashlib.md5(content).digest(),
        "xxh3": xxhash.xxh3_128(content).digest(),
        "crc32c": google_crc32c.value(content).to_bytes(4, "big"),
    }
    found = {}
    for name, each in HASHES.items():
        running = each.start()()
        for begin in range(0, len(content), 30_000):
            running.update(memoryview(content)[begin : begin + 30_000])
        found[name] = running.digest()
    assert found == expected


def test_the_json_has_every_algorithm_by_method_size_and_threads(here: Path) -> None:
    before = names(here)
    found = data("bench", "checksum", *SHORT, "--threads", "1", "--threads", "3")
    assert found["cores"] == platform.cores() and found["load"] >= 0
    ways = {
        *(("reading", "buffer"), ("blake3", "store"), ("sha256", "store")),
        *((name, method) for name in ("blake3", "sha256", "md5", "xxh3", "crc32c") for method in ("buffer", "mmap")),
    }
    assert {(each["algorithm"], each["method"], each["size"], each["threads"]) for each in found["results"]} == {
        (*way, size, threads) for way in ways for size in (4096, 300_000) for threads in (1, 3)
    }
    for each in found["results"]:
        assert each["bytes"] > 0 and each["seconds"] > 0
        assert each["bytes_per_second"] == pytest.approx(each["bytes"] / each["seconds"])
    assert names(here) == before


def test_the_tables_are_one_for_each_size_and_end_with_the_answer_in_words() -> None:
    said = done("bench", "checksum", *SHORT, "--threads", "2")
    assert "files of 4 KiB, in MB/s" in said and "files of 300.0 kB, in MB/s" in said
    assert said.count("crc32c") == said.count("blake3") == 2
    assert said.splitlines()[-1].startswith("Of 300.0 kB files, artstore would take in ")


def test_the_chart_names_every_series(here: Path) -> None:
    done("bench", "checksum", *SHORT, "--threads", "1", "--plot", "sizes.svg")
    done(
        "bench",
        "checksum",
        "--seconds",
        "0.1",
        "--size",
        "1MiB",
        "--threads",
        "1",
        "--threads",
        "2",
        "--plot",
        "one.svg",
    )
    for name, more in (("sizes.svg", "1 thread"), ("one.svg", "2 threads")):
        said = {each.text for each in ElementTree.parse(here / name).iter()}
        assert {"reading", *HASHES, "blake3, store", "sha256, store"} <= said
        assert any(more in each for each in said if each)


def test_files_are_made_beside_the_store_or_where_one_says(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "disk").mkdir(mode=0o555)
    (here / "animals").chmod(0o555)
    program = "import sys\nfrom artstore.cli import verbs\ntry: verbs(sys.argv[1:])\nexcept SystemExit: pass"
    arguments = ("bench", "checksum", "--quick", "--size", "4KiB", "--threads", "1")
    monkeypatch.setenv("ARTSTORE_DIR", str(here / "disk" / "later" / "store"))
    for folder, more in (("disk", []), ("animals", ["--dir", here / "animals"])):
        assert f"{here / folder} cannot be read or written (Permission denied)" in python(program, *arguments, *more)
    monkeypatch.delenv("ARTSTORE_DIR")
    done(*arguments[:2], *SHORT, "--threads", "1")
    assert names(here) == {"animals", "disk"}


def test_ctrl_c_leaves_no_files(here: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "artstore",
        "bench",
        "checksum",
        "--seconds",
        "100",
        "--dir",
        str(here / "animals"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(here.glob("animals/.artstore-bench-*/*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == (130, False), said
    assert names(here / "animals") == {"cat.jpg", "dog.jpg"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "4 potatoes"], "'4 potatoes' is no size"),
        (["--size", "ib"], "'ib' is no size"),
        (["--threads", "0"], "0 is not in the range"),
        (["--seconds", "0"], "0"),
        (["--quick", "--seconds", "5"], "leave out --seconds or --quick"),
        (["--dir", "nowhere"], "does not exist"),
        (["--plot", "nowhere/x.svg"], "there is no folder 'nowhere'"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(here: Path, arguments: list[str], said: str) -> None:
    result = run("bench", "checksum", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert names(here) == {"animals"}


@pytest.mark.parametrize("module", ["xxhash", "google_crc32c"])
def test_without_a_library_the_error_names_what_to_install(
    here: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run("bench", "checksum", *SHORT)
    assert result.exit_code == 2
    assert f"needs {module}: pip install 'artstore[bench]'" in result.stderr
    assert names(here) == {"animals"}
