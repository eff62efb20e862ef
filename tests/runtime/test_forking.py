"""Forks: one module registers every hook, and the gate opens in the child before any other hook runs there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import artstore
from tests.support.programs import script_output

PROGRAM = """
import os
from artstore.runtime import forking

said = []

def enter():
    with forking.held_off():
        said.append("child")

forking.register(before=lambda: said.append("before"), after_in_child=enter)
forking.when_gate_is_shut(lambda: said.append("shut"))
if os.fork() == 0:
    print(*said, flush=True)
    os._exit(0)
os.wait()
"""


def test_only_one_module_registers_hooks_for_forks() -> None:
    package = Path(artstore.__file__).parent
    registering = [path for path in package.rglob("*.py") if "os.register_at_fork(" in path.read_text("utf-8")]
    assert registering == [package / "runtime" / "forking.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_the_gate_shuts_after_the_other_hooks_and_is_open_in_the_child_before_them() -> None:
    assert script_output(PROGRAM).split() == ["before", "shut", "child"]
