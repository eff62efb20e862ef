"""The magic `%%wandb` of notebooks, which shows the run of a cell; `%wandb` shows the open run, or what is named."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from artstore.runtime import notebook
from artstore.tracking import run as runs
from artstore.tracking.api import Api, Project


def register(shell: Any) -> None:
    """Give the magic to an IPython shell."""

    def wandb(line: str, cell: str | None = None) -> None:
        _show(shell, line, cell)

    shell.register_magic_function(wandb, "line_cell", "wandb")


def _show(shell: Any, line: str, cell: str | None) -> None:
    given = argparse.ArgumentParser(prog="%wandb", add_help=False)
    given.add_argument("path", nargs="?", default=None)
    # The height of W&B's page: what is shown here needs no frame.
    given.add_argument("-h", "--height", type=int)
    path = given.parse_args(shlex.split(line)).path
    shown = _display(Api().from_path(path) if path else runs.current())
    if cell is not None:
        before = runs.newest()
        shell.run_cell(cell)
        newest = runs.newest()
        if not shown and newest is not before:
            _display(newest)


def _display(thing: Any) -> bool:
    """Show a run, a project or a sweep; return whether there is one and a notebook that shows it."""
    if isinstance(thing, Project):
        return notebook.show(Api().runs(thing.name)._repr_html_)
    return thing is not None and notebook.show(thing._repr_html_)
