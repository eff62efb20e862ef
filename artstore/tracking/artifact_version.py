"""What an artifact is and what is said of it, whether it is a draft, being logged, or a version."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from datetime import timedelta
from enum import Enum
from typing import Any, Self

from artstore.core import names
from artstore.core.draft import Draft, check_metadata, check_ttl
from artstore.core.jsonable import to_jsonable
from artstore.core.manifest import Entry
from artstore.core.names import LOCAL
from artstore.core.versions import Version
from artstore.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    InvalidInput,
    NotJson,
    StoreError,
    WaitTimeoutError,
)
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import open_stores
from artstore.tracking.entries import ArtifactManifest, Owner


class ArtifactTTL(Enum):
    """What a ttl can be besides a span of time."""

    INHERIT = 0


class ArtifactFacts(Owner):
    """Holds a draft until it is logged, and a version afterwards."""

    def _begin(self, draft: Draft | None, metadata: dict[str, Any]) -> None:
        self._lock = threading.RLock()
        self._draft = draft
        self._version: Version | None = None
        self._store: Store | None = None
        self._pending: Future[Any] | None = None
        self._heard: Callable[[], object] = _nothing
        self._finalized = False
        self._metadata = metadata
        self._metadata_given = False
        self._description = draft.description if draft else None
        self._ttl: timedelta | ArtifactTTL | None = draft.ttl if draft and draft.ttl else ArtifactTTL.INHERIT
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._incremental = False
        self._added: dict[str, str] = {}
        self.distributed_id: str | None = None
        self._upserted: int | None = None
        """The pending version that it was added to."""

    def _become(self, version: Version) -> None:
        self._version, self._draft, self._finalized = version, None, True
        self._description, self._metadata = version.description, copy.deepcopy(version.metadata)
        self._ttl = version.ttl
        self._aliases = list(version.link.aliases if version.link else version.aliases)
        self._tags = list(version.tags)

    # What it is

    def _logged_version(self, what: str) -> Version:
        """The version that it is; what is being logged is waited for."""
        self._settle()
        self._look_if_finished()
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

    def _settle(self) -> None:
        """Wait for what is being logged: what is said of it from now on is said of the version."""
        if self._version is None and self._pending is not None:
            self.wait()

    def _look_if_finished(self) -> None:
        """Become the version that what was upserted has become, if somebody has finished it."""
        if self._upserted is not None and self._version is None:
            version = self._home().finished(self._upserted)
            if version is not None:
                self._become(version)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it is committed, or, if it was upserted, until what it adds is durable; return it.

        Raises what went wrong, `WaitTimeoutError` if that takes longer than `timeout` seconds, or
        `ArtifactNotLoggedError` if it was never logged.
        """
        if self._pending is None:
            self._logged_version("wait")
            return self
        try:
            error = self._pending.exception(timeout)
        except Late as late:
            raise WaitTimeoutError(f"{self._bare_name} is not committed after {timeout} s: wait longer") from late
        self._heard()
        if error is not None:
            raise error
        return self

    def _open_draft(self, what: str) -> Draft:
        """The draft that it still is."""
        if self._finalized or self._draft is None:
            raise ArtifactFinalizedError(
                f"'Artifact.{what}' used on logged artifact. Can't modify finalized artifact: make a new one with "
                "Artifact.new_draft()"
            )
        return self._draft

    def _home(self) -> Store:
        if self._store is None or self._store.closed:
            added = self._draft is not None and self._draft.changes and self._upserted is None
            if added and self._draft is not None and self._store is not None:
                raise StoreError(
                    f"the store {self._store.path} was closed since files were added to {self._draft.name}: "
                    "add them to a new artifact"
                )
            self._store = open_stores.to_write()
        return self._store

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self._version is None and self._pending is None

    def is_being_logged(self) -> bool:
        """Whether a run is about to commit it, or has failed to."""
        return self._version is None and self._pending is not None

    @property
    def state(self) -> str:
        """`PENDING` until it is committed, or what was upserted is finished; then `COMMITTED`, in the end `DELETED`."""
        self._look_if_finished()
        if self._version is None:
            return "PENDING"
        return self._version.state.upper()

    @property
    def id(self) -> str | None:
        """The number of the version in the store; None before it is committed."""
        return None if self._version is None else str(self._version.id)

    @property
    def type(self) -> str:
        """The type of the artifact, such as `dataset`."""
        draft = self._draft
        return draft.type if draft is not None else self._logged_version("type").type

    @property
    def name(self) -> str:
        """Its name; once it is committed, with the version, as `animals:v0`."""
        version = self._version
        if version is None:
            return self._bare_name
        return f"{version.link.collection}:v{version.link.number}" if version.link else version.name

    @property
    def source_name(self) -> str:
        """The name under which it was logged."""
        version = self._version
        return self._bare_name if version is None else version.name

    @property
    def _bare_name(self) -> str:
        """The name without a version, which is known before it is committed."""
        draft = self._draft
        return draft.name if draft is not None else self._logged_version("name").collection

    @property
    def entity(self) -> str:
        """Always `local`: a store has one owner."""
        self._logged_version("entity")
        return LOCAL

    source_entity = entity

    @property
    def project(self) -> str:
        """The project in which it was found."""
        version = self._logged_version("project")
        return version.link.project if version.link else version.project

    @property
    def source_project(self) -> str:
        """The project to which it was logged."""
        return self._logged_version("source_project").project

    @property
    def qualified_name(self) -> str:
        """`local/project/animals:v0`."""
        return f"{LOCAL}/{self.project}/{self.name}"

    @property
    def source_qualified_name(self) -> str:
        """`local/project/animals:v0`, as it was logged."""
        return f"{LOCAL}/{self.source_project}/{self.source_name}"

    @property
    def version(self) -> str:
        """`v0`; of a link, its index among the links."""
        version = self._logged_version("version")
        return f"v{version.link.number if version.link else version.number}"

    @property
    def source_version(self) -> str:
        """`v0`, as it was logged."""
        return f"v{self._logged_version('source_version').number}"

    @property
    def is_link(self) -> bool:
        """Whether it was found by a link, under another name than it was logged."""
        return self._version is not None and self._version.link is not None

    @property
    def url(self) -> str:
        """Empty: there is no server to look at."""
        return ""

    @property
    def created_at(self) -> str:
        """When it was committed: UTC, ISO 8601."""
        return self._logged_version("created_at").created_at

    updated_at = created_at

    @property
    def digest(self) -> str:
        """What names its content: `algorithm:hex` over its manifest and what it depends on."""
        draft = self._draft
        return self._home().digest(draft) if draft is not None else self._logged_version("digest").digest

    commit_hash = digest

    @property
    def size(self) -> int:
        """The sum of the sizes of its entries, in bytes."""
        draft = self._draft
        if draft is None:
            return self._logged_version("size").size
        return sum(entry.size or 0 for entry in draft.under(""))

    @property
    def file_count(self) -> int:
        """How many entries it has."""
        return self._logged_version("file_count").entries

    @property
    def owned_bytes(self) -> int:
        """The content that no earlier living version of the store holds, in bytes."""
        return self._home().owned_bytes(self._logged_version("owned_bytes"))

    @property
    def reclaimable_bytes(self) -> int:
        """What deleting it alone would free, in bytes of content."""
        return self._home().reclaimable_bytes(self._logged_version("reclaimable_bytes"))

    @property
    def base(self) -> str | None:
        """The version that it was made from, as `project/animals:v0`; None if it was made from none."""
        return self._logged_version("base").base

    @property
    def incremental(self) -> bool:
        """Whether what is added comes on top of the newest version."""
        return self._incremental

    @property
    def use_as(self) -> None:
        """None: W&B has given this up."""
        return None

    @property
    def history_step(self) -> int | None:
        """None: steps of a run are not noted with what it logs."""
        self._logged_version("history_step")
        return None

    @property
    def manifest(self) -> ArtifactManifest:
        """All its entries."""
        return ArtifactManifest(self, self._entries, lambda: self.digest)

    def _entries(self) -> Iterator[Entry]:
        draft = self._draft
        if draft is not None:
            return draft.under("")
        return self._home().entries(self._logged_version("manifest"))

    # What is said of it

    @property
    def description(self) -> str | None:
        """What it is, in words. Setting it on a version takes effect with `save`."""
        self._settle()
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._warn_of_link("description")
        self._settle()
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """What else is kept with it. It may be changed in place; on a version that takes effect with `save`."""
        self._settle()
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._warn_of_link("metadata")
        self._settle()
        self._metadata = read_metadata(metadata)
        self._metadata_given = True

    @property
    def ttl(self) -> timedelta | None:
        """How long it lives after its creation; None: for good.

        Raises `ArtifactNotLoggedError` if it is not set before the artifact is logged.
        """
        self._settle()
        if isinstance(self._ttl, ArtifactTTL):
            if self._draft is not None:
                raise ArtifactNotLoggedError(
                    "'Artifact.ttl' is not set, and what it is to be is known once it is logged"
                )
            return None
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self._version is not None and self._version.link is not None:
            raise InvalidInput("Cannot set TTL for link artifact. Unlink the artifact first, or set it on its source")
        if not isinstance(ttl, timedelta | ArtifactTTL | None):
            raise TypeError(f"a ttl is a timedelta, None or ArtifactTTL.INHERIT, not {ttl!r}")
        if isinstance(ttl, timedelta):
            check_ttl(ttl)
        self._settle()
        self._ttl = ttl

    @property
    def aliases(self) -> list[str]:
        """The names that point at it. The list may be changed; that takes effect with `save`."""
        self._logged_version("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: Iterable[str]) -> None:
        self._logged_version("aliases")
        wanted = listed(aliases)
        for each in wanted:
            if each not in self._aliases:
                names.alias(each)
        self._aliases = wanted

    @property
    def tags(self) -> list[str]:
        """Words on it. The list may be changed; that takes effect with `save`."""
        self._logged_version("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._logged_version("tags")
        self._tags = [names.tag(each) for each in listed(tags)]

    def _warn_of_link(self, what: str) -> None:
        if self._version is not None and self._version.link is not None:
            terminal.note(f"artstore: {self.name} is a link: its {what} is that of {self.source_name}")


def _nothing() -> None:
    """Nobody waits to hear that an artifact was waited for."""


def listed(given: Iterable[str] | str | None) -> list[str]:
    """What was given as one word, several or none, as a list without repetition."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(dict.fromkeys(given))


def read_metadata(given: dict[str, Any] | str | None) -> dict[str, Any]:
    """A copy of metadata in JSON's terms. NaN becomes None, as in W&B."""
    if given is None:
        return {}
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise NotJson(f"the metadata {given!r} is not JSON ({error}): give a dict, or JSON of one") from error
    if not isinstance(found, dict):
        raise NotJson(f"Cannot parse {type(found)} as artifact metadata: it is a dict, or JSON of one")
    read: dict[str, Any] = to_jsonable(found, strict=True)
    check_metadata(read)
    return read
