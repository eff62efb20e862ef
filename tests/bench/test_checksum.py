"""`artstore bench checksum` measures every algorithm in every way, and leaves no file behind however it ends."""

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
from tests.support.cli_runner import json_of, output_of, run
from tests.support.programs import run_python

pytestmark = pytest.mark.usefixtures("workspace")

SHORT = ("--seconds", "0.2", "--size", "4KiB", "--size", "300kB")


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))


def test_each_checksum_equals_that_of_its_library() -> None:
    content = os.urandom(100_000)
    expected = {
        "blake3": blake3(content).digest(),
        "sha256": hashlib.sha256(content).digest(),
        "md5": hashlib.md5(content).digest(),
        "xxh3": xxhash.xxh3_128(content).digest(),
        "crc32c": google_crc32c.value(content).to_bytes(4, "big"),
    }
    digests = {}
    for name, hash in HASHES.items():
        hasher = hash.load()()
        for begin in range(0, len(content), 30_000):
            hasher.update(memoryview(content)[begin : begin + 30_000])
        digests[name] = hasher.digest()
    assert digests == expected


def test_the_json_has_every_algorithm_by_method_size_and_threads(workspace: Path) -> None:
    before = names(workspace)
    report = json_of("bench", "checksum", *SHORT, "--threads", "1", "--threads", "3")
    assert report["cores"] == platform.cores() and report["load"] >= 0
    ways = {
        *(("reading", "buffer"), ("blake3", "store"), ("sha256", "store")),
        *((name, method) for name in ("blake3", "sha256", "md5", "xxh3", "crc32c") for method in ("buffer", "mmap")),
    }
    assert {
        (result["algorithm"], result["method"], result["size"], result["threads"]) for result in report["results"]
    } == {(*way, size, threads) for way in ways for size in (4096, 300_000) for threads in (1, 3)}
    for result in report["results"]:
        assert result["bytes"] > 0 and result["seconds"] > 0
        assert result["bytes_per_second"] == pytest.approx(result["bytes"] / result["seconds"])
    assert names(workspace) == before


def test_there_is_a_table_for_each_size_and_a_last_line_with_the_answer() -> None:
    output = output_of("bench", "checksum", *SHORT, "--threads", "2")
    assert "files of 4 KiB, in MB/s" in output and "files of 300.0 kB, in MB/s" in output
    assert output.count("crc32c") == output.count("blake3") == 2
    assert output.splitlines()[-1].startswith("artstore would add 300.0 kB files at ")


def test_the_chart_names_every_series(workspace: Path) -> None:
    output_of("bench", "checksum", *SHORT, "--threads", "1", "--plot", "sizes.svg")
    output_of(
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
        texts = {element.text for element in ElementTree.parse(workspace / name).iter()}
        assert {"reading", *HASHES, "blake3, store", "sha256, store"} <= texts
        assert any(more in text for text in texts if text)


def test_files_are_created_next_to_the_store_or_in_a_chosen_folder(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "disk").mkdir(mode=0o555)
    (workspace / "animals").chmod(0o555)
    program = "import sys\nfrom artstore.cli import verbs\ntry: verbs(sys.argv[1:])\nexcept SystemExit: pass"
    arguments = ("bench", "checksum", "--quick", "--size", "4KiB", "--threads", "1")
    monkeypatch.setenv("ARTSTORE_DIR", str(workspace / "disk" / "later" / "store"))
    for folder, more in (("disk", []), ("animals", ["--dir", workspace / "animals"])):
        assert f"{workspace / folder} cannot be read or written (Permission denied)" in run_python(
            program, *arguments, *more
        )
    monkeypatch.delenv("ARTSTORE_DIR")
    output_of(*arguments[:2], *SHORT, "--threads", "1")
    assert names(workspace) == {"animals", "disk"}


def test_ctrl_c_leaves_no_files(workspace: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "artstore",
        "bench",
        "checksum",
        "--seconds",
        "100",
        "--dir",
        str(workspace / "animals"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(workspace.glob("animals/.artstore-bench-*/*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (130, False), errors
    assert names(workspace / "animals") == {"cat.jpg", "dog.jpg"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "4 potatoes"], "'4 potatoes' is not a size"),
        (["--size", "ib"], "'ib' is not a size"),
        (["--threads", "0"], "0 is not in the range"),
        (["--seconds", "0"], "0"),
        (["--quick", "--seconds", "5"], "both set the duration: leave one out"),
        (["--dir", "nowhere"], "does not exist"),
        (["--plot", "nowhere/x.svg"], "the folder 'nowhere' does not exist"),
    ],
)
def test_wrong_arguments_are_refused_before_files_are_created(
    workspace: Path, arguments: list[str], message: str
) -> None:
    result = run("bench", "checksum", *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert names(workspace) == {"animals"}


@pytest.mark.parametrize("module", ["xxhash", "google_crc32c"])
def test_without_a_library_the_error_names_what_to_install(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run("bench", "checksum", *SHORT)
    assert result.exit_code == 2
    assert f"needs {module}: pip install 'artstore[bench]'" in result.stderr
    assert names(workspace) == {"animals"}
