"""Valid names of collections, types, aliases, tags and projects, and valid paths of entries.

The functions check a name and return it, or raise `InvalidName` or `InvalidPath`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import NamedTuple

from artstore.errors import Damaged, InvalidName, InvalidPath
from artstore.runtime import environment

DEFAULT_PROJECT = "uncategorized"
LATEST = "latest"
LOCAL = "local"
"""The entity in names that W&B's API returns: a store has one owner."""
REGISTRY = "wandb-registry-"
"""The prefix of the names of projects that are registries."""
MODEL_REGISTRY = "model-registry"
"""The project that W&B's older model registry is."""
LONGEST = 128
"""Characters that a name may have."""
LONGEST_NAME = 255
"""Bytes that the name of a file or folder may have."""
LONGEST_PATH = 4_095
"""Bytes that a path may have, without the NUL that ends it."""
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


def default_project() -> str:
    """Return the project of names without one: that of ARTSTORE_PROJECT, otherwise `uncategorized`."""
    named = environment.get("ARTSTORE_PROJECT")
    return project(named) if named else DEFAULT_PROJECT


def version_number(alias: str) -> int | None:
    """Return the number in an alias such as `v3`; None if it does not have that form."""
    match = _NUMBER.fullmatch(alias)
    # No collection has so many versions, and neither SQLite nor int() accepts numbers of any length.
    return int(match[1][:_DIGITS]) if match else None


def is_registry(project: str | None) -> bool:
    """Return whether a project is a registry, whose collections show versions of other projects."""
    return project is not None and (project.startswith(REGISTRY) or project == MODEL_REGISTRY)


def collection(name: str, project: str | None = None) -> str:
    """Check the name of a collection: letters, digits, `_`, `-` and `.`, at most 128.

    In a registry, it may have other characters as well, as in `BDD Semantic Segmentation`; not `/`, `:` or control
    characters, and no spaces at its ends.
    """
    if is_registry(project):
        if not _is_text(name) or set(name) & set("/:\\") or name != name.strip() or name in (".", ".."):
            raise InvalidName(f"invalid name {name!r} in a registry: use 1 to {LONGEST} characters, none of / : \\")
        return name
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


def folder(name: str) -> str:
    """Check that the name of a collection or project, as a store has it, can be the name of one folder."""
    if not _is_text(name) or name in (".", "..") or set(name) & set("/\\"):
        raise Damaged(
            f"the store has the name {name!r}, which artstore does not give: do not use a store that you do not trust"
        )
    return name


def parse(reference: str, default: str | None = None) -> VersionName:
    """Parse `[[entity/]project/]name[:alias]`; without an alias it is `latest`.

    >>> parse("animals:v0")
    VersionName(project=None, name='animals', alias='v0')

    `default` is the project of a name without one. Raises `InvalidName` if it does not have that form.
    """
    if not isinstance(reference, str):
        raise InvalidName(f"invalid artifact name {reference!r}: expected [project/]name[:alias]")
    path, separator, label = reference.partition(":")
    parts = path.split("/")
    if len(parts) > 3 or (separator and not label) or set(label) & set("/:") or not is_utf8(reference):
        raise InvalidName(f"invalid artifact name {reference!r}: expected [project/]name[:alias]")
    of_project = project(parts[-2]) if len(parts) > 1 else None
    return VersionName(of_project, collection(parts[-1], of_project or default), alias=label or LATEST)


def entry_path(path: str) -> str:
    """Check and normalise the path of an entry: relative, `/` between names, no `..`; `a//./b` becomes `a/b`.

    Raises `InvalidPath` for a path that is absolute, empty, too long or not UTF-8, or contains `..` or NUL. `\\` counts
    as `/` there, as Windows takes it. A colon is part of a name, but on Windows, where `x:y` begins with a drive.
    """
    text = str(path)
    if "\0" in text or not is_utf8(text):
        raise InvalidPath(f"Invalid artifact path: {text!r} (a path is UTF-8 text without NUL: rename the file)")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    joined = "/".join(parts)
    windows = PureWindowsPath(joined if os.name == "nt" else joined.replace(":", "_"))
    if windows.drive:
        raise InvalidPath(
            f"Invalid artifact path: {text!r} (it begins like a drive; a path stays inside the artifact: rename it)"
        )
    if not parts or text.startswith("/") or windows.anchor or ".." in windows.parts or ".." in parts:
        raise InvalidPath(f"Invalid artifact path: {text!r} (a path is relative and stays inside the artifact)")
    if len(text) * 4 > LONGEST_NAME:
        _check_lengths(parts)
    return joined


def _check_lengths(parts: Sequence[str]) -> None:
    """Raise `InvalidPath` for names and paths that file systems do not hold."""
    lengths = [len(part.encode()) for part in parts]
    longest = max(range(len(parts)), key=lengths.__getitem__)
    if lengths[longest] > LONGEST_NAME:
        raise InvalidPath(
            f"Invalid artifact path: the name {_shortened(parts[longest])} has {lengths[longest]} bytes, and a file "
            f"system holds at most {LONGEST_NAME}: choose a shorter name"
        )
    if (total := sum(lengths) + len(lengths) - 1) > LONGEST_PATH:
        raise InvalidPath(
            f"Invalid artifact path: {_shortened('/'.join(parts))} has {total} bytes, and a system takes at most "
            f"{LONGEST_PATH}: choose shorter names, or fewer folders in each other"
        )


def _shortened(text: str) -> str:
    return f"{text[:40]!r}..."


def link_target(path: str, target: str) -> str:
    """Check the target of a link at the path of an entry: it stays in the artifact, whatever other links there are.

    It may climb only at its beginning, where it climbs real folders: a `..` after a name could climb from wherever a
    link of that name leads. Raises `InvalidPath`.
    """
    parts = target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    rest = "/".join(parts[climbs:])
    try:
        stays = climbs <= path.count("/") and (rest == "." or (not rest and climbs > 0) or entry_path(rest) == rest)
    except InvalidPath as error:
        raise InvalidPath(f"the link {path!r} leads to {target!r}, where no entry can be: {error}") from error
    if not stays:
        raise InvalidPath(f"the link {path!r} leads out of the artifact: {target!r}")
    if len(target) * 4 > LONGEST_PATH and len(target.encode()) > LONGEST_PATH:
        raise InvalidPath(f"the target of the link {path!r} is longer than {LONGEST_PATH} bytes: use shorter names")
    return target


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
