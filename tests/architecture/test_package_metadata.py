"""The Python versions that the package promises are among those that `make test-pythons` runs the tests on."""

from __future__ import annotations

import re
import tomllib
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
