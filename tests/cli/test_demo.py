"""`artstore demo` works, prints the same each time, and leaves no files unless asked to."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from artstore import Store
from artstore.cli import verbs
from tests.support.files import snapshot


def demo(*arguments: str) -> Result:
    return CliRunner().invoke(verbs, ["demo", *arguments], prog_name="artstore", catch_exceptions=False)


def test_the_demo_puts_changes_gets_and_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("ARTSTORE_DIR", str(tmp_path / "mine"))
    result = demo()
    assert result.exit_code == 0, result.output
    commands = [line for line in result.stdout.splitlines() if line.startswith("$ artstore ")]
    assert {line.split()[2] for line in commands} == {
        "init",
        "show",
        "put",
        "ls",
        "get",
        "diff",
        "log",
        "du",
        "rm",
        "verify",
    }
    for line in (
        "animals:v0  2 entries  3.0 MB  (new)",
        "animals:v0  2 entries  3.0 MB  (unchanged)",
        "animals:v1  latest, best",
        "changed  cat.jpg  2.0 MB -> 2.0 MB",
        "added    rat.jpg  3.0 MB",
        "6.0 MB  content, each chunk once",
        "deleted 1 version",
        "  logged by    train-1 (train-1, finished)",
        "  used by      train-1 (train-1, finished)",
        "ok: 2 versions",
    ):
        assert line in result.stdout
    # How much of cat.jpg is stored again depends on how files are cut: part of it, not all.
    both = re.search(r"^ *(6\.\d) MB  content, each chunk once$", result.stdout, re.MULTILINE)
    assert both is not None and 6.0 <= float(both[1]) < 7.0
    assert list(tmp_path.iterdir()) == []


def test_a_store_above_the_demo_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    Store.init(tmp_path / ".artstore").close()
    before = snapshot(tmp_path / ".artstore")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "below"))
    for arguments in ([], ["--keep", str(tmp_path / "below" / "tour")]):
        assert demo(*arguments).exit_code == 0
    assert snapshot(tmp_path / ".artstore") == before


def test_the_demo_prints_the_same_each_time(tmp_path: Path) -> None:
    first, second = demo("--keep", str(tmp_path / "a")), demo("--keep", str(tmp_path / "b"))
    assert comparable(first.stdout, "a") == comparable(second.stdout, "b")


def comparable(text: str, folder: str) -> str:
    # The space of files depends on their layout on the disk and on when SQLite last wrote its journal back; and
    # the clock goes on.
    text = re.sub(r".*(on the disk|until the next rm or gc)\n|: .* freed on the disk|  created .*\n", "", text)
    return text.replace(f"/{folder}:", "/kept:")


def test_the_demo_can_be_kept_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_folder = tmp_path / "tour"
    assert f"everything is in {kept_folder}" in demo("--keep", str(kept_folder)).stdout
    monkeypatch.chdir(kept_folder)
    monkeypatch.delenv("ARTSTORE_DIR", raising=False)
    listed = CliRunner().invoke(verbs, ["ls", "animals:best"], catch_exceptions=False)
    assert len(listed.stdout.splitlines()) == 3
