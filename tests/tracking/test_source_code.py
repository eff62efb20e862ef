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
from tests.support.programs import script_output

pytestmark = pytest.mark.usefixtures("workspace")


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    output_of = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return output_of.stdout.strip()


def recorded_code() -> object:
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
    assert recorded_code() == {"commit": commit, "branch": "trunk", "remote": None, "dirty": False}
    git("remote", "add", "mirror", "https://someone:pa@ss@mirror.example/team/code.git?token=xyz")
    Path("train.py").write_text("2")
    mirror = "https://mirror.example/team/code.git"
    assert recorded_code() == {"commit": commit, "branch": "trunk", "remote": mirror, "dirty": True}
    git("remote", "add", "origin", "git@origin.example:team/code.git")
    git("checkout", "-q", "--detach")
    (workspace / "deep").mkdir()
    assert recorded_code() == {
        "commit": commit,
        "branch": None,
        "remote": "origin.example:team/code.git",
        "dirty": True,
    }
    recorded = output_of("sql", "select group_concat(environment) as said from runs", "--json")
    # None of these is hexadecimal: the commit may contain any digits.
    assert re.search("pa@|ss@|xyz|git@", recorded) is None
    listed = output_of("runs", "--project", "coded", "-n", "1", "--json")
    assert "code         " + commit in output_of("runs", json.loads(listed)[0]["id"], "--project", "coded")


def test_code_without_a_repository_or_commit_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded_code() is None
    git("init", "-q")
    assert recorded_code() is None
    monkeypatch.setenv("PATH", "")
    assert recorded_code() is None


def test_the_file_system_monitor_of_a_repository_is_not_started(workspace: Path) -> None:
    git("init", "-q")
    Path("train.py").write_text("1")
    git("add", "train.py")
    git("commit", "-q", "-m", "one")
    trap = workspace / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {workspace / 'sprung'}\n")
    trap.chmod(0o755)
    git("config", "core.fsmonitor", str(trap))
    assert recorded_code() is not None
    assert not (workspace / "sprung").exists()


def new_repository() -> None:
    """Make a repository of two files, one of which was touched since."""
    git("init", "-q")
    for name in ("train.py", "data.bin"):
        Path(name).write_text("print()\n")
    git("add", "train.py", "data.bin")
    git("commit", "-q", "-m", "one")
    for name in ("train.py", "data.bin"):
        Path(name).write_text("PRINT()\n")


def test_a_run_in_a_foreign_repository_runs_nothing_of_it(workspace: Path) -> None:
    trap = workspace / "trap"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> {workspace}/sprung\ncat\n')
    trap.chmod(0o755)
    new_repository()
    blob = git("rev-parse", "HEAD:data.bin")
    for setting in ("filter.a=b.clean", "filter.a=b.process", "core.fsmonitor", "core.sshCommand", "diff.external"):
        git("config", setting, str(trap))
    git("config", "filter.a=b.required", "true")
    hooks = workspace / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout", "pre-auto-gc"):
        (hooks / hook).write_bytes(trap.read_bytes())
        (hooks / hook).chmod(0o755)
    git("config", "core.hooksPath", str(hooks))
    # A partial clone, whose missing objects a program of the repository would fetch.
    git("config", "core.repositoryFormatVersion", "1")
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    git("config", "remote.origin.url", f"ext::{trap} %S")
    git("config", "protocol.ext.allow", "always")
    Path(".gitattributes").write_text("* filter=a=b diff=a=b\n")
    Path(".git/objects", blob[:2], blob[2:]).unlink()
    Path("sprung").unlink(missing_ok=True)
    with artstore.init(project="coded", id="one"):
        pass
    with artstore.init(project="coded", id="two"):
        pass
    assert not Path("sprung").exists(), Path("sprung").read_text()
    recorded = artstore.Api().run("coded/two").metadata["git"]
    assert recorded["commit"] == git("-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD")
    assert recorded["dirty"] is None, "only the filters could tell"


def test_filters_of_the_user_are_not_those_of_the_repository(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = workspace / "gitconfig"
    settings.write_text('[filter "lower"]\n\tclean = tr [:upper:] [:lower:]\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    new_repository()
    Path(".gitattributes").write_text("* filter=lower\n")
    with artstore.init(project="coded", id="one"):
        pass
    assert artstore.Api().run("coded/one").metadata["git"]["dirty"] is False


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


def test_no_secret_of_a_command_line_is_in_the_store(workspace: Path) -> None:
    arguments = ["--lr", "0.1", "--api-key", "S3CRET", "+aws.secret_key=S3CRET", "s3://me:S3CRET@host/data"]
    script_output("import artstore; artstore.init(project='p', id='run', store='store').finish()", *arguments)
    command = artstore.Api(store="store").run("p/run").metadata["command"]
    assert command == ["-c", "--lr", "0.1", "--api-key", "***", "+aws.secret_key=***", "s3://***@host/data"]
    assert [path for path in Path("store").rglob("*") if path.is_file() and b"S3CRET" in path.read_bytes()] == []


def test_a_password_with_an_at_sign_is_not_stored_in_part() -> None:
    assert secrets.redacted_command(["s3://me:pa@ss@host/data"]) == ["s3://***@host/data"]


@pytest.mark.parametrize("word", secrets.SECRET_WORDS)
def test_every_word_of_the_list_hides_the_value_of_an_option(word: str) -> None:
    for arguments in ([f"--my-{word.upper()}", "shown"], [f"--{word}s=shown"], [f"{word}=shown"]):
        assert "shown" not in " ".join(secrets.redacted_command(["train.py", *arguments]))
