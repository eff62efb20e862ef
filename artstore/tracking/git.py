"""Ask Git about the code in a folder: its commit, branch and remote, and whether it was changed.

Git itself is asked, because its file formats are its own. It must change nothing, ask for no password, run nothing that
the repository names (filters, hooks, a file system monitor, the transport of objects that a partial clone lacks), and
answer each question within `PATIENCE` seconds.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from artstore.runtime import secrets

PATIENCE = 5.0
_SAFE_CONFIG = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_SAFE_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # An older Git does not know the line above. No protocol is allowed, whatever the repository allows.
    "GIT_ALLOW_PROTOCOL": "",
}


class State(NamedTuple):
    """The state of a repository.

    `branch` is None if a commit itself is checked out. `dirty` tells whether files that Git tracks were changed, and
    is None if Git took too long to answer. `remote` is the URL of `origin`, otherwise of the first remote, without user
    and password.
    """

    commit: str
    branch: str | None
    remote: str | None
    dirty: bool | None


def state(folder: Path) -> State | None:
    """Return the state of the repository that a folder is in; None without a repository, a commit or Git."""
    commit = _ask(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    branch = _ask(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    return State(commit, branch or None, _remote(folder), _is_dirty(folder))


def _is_dirty(folder: Path) -> bool | None:
    if _has_own_filters(folder):
        return None
    changes = _ask(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    return None if changes is None else bool(changes)


def _has_own_filters(folder: Path) -> bool:
    """Whether the configuration of the repository itself may name programs that files are passed through."""
    answer = _ask(folder, "config", "--show-scope", "--null", "--list")
    if answer is None:
        return True
    # For each setting: the scope, NUL, the name, a line break, the value, NUL.
    parts = answer.split("\0")
    names = [
        setting.partition("\n")[0]
        for scope, setting in zip(parts[::2], parts[1::2], strict=False)
        if scope in ("local", "worktree")
    ]
    return any(name.startswith("filter.") and name.endswith((".clean", ".process")) for name in names)


def _remote(folder: Path) -> str | None:
    answer = _ask(folder, "config", "--get-regexp", r"^remote\..*\.url$") or ""
    urls = dict(line.split(" ", 1) for line in answer.splitlines() if " " in line)
    url = urls.get("remote.origin.url", next(iter(urls.values()), None))
    return secrets.redacted_remote(url) if url else None


def _ask(folder: Path, *question: str) -> str | None:
    """Return the answer of Git; None if it fails or takes too long."""
    try:
        answer = subprocess.run(
            ["git", *_SAFE_CONFIG, *question],
            cwd=folder,
            env={**os.environ, **_SAFE_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else None
