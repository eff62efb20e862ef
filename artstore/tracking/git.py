"""What Git says of the code in a folder: which commit it is, on which branch, from where, and whether it was changed.

Git is asked, not read: its formats are its own. It is asked so that it changes nothing, asks nobody for a password and
starts no monitor that the repository names, and it is not waited for longer than `PATIENCE` seconds a question.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from artstore.runtime import secrets

PATIENCE = 5.0
_CAREFUL = ("-c", "core.fsmonitor=false")


class State(NamedTuple):
    """`branch` is None where a commit itself is checked out, `dirty` None where Git took too long to tell.

    `dirty` counts changes of files that Git knows; new files that were never added do not. `remote` is that of
    `origin`, else of the first remote, without user and password.
    """

    commit: str
    branch: str | None
    remote: str | None
    dirty: bool | None


def state(folder: Path) -> State | None:
    """The state of the repository that a folder is in; None if it is in none, it has no commit, or there is no Git."""
    commit = _asked(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changes = _asked(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    branch = _asked(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    return State(commit, branch or None, _remote(folder), None if changes is None else bool(changes))


def _remote(folder: Path) -> str | None:
    said = _asked(folder, "config", "--get-regexp", r"^remote\..*\.url$") or ""
    urls = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    url = urls.get("remote.origin.url", next(iter(urls.values()), None))
    return secrets.redacted_remote(url) if url else None


def _asked(folder: Path, *question: str) -> str | None:
    """What Git answers; None if it cannot, or not in time."""
    try:
        answer = subprocess.run(
            ["git", *_CAREFUL, *question],
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else None
