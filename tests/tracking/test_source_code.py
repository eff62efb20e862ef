"""A run records its code and command line, without secrets."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import artstore
from artstore.runtime import secrets
from tests.support.cli_runner import output_of

pytestmark = pytest.mark.usefixtures("workspace")


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    output_of = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return output_of.stdout.strip()


def code() -> object:
    with artstore.init(project="coded") as run:
        id = run.id
    return artstore.Api().run(f"coded/{id}").metadata.get("git")


def test_a_run_records_the_commit_branch_remote_and_changes_of_its_code(
    workspace: Path,
) -> None:
    git("init", "-q", "-b", "trunk")
    Path("train.py").write_text("1")
    git("add", "train.py")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert code() == {"commit": commit, "branch": "trunk", "remote": None, "dirty": False}
    git("remote", "add", "mirror", "https://someone:pa@ss@mirror.example/team/code.git?token=xyz")
    Path("train.py").write_text("2")
    mirror = "https://mirror.example/team/code.git"
    assert code() == {"commit": commit, "branch": "trunk", "remote": mirror, "dirty": True}
    git("remote", "add", "origin", "git@origin.example:team/code.git")
    git("checkout", "-q", "--detach")
    (workspace / "deep").mkdir()
    assert code() == {"commit": commit, "branch": None, "remote": "origin.example:team/code.git", "dirty": True}
    recorded = output_of("sql", "select group_concat(environment) as said from runs", "--json")
    # None of these is hexadecimal: the commit may contain any digits.
    assert re.search("pa@|ss@|xyz|git@", recorded) is None
    listed = output_of("runs", "--project", "coded", "-n", "1", "--json")
    assert "code         " + commit in output_of("runs", json.loads(listed)[0]["id"], "--project", "coded")


def test_code_without_a_repository_or_commit_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code() is None
    git("init", "-q")
    assert code() is None
    monkeypatch.setenv("PATH", "")
    assert code() is None


def test_the_file_system_monitor_of_a_repository_is_not_started(workspace: Path) -> None:
    git("init", "-q")
    Path("train.py").write_text("1")
    git("add", "train.py")
    git("commit", "-q", "-m", "one")
    trap = workspace / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {workspace / 'sprung'}\n")
    trap.chmod(0o755)
    git("config", "core.fsmonitor", str(trap))
    assert code() is not None
    assert not (workspace / "sprung").exists()


def test_a_run_begins_before_git_has_answered(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git answers only after the run has begun."""
    bin = workspace / "bin"
    bin.mkdir()
    slow = bin / "git"
    slow.write_text(f"#!/bin/sh\nwhile test ! -e {workspace / 'begun'}; do sleep 0.01; done\necho answer\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(bin), prepend=":")
    with artstore.init(project="coded") as run:
        Path("begun").touch()
    recorded = artstore.Api().run(f"coded/{run.id}").metadata["git"]
    assert (recorded["commit"], recorded["branch"], recorded["dirty"]) == ("answer", "answer", True)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://host/team/code.git", "https://host/team/code.git"),
        ("https://me:token@host:8443/team/code.git", "https://host:8443/team/code.git"),
        ("https://me:to@ken@host/code.git?auth=x", "https://host/code.git"),
        ("ssh://git@host/~me/code@2.git", "ssh://host/~me/code@2.git"),
        ("git@host:team/code.git", "host:team/code.git"),
        ("/srv/git/code@2.git", "/srv/git/code@2.git"),
        ("file:///srv/git/code.git", "file:///srv/git/code.git"),
    ],
)
def test_a_remote_is_stored_without_user_password_and_query(url: str, written: str) -> None:
    assert secrets.redacted_remote(url) == written


def test_a_password_with_an_at_sign_is_not_stored_in_part() -> None:
    assert secrets.redacted_command(["s3://me:pa@ss@host/data"]) == ["s3://***@host/data"]


@pytest.mark.parametrize("word", secrets.SECRET_WORDS)
def test_every_word_of_the_list_hides_the_value_of_an_option(word: str) -> None:
    for arguments in ([f"--my-{word.upper()}", "shown"], [f"--{word}s=shown"], [f"{word}=shown"]):
        assert "shown" not in " ".join(secrets.redacted_command(["train.py", *arguments]))
