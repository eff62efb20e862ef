"""Maintenance on the command line: rm, du, gc, verify, backup, sql."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli_runner import json_of, output_of, put_two_versions, run, write_noise

pytestmark = pytest.mark.usefixtures("workspace")


def test_rm_without_a_terminal_shows_the_plan_and_deletes_nothing() -> None:
    put_two_versions()
    result = run("rm", "animals:v0")
    assert result.exit_code == 1
    assert result.stdout.endswith("deleting 1 version frees 0 B\n")
    assert result.stderr == "nothing was deleted: pass --yes to delete this\n"
    assert len(json_of("ls", "animals")) == 2


def test_rm_frees_the_bytes_that_it_announces() -> None:
    put_two_versions()
    assert "deleting 1 version frees 300.0 kB" in output_of("rm", "animals:v1", "--delete-aliases", "--dry-run")
    result = json_of("rm", "animals:v1", "--delete-aliases", "--yes")
    assert (result["deleted"], result["content_bytes"]) == (True, 300_000)
    assert [row["aliases"] for row in json_of("ls", "animals")] == [["latest"]]
    assert json_of("du")["content_bytes"] == 300_000


def test_rm_by_rule_keeps_versions_with_aliases() -> None:
    put_two_versions()
    for number in range(3):
        write_noise(Path("animals"), {f"{number}.jpg": 1000})
        output_of("put", "animals", "--name", "animals")
    assert [row["version"] for row in json_of("rm", "animals", "--keep-last", "2", "--dry-run")["versions"]] == (
        ["v2", "v0"]
    )
    output_of("rm", "animals", "--keep-last", "2", "--yes")
    assert [row["version"] for row in json_of("ls", "animals")] == ["v4", "v3", "v1"]
    assert run("rm", "animals", "--older-than", "1h", "--yes").exit_code == 1
    output_of("rm", "animals", "--all", "--yes")
    assert output_of("ls", "animals") == ""
    assert json_of("ls")[0]["newest"] is None


def test_rm_asks_on_a_terminal() -> None:
    pty = pytest.importorskip("pty")
    put_two_versions()
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
        assert len(json_of("ls", "animals")) == left


def test_du_shows_size_owned_and_reclaimable_bytes() -> None:
    put_two_versions()
    rows = {row["name"]: row for row in json_of("du", "animals")}
    assert [rows[name]["owned_bytes"] for name in ("animals:v0", "animals:v1")] == [300_000, 300_000]
    assert [rows[name]["reclaimable_bytes"] for name in ("animals:v0", "animals:v1")] == [0, 300_000]
    assert output_of("du", "animals:v0").split()[-6:] == ["300.0", "kB", "300.0", "kB", "0", "B"]
    whole = json_of("du")
    assert (whole["version_bytes"], whole["content_bytes"], whole["dead_bytes"]) == (900_000, 600_000, 0)
    assert "2 versions, when written to a folder" in output_of("du")


def test_du_shows_what_compression_saves(workspace: Path) -> None:
    assert output_of("init", "--compression", "zstd").endswith("(blake3, zstd)\n")
    assert json_of("init")["compression"] == "zstd"
    (workspace / "animals/notes.txt").write_text("meow\n" * 10_000)
    put_two_versions()
    whole = json_of("du")
    assert (whole["content_bytes"], whole["stored_bytes"] < 610_000) == (650_000, True)
    assert "content, compressed" in output_of("du")


def test_gc_removes_expired_versions() -> None:
    assert json_of("put", "animals", "--name", "animals", "--type", "dataset", "--ttl", "1s")["ttl_seconds"] == 1
    while not json_of("gc", "--dry-run")["expired"]:
        time.sleep(0.1)
    assert "removed 1 expired version" in output_of("gc")
    assert output_of("gc") == "nothing to clean up\n"


def test_verify_names_what_is_damaged(workspace: Path) -> None:
    put_two_versions()
    assert output_of("verify").startswith("ok: 2 versions, ")
    pack = next((workspace / ".artstore/packs").iterdir())
    damaged = bytearray(pack.read_bytes())
    damaged[damaged.index((workspace / "animals/cat.jpg").read_bytes()[:64])] ^= 1
    pack.write_bytes(damaged)
    result = run("verify")
    assert result.exit_code == 1
    assert "    uncategorized/animals:v0  cat.jpg\n" in result.stdout
    assert "harmed: uncategorized/animals:v0, uncategorized/animals:v1\n" in result.stdout
    report = json.loads(run("verify", "--json").stdout)
    assert report["ok"] is False
    assert {"version": "uncategorized/animals:v0", "path": "cat.jpg"} in report["findings"][0]["harms"]


def test_a_backup_is_a_store_whose_head_proves_the_history() -> None:
    put_two_versions()
    backup = json_of("backup", "copy")
    assert output_of("get", "animals:v0", "--store", "copy", "--root", "out").startswith("out  2 files")
    assert json_of("verify", "--head", backup["head"])["ok"] is True
    assert run("verify", "--head", "blake3:" + "0" * 64).exit_code == 1
    assert f"head {backup['head']}" in output_of("backup", "copy")


def test_sql_reads_and_never_writes() -> None:
    put_two_versions()
    assert output_of("sql", "select version, entries as n from artifact_versions order by number") == (
        "version  n\n-------  -\nv0       2\nv1       3\n"
    )
    assert json_of("sql", "select digest from files where size = 100000")[0]["digest"]
    assert json_of("sql", "select 1 where 0") == []
    assert run("sql", "delete from aliases").exit_code == 2
    assert json_of("ls", "animals")[0]["aliases"] == ["latest", "best"]
