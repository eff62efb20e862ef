"""Filters of the Api and URIs of references made by chance: each ends in an answer or in one of artstore's errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from artstore.errors import ArtstoreError
from tests.support import attacked_scene
from tests.support.attacked_scene import Scene
from tests.support.environment import clear_environment

_OPERATORS = [
    *("$and", "$or", "$not", "$nor", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$eq", "$ne", "$regex", "$exists"),
    *("$contains", "$options", "$foo"),
]
_FIELDS = [
    *("name", "display_name", "state", "config.lr", "config.lr.value", "summary_metrics.loss", "tags", "created_at"),
    *("heartbeatAt", "user", "group", "metadata.a", "alias", "tag", "type", "digest", "version_index", "", "config."),
    *("config..a", "a.b.c.d", "config.\0", "\ud800"),
]
_ODD = ["(", "[", "*", "+++", "2026-01-01", "9999-99-99", "v0", "a\0", "\ud800", "finished"]
_KEYS = st.sampled_from(_OPERATORS) | st.sampled_from(_FIELDS) | st.text(max_size=8)
_VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_ODD) | st.text() | st.binary(max_size=3)
)
_NESTED = st.recursive(_VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))
_FILTERS = st.dictionaries(_KEYS, _NESTED, max_size=3) | _NESTED
LISTINGS: dict[str, Callable[[Scene, Any], Any]] = {
    "runs": lambda scene, given: list(scene.api.runs("p", filters=given)),
    "order of runs": lambda scene, given: list(scene.api.runs("p", order=given)),
    "number of runs": lambda scene, given: len(scene.api.runs("p", filters=given)),
    "collections": lambda scene, given: list(scene.api.artifact_type("dataset").collections(filters=given)),
    "versions": lambda scene, given: list(scene.api.artifact_collection("dataset", "animals").artifacts(filters=given)),
    "registries": lambda scene, given: list(scene.api.registries(filter=given)),
    "links": lambda scene, given: list(scene.api.registry("model").versions(filter=given)),
    "portfolios": lambda scene, given: list(scene.api.registry("model").collections(filter=given)),
}
_SCHEMES = ["s3", "gs", "http", "https", "file", "x", "", "s3a", "zip", "a::b", "wandb-artifact", "1", "é"]
_PARTS = st.text("/:?#[]@!$&'()*+,;=%.~\\ \0\ud800é0aZ", max_size=12) | st.text(max_size=8)
_QUERIES = st.dictionaries(st.sampled_from(["versionId", "generation", "x", ""]) | _PARTS, _PARTS, max_size=2)


@st.composite
def _uris(draw: st.DrawFn) -> str:
    query = "&".join(f"{name}={value}" for name, value in draw(_QUERIES).items())
    separator = draw(st.sampled_from(["://", ":/", ":", ":///", ""]))
    ending = f"?{query}" if query else ""
    return f"{draw(st.sampled_from(_SCHEMES))}{separator}{draw(_PARTS)}{ending}{draw(st.sampled_from(['', '#f', '#']))}"


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A store with a run, versions and a registry, in a working folder of its own."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    monkeypatch.chdir(tmp_path)
    scene = attacked_scene.make(tmp_path)
    yield scene
    scene.close()


def _quietly(count: int) -> settings:
    return settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("count", [100, pytest.param(20_000, marks=pytest.mark.torture)], ids=["few", "many"])
def test_any_filter_ends_in_a_listing_or_one_of_our_errors(scene: Scene, count: int) -> None:
    @_quietly(count)
    @given(listing=st.sampled_from(sorted(LISTINGS)), filters=_FILTERS)
    def look(listing: str, filters: object) -> None:
        try:
            LISTINGS[listing](scene, filters)
        except ArtstoreError as error:
            assert str(error).encode()

    look()


@pytest.mark.parametrize("count", [40, pytest.param(20_000, marks=pytest.mark.torture)], ids=["few", "many"])
def test_any_uri_without_a_checksum_is_stored_or_refused(scene: Scene, count: int) -> None:
    @_quietly(count)
    @given(uri=_uris(), name=st.none() | _PARTS)
    def add(uri: str, name: str | None) -> None:
        draft = scene.store.draft("references", "dataset")
        try:
            entries = scene.store.add_reference(draft, uri, name, checksum=False)
        except ArtstoreError as error:
            assert str(error).encode()
        else:
            assert len(entries) == 1 and scene.store.commit(draft).name.startswith("references:v")

    add()
