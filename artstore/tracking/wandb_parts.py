"""Small functions and classes that programs import from modules of W&B.

`wandb_modules` says under which name of W&B each of them is found.
"""

from __future__ import annotations

import contextlib
import os
import random
import string
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL
from artstore.errors import Error, MissingLibrary
from artstore.runtime import environment, terminal
from artstore.tracking import location
from artstore.tracking import run as runs
from artstore.tracking.active_run import login as login
from artstore.tracking.server_only import ServerOnly

_fast_random = random.Random()


class ArtifactState(Enum):
    """The values of `Artifact.state`."""

    PENDING = "PENDING"
    COMMITTED = "COMMITTED"
    DELETED = "DELETED"


class RunDisabled:
    """The class of disabled runs in W&B, which integrations compare a run with. No run is of this class."""


class WandbCoreNotAvailableError(Error):
    """W&B's service does not start. Programs catch it; artstore never raises it."""


class InternalApi:
    """The object `wandb.api`: the one user of a store, who is always logged in."""

    api_key = LOCAL
    default_entity = LOCAL
    is_authenticated = True

    def settings(self, key: str | None = None, section: str | None = None) -> Any:
        """Return the value of a setting, or a dict of all."""
        values = {"entity": LOCAL, "project": environment.get("ARTSTORE_PROJECT"), "base_url": ""}
        return values.get(key) if key is not None else values

    def viewer(self) -> dict[str, Any]:
        """Return the user."""
        return {"username": LOCAL, "entity": LOCAL}


api = InternalApi()


def generate_fast_id(length: int = 8) -> str:
    """Return an id of digits and lower-case letters, which `random.seed` does not influence."""
    return "".join(_fast_random.choices(string.digits + string.ascii_lowercase, k=length))


def make_artifact_name_safe(name: str) -> str:
    """Return a name with `_` in place of what artifact names do not allow; of a long one, its beginning and its end.

    >>> make_artifact_name_safe("eval/results 1")
    'eval_results_1'
    """
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.") else "_" for letter in name)
    return safe if len(safe) <= names.LONGEST else f"{safe[:63]}..{safe[-63:]}"


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> Any:
    """Import a module; without it return None, or raise `MissingLibrary` with the text `required`."""
    try:
        return import_module(name)
    except ImportError as error:
        if required:
            words = required if isinstance(required, str) else f"{name} is not installed: pip install {name}"
            raise MissingLibrary(words) from error
        return None


def get_full_typename(value: Any) -> str:
    """Return the name of the type of a value with its module."""
    kind = type(value)
    return value.__name__ if isinstance(value, type(sys)) else f"{kind.__module__}.{kind.__name__}"


def to_forward_slash_path(path: str) -> str:
    """Return a path with `/` between its parts."""
    return path.replace("\\", "/") if os.sep == "\\" else path


def mkdir_exists_ok(dir_name: str | os.PathLike[str]) -> None:
    """Make a folder and those above it, unless they are there."""
    os.makedirs(dir_name, exist_ok=True)


class LogicalPath(str):
    """A path with `/` between its parts, as artifacts have them."""

    def __new__(cls, path: Any) -> LogicalPath:
        return super().__new__(cls, PurePosixPath(to_forward_slash_path(str(path))))

    def to_path(self) -> PurePosixPath:
        """Return it as a path of `pathlib`."""
        return PurePosixPath(self)


class _Telemetry:
    """Accepts what integrations say of themselves, and keeps nothing of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Telemetry()


@contextlib.contextmanager
def telemetry_context(*, run: Any = None, obj: Any = None) -> Iterator[_Telemetry]:
    """Accept what integrations say of themselves, and keep nothing of it."""
    yield _Telemetry()


class Printer:
    """Prints messages on stderr, as `termlog` does."""

    def display(self, text: Any, *, level: Any = None, off: bool | None = None) -> None:
        """Print a text, or the texts of a list."""
        for line in [text] if isinstance(text, str) else text:
            terminal.termlog(line)

    def code(self, text: str) -> str:
        """Return a text."""
        return text

    name = files = emoji = error = code

    def status(self, text: str, failure: bool | None = None) -> str:
        """Return a text."""
        return text

    def link(self, link: str, text: str | None = None) -> str:
        """Return a link."""
        return f"{text}: {link}" if text else link

    def secondary_text(self, text: str) -> str:
        """Return a text."""
        return text

    def panel(self, columns: list[str]) -> str:
        """Return texts, one below the other."""
        return "\n" + "\n".join(columns)


def new_printer(settings: Any = None) -> Printer:
    """Return a printer."""
    return Printer()


class TelemetryRecord(_Telemetry):
    """Telemetry of W&B, of which nothing is kept."""


# Settings of the environment, as `wandb.env` returns them.


def get_project(default: str | None = None, env: Mapping[str, str] | None = None) -> str | None:
    """Return the project of the environment."""
    return environment.get("ARTSTORE_PROJECT") or default


def get_entity(default: str | None = None, env: Mapping[str, str] | None = None) -> str | None:
    """Return `local`, the only entity."""
    return LOCAL


def get_run(default: str | None = None, env: Mapping[str, str] | None = None) -> str | None:
    """Return the run id of the environment."""
    return environment.get("ARTSTORE_RUN_ID") or default


def get_dir(default: str | None = None, env: Mapping[str, str] | None = None) -> str | None:
    """Return the folder of the store."""
    return str(location.find())


def get_artifact_dir(env: Mapping[str, str] | None = None) -> str:
    """Return the folder for downloads."""
    return os.path.abspath(environment.get("ARTSTORE_ARTIFACT_DIR") or "artifacts")


def get_cache_dir(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the store, which needs no cache."""
    return Path(location.find())


def is_offline(env: Mapping[str, str] | None = None) -> bool:
    """Return whether the environment asks for a run without a server."""
    return environment.get("ARTSTORE_MODE") in ("offline", "dryrun")


def is_silent() -> bool:
    """Return whether the environment asks for no messages."""
    return environment.flag("ARTSTORE_SILENT")


def termsetup(settings: Any = None, logger: Any = None) -> None:
    """Do nothing: messages need no set-up."""


def ensure_configured() -> None:
    """Do nothing: settings are read when they are needed."""


patched: dict[str, list[Any]] = {"tensorboard": [], "keras": [], "gym": []}
"""The libraries that W&B has changed: none."""


def _attach(*arguments: Any, **more: Any) -> Any:
    """Return the open run of this process. Raises `UnsupportedError` if there is none."""
    open_run = runs.current()
    if open_run is None:
        raise ServerOnly("attach").error()
    return open_run
