"""`artstore ui` as a command; its pages are tested in tests/web."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.support.cli_runner import output_of, put_two_versions, run

pytestmark = pytest.mark.usefixtures("workspace")


def test_without_its_libraries_it_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    put_two_versions()
    monkeypatch.setitem(sys.modules, "starlette", None)
    result = run("ui")
    assert (result.exit_code, "pip install 'artstore[ui]'" in result.stderr) == (2, True)


def test_a_port_in_use_and_a_host_that_is_not_here_are_named() -> None:
    put_two_versions()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = run("ui", "--port", port)
        assert (result.exit_code, f"port {port}" in result.stderr, "--port" in result.stderr) == (2, True, True)
    result = run("ui", "--host", "no.such.host.invalid", "--port", "0")
    assert (result.exit_code, "no.such.host.invalid" in result.stderr) == (2, True)


def test_without_a_store_it_says_so() -> None:
    result = run("ui")
    assert (result.exit_code, "no store here" in result.stderr) == (2, True)


def test_lineage_is_written_as_one_html_file(workspace: Path) -> None:
    put_two_versions()
    output_of("lineage", "animals:v1", "--html", "lineage.html")
    page = Path("lineage.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<svg" in page and "uncategorized/animals:v1" in page and "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
