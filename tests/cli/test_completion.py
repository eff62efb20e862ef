"""Shells complete verbs and the names in the store, by the scripts as the shells run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from artstore.store import Store
from tests.support.cli_runner import output_of, prepare_folder, put_two_versions, run, run_process
from tests.support.programs import run_script


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two animals in it, no store, and this environment's `artstore` on the path."""
    command = tmp_path / "bin" / "artstore"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m artstore "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    return prepare_folder(tmp_path, monkeypatch)


def complete_with_bash(line: str) -> list[str]:
    """Return what bash offers for the last word of a line, which for bash begins after a colon."""
    script = """
        eval "$(artstore completion bash)"
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
        _artstore_completion artstore
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    result = subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout.split("\n")[:-1] if result.stdout != "\n" else []


def complete_with_protocol(shell: str, *words: str) -> list[str]:
    """Return what is offered to zsh or fish for the last of some words."""
    # zsh counts words, fish names the last one.
    last = {"zsh": str(len(words) - 1), "fish": words[-1]}[shell]
    result = run_process(_ARTSTORE_COMPLETE=f"{shell}_complete", COMP_WORDS=" ".join(words), COMP_CWORD=last)
    assert (result.returncode, result.stderr) == (0, "")
    return [line for line in result.stdout.splitlines() if line]


def test_bash_completes_verbs_names_and_versions_after_a_colon() -> None:
    put_two_versions()
    assert complete_with_bash("artstore du") == ["du"]
    assert complete_with_bash("artstore get an") == [
        "animals",
        "animals:latest",
        "animals:best",
        "animals:v1",
        "animals:v0",
    ]
    assert complete_with_bash("artstore get animals:b") == ["best"]
    assert complete_with_bash("artstore diff animals:v0 animals:v") == ["v1", "v0"]
    assert complete_with_bash("artstore alias animals:v0 ") == ["best"]
    assert complete_with_bash("artstore ls --project=un") == ["uncategorized"]
    assert "--keep-last" in complete_with_bash("artstore rm --")
    assert complete_with_bash("artstore bench de") == ["dedup"]


def test_names_are_quoted_for_bash() -> None:
    put_two_versions()
    output_of("alias", "animals:v0", "so $(good)")
    assert complete_with_bash("artstore get animals:so") == ["so\\ \\$\\(good\\)"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_complete_verbs_and_versions(shell: str) -> None:
    put_two_versions()
    assert any(
        "Show everything about one version." in line for line in complete_with_protocol(shell, "artstore", "sho")
    )
    completions = complete_with_protocol(shell, "artstore", "show", "animals:b")
    assert [line.removeprefix("plain,") for line in completions if "animals" in line] == ["animals:best"]
    assert f"_ARTSTORE_COMPLETE={shell}_complete" in output_of("completion", shell)


def test_names_of_other_projects_include_their_project() -> None:
    put_two_versions()
    output_of("put", "animals", "--name", "wolves", "--type", "dataset", "--project", "zoo", "--alias", "pack")
    assert complete_with_bash("artstore show zoo/wolves:p") == ["pack"]
    assert complete_with_bash("artstore show --project zoo wo") == [
        "wolves",
        "wolves:latest",
        "wolves:pack",
        "wolves:v0",
    ]
    assert complete_with_bash("artstore log ") == ["animals", "zoo/wolves"]
    assert complete_with_bash("artstore put x --type ") == ["dataset"]
    assert complete_with_bash("artstore put x --name ani") == ["animals"]


def test_names_of_links_are_completed() -> None:
    put_two_versions()
    with Store.open(".artstore") as store:
        store.link("animals:v1", "chosen", aliases=["live"])
    assert complete_with_bash("artstore get chosen:") == ["latest", "live", "v0"]


def test_only_aliases_and_tags_of_the_version_are_offered_for_removal() -> None:
    put_two_versions()
    output_of("tag", "animals:v0", "fur")
    output_of("tag", "animals:v1", "tail")
    assert complete_with_bash("artstore tag animals:v0 ") == ["tail", "fur"]
    assert complete_with_bash("artstore tag --remove animals:v0 ") == ["fur"]
    assert complete_with_bash("artstore alias -r animals:v0 ") == []


def test_without_a_store_nothing_is_offered_or_printed(folder: Path) -> None:
    assert complete_with_bash("artstore get an") == []
    assert complete_with_bash("artstore ls --project ") == []
    assert complete_with_bash("artstore get --store animals an") == []
    assert complete_with_protocol("fish", "artstore", "get", "an") == []
    assert not (folder / ".artstore").exists()


def test_an_invalid_name_offers_and_prints_nothing() -> None:
    put_two_versions()
    for typed in ("a:b:c", "../x:", "nothing:", "a/b/c/d:", "'"):
        assert complete_with_protocol("fish", "artstore", "get", typed) == []


def test_names_that_would_move_the_cursor_are_not_offered() -> None:
    put_two_versions()
    output_of("alias", "animals:v0", "\x9b2Jgone")
    assert complete_with_bash("artstore get animals:") == ["latest", "best", "v1", "v0"]


def test_completing_a_verb_imports_no_store() -> None:
    code = "import sys; from artstore.cli import verbs; verbs([], prog_name='artstore', standalone_mode=False)"
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {code}"
    settings = {"_ARTSTORE_COMPLETE": "fish_complete", "COMP_WORDS": "artstore d", "COMP_CWORD": "d"}
    result = run_script(code, environment=settings)
    assert (result.returncode, "diff" in result.stdout) == (0, True), result.stderr
    assert not {"artstore.store", "sqlite3", "rich"} & set(result.stderr.split())


def test_the_script_is_for_the_current_shell_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert output_of("completion") == output_of("completion", "fish")
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    unknown = run("completion")
    assert (unknown.exit_code, "Name bash, zsh or fish" in unknown.stderr) == (2, True)
