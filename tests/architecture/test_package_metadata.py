"""The Python versions that the package promises are among those that `make test-pythons` runs the tests on."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_imports import ROOT

VERSION = re.compile(r"3\.\d+")


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def minor(version: str) -> int:
    """Return 11 for 3.11."""
    assert VERSION.fullmatch(version), version
    return int(version.removeprefix("3."))


def oldest() -> int:
    """Return the oldest version that can be installed on, by its second number."""
    return minor(settings()["project"]["requires-python"].removeprefix(">="))


def classified() -> list[int]:
    """Return the versions that the package index shows."""
    words = [text.split(" :: ") for text in settings()["project"]["classifiers"]]
    return [minor(text[2]) for text in words if text[:2] == ["Programming Language", "Python"] and text[2] != "3"]


def in_the_loop() -> list[int]:
    """Return the versions in the loop of `make test-pythons`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^test-pythons:.*\n(?:\t.*\n)*?\tfor version in ([^;]*);", makefile, re.MULTILINE)
    return [minor(version) for version in listed.split()]


def test_each_classifier_is_a_version_that_is_tested_and_can_be_installed_on() -> None:
    versions = classified()
    assert versions == sorted(set(versions))
    assert versions, "no classifier names a version of Python"
    assert [version for version in versions if version < oldest()] == [], "older than requires-python"
    assert [version for version in versions if version not in in_the_loop()] == [], "not run by make test-pythons"


def test_the_oldest_version_is_the_same_everywhere() -> None:
    tool = settings()["tool"]
    assert (tool["mypy"]["python_version"], tool["ruff"]["target-version"]) == (f"3.{oldest()}", f"py3{oldest()}")
    assert (classified()[0], in_the_loop()[0]) == (oldest(), oldest())
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"sys\.version_info < \((.*?)\)", makefile) == [f"3, {oldest()}"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "Makefile"])
def test_the_help_of_the_target_names_its_versions(page: str) -> None:
    versions = in_the_loop()
    assert versions == list(range(versions[0], versions[-1] + 1))
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"make test-pythons .*every Python from (\S+) to (\S+) that is", text)
    assert named == [(f"3.{versions[0]}", f"3.{versions[-1]}")]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_the_oldest_version(page: str) -> None:
    named = re.findall(r"(3\.\d+) or newer", (ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert set(named) == {f"3.{oldest()}"}


MAKE = """#!/bin/sh
echo "$*" >> "$0.calls"
while read -r failing; do case "$*" in *" VENV=.venv-$failing") exit 1;; esac; done < "$0.failing"
"""
"""A program in the place of make, which notes how it is called; it fails for the versions in a file."""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def run_test_pythons(place: Path, *failing: str) -> tuple[int, list[str], list[str]]:
    """Run `make test-pythons` with the Pythons of a folder; return its exit code, its lines and the calls of make."""
    make, stub = shutil.which("make"), place / "make"
    assert make is not None, "make is not installed"
    write_program(stub, MAKE)
    Path(f"{stub}.failing").write_text("".join(f"{version}\n" for version in failing), encoding="utf-8")
    Path(f"{stub}.calls").write_text("", encoding="utf-8")
    done = subprocess.run(
        [make, "test-pythons", f"MAKE={stub}"],
        cwd=ROOT,
        env={"PATH": str(place / "bin"), "PYENV_ROOT": str(place / "pyenv")},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if "Python" in line]
    return done.returncode, said, Path(f"{stub}.calls").read_text(encoding="utf-8").splitlines()


def test_each_python_that_is_there_is_run_once_and_a_failing_one_is_named(tmp_path: Path) -> None:
    versions = [f"3.{number}" for number in in_the_loop()]
    first, broken, last = versions[0], versions[1], versions[-1]
    of_pyenv = tmp_path / "pyenv" / "versions" / f"{last}.1" / "bin" / "python"
    for path in (tmp_path / "bin" / f"python{first}", tmp_path / "bin" / f"python{last}", of_pyenv):
        write_program(path, "#!/bin/sh\n")
    # As a shim of pyenv does for a version that is installed and not selected.
    write_program(tmp_path / "bin" / f"python{broken}", "#!/bin/sh\nexit 127\n")
    found = {first: f"python{first}", last: str(of_pyenv)}
    said = [
        f"Python {version}: {found[version]}" if version in found else f"Python {version} is not here"
        for version in versions
    ]
    calls = [f"--no-print-directory test PYTHON={python} VENV=.venv-{version}" for version, python in found.items()]
    assert run_test_pythons(tmp_path) == (0, said, calls)
    for failing in ([first], [last], [first, last]):
        named = f"The tests fail on Python {' '.join(failing)}"
        assert run_test_pythons(tmp_path, *failing) == (2, [*said, named], calls)


def test_a_machine_without_any_of_the_pythons_is_no_error(tmp_path: Path) -> None:
    said = [f"Python 3.{number} is not here" for number in in_the_loop()]
    assert run_test_pythons(tmp_path) == (0, said, [])
