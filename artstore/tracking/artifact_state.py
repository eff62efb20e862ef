"""The states of an artifact: it holds a draft until it is committed, and a version from then on.

A method that needs one of the two takes it as its first argument: `needs_draft` and `needs_version` pass it, so the
check and its error stand here once, and a method cannot use what is not there.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from datetime import timedelta
from enum import Enum
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from artstore.core.draft import Draft, check_metadata, check_ttl
from artstore.core.jsonable import to_jsonable
from artstore.core.manifest import Entry
from artstore.core.versions import Version
from artstore.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    InvalidInput,
    NotJson,
    StoreError,
    WaitTimeoutError,
    WrongValue,
)
from artstore.runtime import terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import open_stores
from artstore.tracking.artifact_manifest import ArtifactManifest
from artstore.tracking.entries import Owner

P = ParamSpec("P")
Result = TypeVar("Result")
State = TypeVar("State", bound="ArtifactState")


def needs_version(
    method: Callable[Concatenate[State, Version, P], Result],
) -> Callable[Concatenate[State, P], Result]:
    """Pass a method the version that its artifact is, once that is committed.

    The method raises what went wrong with the commit, or `ArtifactNotLoggedError` if the artifact was never logged.
    """

    @functools.wraps(method)
    def call(self: State, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return method(self, self._require_version(method.__name__), *args, **kwargs)

    return _hide_second_parameter(call)


def needs_draft(method: Callable[Concatenate[State, Draft, P], Result]) -> Callable[Concatenate[State, P], Result]:
    """Pass a method the draft that its artifact still is. It raises `ArtifactFinalizedError` for a logged artifact."""

    @functools.wraps(method)
    def call(self: State, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return method(self, self._require_draft(method.__name__), *args, **kwargs)

    return _hide_second_parameter(call)


def _hide_second_parameter(method: Callable[P, Result]) -> Callable[P, Result]:
    """Let `help` and `inspect.signature` show a method as it is called."""
    signature = inspect.signature(method)
    first, _, *others = signature.parameters.values()
    method.__signature__ = signature.replace(parameters=[first, *others])  # type: ignore[attr-defined]
    return method


class ArtifactTTL(Enum):
    """A `ttl` that is not a duration: `INHERIT` means that none was set."""

    INHERIT = 0


@checked
class ArtifactState(Owner):
    """The part of `Artifact` that is the same for a draft and a version."""

    def _initialize(self, draft: Draft | None, metadata: dict[str, Any]) -> None:
        self._lock = threading.RLock()
        self._draft = draft
        self._version: Version | None = None
        self._store: Store | None = None
        self._pending: Future[Any] | None = None
        self._on_waited: Callable[[], object] = _do_nothing
        self._finalized = False
        self._metadata = metadata
        self._metadata_given = False
        self._description = draft.description if draft else None
        self._ttl: timedelta | ArtifactTTL | None = draft.ttl if draft and draft.ttl else ArtifactTTL.INHERIT
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._incremental = False
        self._added: dict[str, str] = {}
        """The paths in the artifact of local files and folders that were added; the keys of folders end with a `/`."""
        self.distributed_id: str | None = None
        self._upserted: int | None = None
        """The number of the pending version that it was added to."""

    @classmethod
    def _from_version(cls, store: Store, version: Version) -> Self:
        """Return a version as an artifact."""
        artifact = cls.__new__(cls)
        artifact._initialize(None, {})
        artifact._store = store
        artifact._set_version(version)
        return artifact

    def __getstate__(self) -> dict[str, Any]:
        """Return a version for pickle; edits that were not saved stay behind. Raises `ArtifactNotLoggedError`."""
        version = self._require_version("__getstate__")
        return {"store": self._open_store().path, "version": version}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._initialize(None, {})
        self._store = open_stores.to_read(state["store"])
        self._set_version(state["version"])

    def _set_version(self, version: Version) -> None:
        """Become this version; edits that were not saved are dropped."""
        self._version, self._draft, self._finalized = version, None, True
        self._description, self._metadata = version.description, copy.deepcopy(version.metadata)
        self._ttl = version.ttl
        self._aliases = list(version.link.aliases if version.link else version.aliases)
        self._tags = list(version.tags)

    # Draft or version

    def _require_version(self, what: str) -> Version:
        """Return the version of a committed artifact; `what` names the method or property that needs it."""
        self._await_commit()
        self._look_whether_finished()
        if self._version is None and self._upserted is not None:
            raise ArtifactNotLoggedError(
                f"'Artifact.{what}' of {self._bare_name}, which is pending: a run with the same group or "
                "distributed_id has to call finish_artifact() first"
            )
        if self._version is None:
            raise ArtifactNotLoggedError(
                f"'Artifact.{what}' used prior to logging artifact. Call run.log_artifact() or Artifact.save(), and "
                "Artifact.wait() before accessing logged artifact properties."
            )
        return self._version

    def _require_draft(self, what: str) -> Draft:
        """Return the draft of an artifact that was not logged; `what` names the method that needs it."""
        if self._finalized or self._draft is None:
            raise ArtifactFinalizedError(
                f"'Artifact.{what}' used on logged artifact. Can't modify finalized artifact: make a new one with "
                "Artifact.new_draft()"
            )
        return self._draft

    def _await_commit(self) -> None:
        """Wait for a commit that is under way, so that the next change is made to the version."""
        if self._version is None and self._pending is not None:
            self.wait()

    def _look_whether_finished(self) -> None:
        """Become the version that an upsert went into, if a run has finished it."""
        if self._upserted is not None and self._version is None:
            version = self._open_store().finished(self._upserted)
            if version is not None:
                self._set_version(version)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the artifact is committed, or, after an upsert, until what it added is durable; return it.

        Raises what went wrong with the commit, `WaitTimeoutError` if it takes longer than `timeout` seconds, or
        `ArtifactNotLoggedError` if the artifact was never logged.
        """
        if self._pending is None:
            self._require_version("wait")
            return self
        try:
            error = self._pending.exception(timeout)
        except Late as late:
            raise WaitTimeoutError(f"{self._bare_name} is not committed after {timeout} s: wait longer") from late
        self._on_waited()
        if error is not None:
            raise error
        return self

    def _open_store(self) -> Store:
        """Return the store that holds the artifact, or the one that it would be logged to."""
        if self._store is None or self._store.closed:
            draft = self._draft
            if self._store is not None and draft is not None and draft.has_changes and self._upserted is None:
                raise StoreError(
                    f"the store {self._store.path} was closed since files were added to {draft.name}: "
                    "add them to a new artifact"
                )
            self._store = open_stores.to_write()
        return self._store

    def is_draft(self) -> bool:
        """Return whether the artifact is not logged yet."""
        return self._version is None and self._pending is None

    def is_being_logged(self) -> bool:
        """Return whether a run is about to commit the artifact, or has failed to."""
        return self._version is None and self._pending is not None

    @property
    def state(self) -> str:
        """`PENDING` until the artifact is committed (an upsert: finished), then `COMMITTED`, at the end `DELETED`."""
        self._look_whether_finished()
        if self._version is None:
            return "PENDING"
        return self._version.state.upper()

    # Properties of both

    @property
    def id(self) -> str | None:
        """The number of the version in the store; None before it is committed."""
        return None if self._version is None else str(self._version.id)

    @property
    def type(self) -> str:
        """The type of the artifact, such as `dataset`."""
        draft = self._draft
        return draft.type if draft is not None else self._require_version("type").type

    @property
    def name(self) -> str:
        """The name of the artifact; once it is committed, with the version, as in `animals:v0`."""
        version = self._version
        if version is None:
            return self._bare_name
        return f"{version.link.collection}:v{version.link.number}" if version.link else version.name

    @property
    def source_name(self) -> str:
        """The name under which the artifact was logged; `name` differs where it was found by a link."""
        version = self._version
        return self._bare_name if version is None else version.name

    @property
    def _bare_name(self) -> str:
        """The name of the collection."""
        draft = self._draft
        return draft.name if draft is not None else self._require_version("name").collection

    @property
    def is_link(self) -> bool:
        """Whether the artifact was found by a link, under another name than it was logged."""
        return self._version is not None and self._version.link is not None

    @property
    def url(self) -> str:
        """Empty: a store has no web pages."""
        return ""

    @property
    def digest(self) -> str:
        """`algorithm:hex` over the manifest and the artifacts that this one references: equal for equal content."""
        draft = self._draft
        return self._open_store().digest(draft) if draft is not None else self._require_version("digest").digest

    commit_hash = digest

    @property
    def digest_algorithm(self) -> str:
        """The algorithm of the digest: that of the store, `blake3` or `sha256`."""
        return self.digest.partition(":")[0]

    @property
    def size(self) -> int:
        """The sum of the sizes of the entries, in bytes."""
        draft = self._draft
        if draft is None:
            return self._require_version("size").size
        return sum(entry.size or 0 for entry in draft.under(""))

    @property
    def incremental(self) -> bool:
        """Whether the entries of the draft are put on top of the newest version."""
        return self._incremental

    @property
    def use_as(self) -> None:
        """None, as in W&B: the role of an artifact is given to `use_artifact`."""
        return None

    @property
    def manifest(self) -> ArtifactManifest:
        """The entries of the artifact."""
        return ArtifactManifest(self, self._entries, functools.partial(getattr, self, "digest"))

    def _entries(self) -> Iterator[Entry]:
        draft = self._draft
        if draft is not None:
            return draft.under("")
        return self._open_store().entries(self._require_version("manifest"))

    def _read_entry(self, entry: Entry) -> Iterator[bytes]:
        return self._open_store().read(entry)

    @property
    def description(self) -> str | None:
        """The artifact in words. Setting it on a version takes effect with `save`."""
        self._await_commit()
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._warn_if_link("description")
        self._await_commit()
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """A dict of anything that JSON can represent. It may be changed in place; on a version, `save` stores it."""
        self._await_commit()
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._warn_if_link("metadata")
        self._await_commit()
        self._metadata = read_metadata(metadata)
        self._metadata_given = True

    @property
    def ttl(self) -> timedelta | None:
        """The duration after which the version is deleted; None: never. On a version, `save` stores a new value.

        Raises `ArtifactNotLoggedError` if it is read before it was set or the artifact was logged.
        """
        self._await_commit()
        if isinstance(self._ttl, ArtifactTTL):
            if self._draft is not None:
                raise ArtifactNotLoggedError("'Artifact.ttl' is not set: read it once the artifact is logged")
            return None
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self.is_link:
            raise InvalidInput("Cannot set TTL for link artifact. Unlink the artifact first, or set it on its source")
        if not isinstance(ttl, timedelta | ArtifactTTL | None):
            raise WrongValue(f"a ttl is a timedelta, None or ArtifactTTL.INHERIT, not {ttl!r}")
        if isinstance(ttl, timedelta):
            check_ttl(ttl)
        self._await_commit()
        self._ttl = ttl

    def _warn_if_link(self, field: str) -> None:
        if self.is_link:
            terminal.note(f"artstore: {self.name} is a link: its {field} is that of {self.source_name}")

    def __repr__(self) -> str:
        return f"<Artifact {self._version.qualified_name if self._version else self._bare_name}>"


def _do_nothing() -> None: ...


def as_list(given: Iterable[str] | str | None) -> list[str]:
    """Return one word, several or none as a list without repetition."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(dict.fromkeys(given))


def as_aliases(given: Iterable[str] | str | None) -> list[str]:
    """Return aliases as a list without repetition and without empty ones, which programs pass for none."""
    return [alias for alias in as_list(given) if alias != ""]


def read_metadata(given: dict[str, Any] | str | None) -> dict[str, Any]:
    """Return a copy of metadata, or of the JSON of it, as plain data; NaN becomes None, as in W&B.

    Raises `NotJson` if it is not a dict, or JSON cannot represent it.
    """
    if given is None:
        return {}
    try:
        values = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise NotJson(f"the metadata {given!r} is not JSON ({error}): give a dict, or JSON of one") from error
    if not isinstance(values, dict):
        raise NotJson(f"Cannot parse {type(values)} as artifact metadata: it is a dict, or JSON of one")
    plain: dict[str, Any] = to_jsonable(values, strict=True)
    check_metadata(plain)
    return plain
