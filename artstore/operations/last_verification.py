"""The result of the last verification, noted in `verified.json` beside the catalog.

A verification changes nothing in the catalog, which may be damaged. The note is for people, and nothing depends on it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artstore.catalog import timestamps
from artstore.catalog.repository import Repository
from artstore.errors import Damaged
from artstore.runtime import environment, platform

# Pages read the note without all that a verification needs.
if TYPE_CHECKING:
    from artstore.operations.verify import VerifyResult

FILE = "verified.json"
_LONGEST = 64 * 1024
_HARMED = 20
"""The harmed versions that the note names."""


def note(repository: Repository, result: VerifyResult) -> None:
    """Note a result. A store that cannot be written is verified without a note."""
    data = {
        "at": timestamps.now(),
        "by": environment.user(),
        "versions": result.versions,
        "bytes": result.bytes,
        "findings": len(result.findings),
        "harmed": result.harmed[:_HARMED],
    }
    place = repository.folder / FILE
    written = place.with_name(platform.temporary_name(FILE))
    try:
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file)
        written.replace(place)
    except OSError:
        # The caller has the result, whether it can be noted or not.
        with suppress(OSError):
            written.unlink()


def remove_unfinished(folder: Path) -> None:
    """Remove notes that killed processes were writing. A process that is writing one now leaves the older note."""
    for written in folder.glob(f".{FILE}-*"):
        with suppress(OSError):
            written.unlink()


def noted(folder: Path) -> dict[str, Any] | None:
    """Return the note of a store; None if there is none, or if it is not one that `note` wrote."""
    try:
        descriptor = platform.open_regular(folder / FILE, os.O_RDONLY)
    except (FileNotFoundError, PermissionError, Damaged):
        return None
    try:
        written = platform.read_at(descriptor, _LONGEST, 0)
    finally:
        os.close(descriptor)
    try:
        found = json.loads(written)
        datetime.fromisoformat(found["at"])
        counts = [found[key] for key in ("versions", "bytes", "findings")]
        is_right = all(type(count) is int and count >= 0 for count in counts) and isinstance(found["harmed"], list)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if is_right else None
