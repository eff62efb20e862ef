"""Valid names of collections, types, aliases, tags and projects, and valid paths of entries.

The functions check a name and return it, or raise `InvalidName` or `InvalidPath`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import NamedTuple

from artstore.errors import InvalidName, InvalidPath

DEFAULT_PROJECT = "uncategorized"
LATEST = "latest"
LOCAL = "local"
"""The entity in names that W&B's API returns: a store has one owner."""
REGISTRY = "wandb-registry-"
"""The prefix of the names of projects that are registries."""
LONGEST = 128
"""Characters that a name may have."""
_DIGITS = 18

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_NUMBER = re.compile(r"v(0|[1-9][0-9]*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class VersionName(NamedTuple):
    """The name of a version as people write it: `project/name:alias`, `name:v3`, `name`."""

    project: str | None
    name: str
    alias: str

    @property
    def number(self) -> int | None:
        """The number in `v3`; None for an alias."""
        return version_number(self.alias)


def version_number(alias: str) -> int | None:
    """Return the number in an alias such as `v3`; None if it does not have that form."""
    match = _NUMBER.fullmatch(alias)
    # No collection has so many versions, and neither SQLite nor int() accepts numbers of any length.
    return int(match[1][:_DIGITS]) if match else None


def collection(name: str) -> str:
    """Check the name of a collection: letters, digits, `_`, `-` and `.`, at most 128."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidName(
            "Artifact name may only contain alphanumeric characters, dashes, underscores, and dots. "
            f"Invalid name: {name!r}"
        )
    if len(name) > LONGEST:
        raise InvalidName(f"Artifact name is longer than {LONGEST} characters: {name!r}")
    return name


def _is_text(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST and not _CONTROL.search(name) and is_utf8(name)


def artifact_type(name: str) -> str:
    """Check the type of a collection: 1 to 128 characters without `/`, `:` and control characters."""
    if not _is_text(name) or set(name) & set("/:"):
        raise InvalidName(f"invalid artifact type {name!r}: use 1 to {LONGEST} characters without '/' and ':'")
    return name


def user_type(name: str, type: str) -> None:
    """Check a user's type: types reserved for W&B and artstore are refused."""
    collection(name)
    artifact_type(type)
    reserved = {"code": "source-", "run_table": "run-"}
    if type == "job" or type.startswith("wandb-") or (type in reserved and name.startswith(reserved[type])):
        raise InvalidName(f"Artifact type {type!r} is reserved for internal use. Please use a different type.")


def project(name: str) -> str:
    r"""Check the name of a project: 1 to 128 characters, none of `/\#?%:` and no control characters."""
    if not _is_text(name) or name in (".", "..") or set(name) & set("/\\#?%:"):
        raise InvalidName(f"invalid project name {name!r}: use 1 to {LONGEST} characters, none of / \\ # ? % :")
    return name


def alias(name: str) -> str:
    """Check an alias to be set: 1 to 128 characters without `/` and `:`, not `latest`, and not of the form `v3`."""
    if not _is_text(name) or set(name) & set("/:"):
        raise InvalidName(
            f"Aliases must not contain any of the following characters: '/', ':'; and have 1 to {LONGEST}. "
            f"Invalid alias: {name!r}"
        )
    if name == LATEST:
        raise InvalidName("the alias 'latest' follows the newest version by itself: choose another name")
    if version_number(name) is not None:
        raise InvalidName(f"the alias {name!r} would hide a version index: choose another name")
    return name


def tag(name: str) -> str:
    """Check a tag: words of letters, digits, `_` and `-`, separated by spaces."""
    if not isinstance(name, str) or not _TAG.fullmatch(name) or len(name) > LONGEST:
        raise InvalidName(
            f"Invalid tag {name!r}: tags must only contain alphanumeric characters "
            "separated by hyphens, underscores, and/or spaces"
        )
    return name


def parse(reference: str) -> VersionName:
    """Parse `[[entity/]project/]name[:alias]`; without an alias it is `latest`.

    >>> parse("animals:v0")
    VersionName(project=None, name='animals', alias='v0')

    Raises `InvalidName` if it does not have that form.
    """
    if not isinstance(reference, str):
        raise InvalidName(f"invalid artifact name {reference!r}: expected [project/]name[:alias]")
    path, separator, label = reference.partition(":")
    parts = path.split("/")
    if len(parts) > 3 or (separator and not label) or set(label) & set("/:") or not is_utf8(reference):
        raise InvalidName(f"invalid artifact name {reference!r}: expected [project/]name[:alias]")
    return VersionName(
        project=project(parts[-2]) if len(parts) > 1 else None,
        name=collection(parts[-1]),
        alias=label or LATEST,
    )


def entry_path(path: str) -> str:
    """Check and normalise the path of an entry: relative, `/` between names, no `..`; `a//./b` becomes `a/b`.

    Raises `InvalidPath` for a path that is absolute (also on Windows), empty or not UTF-8, or contains `..` or NUL.
    """
    text = str(path)
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if "\0" in text or not is_utf8(text):
        raise InvalidPath(f"Invalid artifact path: {text!r} (a path is UTF-8 text without NUL: rename the file)")
    windows = PureWindowsPath("/".join(parts))
    if windows.drive:
        raise InvalidPath(
            f"Invalid artifact path: {text!r} (it begins like a drive; a path stays inside the artifact: rename it)"
        )
    if not parts or text.startswith("/") or windows.anchor or ".." in windows.parts or ".." in parts:
        raise InvalidPath(f"Invalid artifact path: {text!r} (a path is relative and stays inside the artifact)")
    return "/".join(parts)


def check_entry_paths(paths: Sequence[str]) -> None:
    """Raise `InvalidPath` for a path that `entry_path` does not return: another program wrote it into the catalog."""
    # All paths are joined and checked together first, which is much faster than one by one.
    if not _looks_odd("/\n/".join(paths)):
        return
    for path in paths:
        if _looks_odd(path) and entry_path(path) != path:
            raise InvalidPath(f"Invalid artifact path: {path!r} (a path is relative and stays inside the artifact)")


def _looks_odd(path: str) -> bool:
    framed = f"/{path}/"
    return any(part in framed for part in ("//", "/./", "/../", "\\", ":", "\0"))


def is_utf8(text: str) -> bool:
    """Whether a string can be encoded as UTF-8. Names from a file system may not be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
