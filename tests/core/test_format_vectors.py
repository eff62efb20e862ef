"""The vectors printed in docs/format.md hold for the second implementation, which was written from that page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import format_reference as reference
from tests.support.format_reference import VECTORS, named_files, vector_id


@pytest.mark.parametrize("vector", VECTORS["digest"], ids=str)
def test_content_digests(vector: dict[str, Any]) -> None:
    assert reference.digest(vector["algorithm"], reference.content(vector["content"])) == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["codecs"], ids=lambda vector: str(vector["codec"]))
def test_codecs(vector: dict[str, Any]) -> None:
    assert reference.decode(vector["codec"], bytes.fromhex(vector["hex"])).decode() == vector["content"]


@pytest.mark.parametrize("vector", VECTORS["entries"], ids=lambda vector: vector["entry"][0])
def test_entry_encodings(vector: dict[str, Any]) -> None:
    assert reference.encode(tuple(vector["entry"])).hex() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["manifests"], ids=vector_id)
def test_manifest_digests(vector: dict[str, Any]) -> None:
    entries = vector.get("entries")
    listed = named_files(vector["algorithm"], vector["made_of"]) if entries is None else list(map(tuple, entries))
    root, groups = reference.manifest(vector["algorithm"], listed)
    assert root == vector["manifest"]
    assert reference.version(vector["algorithm"], root) == vector["version"]
    if entries is None:
        assert [len(members) for _, members in groups] == vector["groups"]


@pytest.mark.parametrize("vector", VECTORS["dependencies"], ids=lambda vector: str(vector["version"]))
def test_dependencies_are_part_of_the_version_digest(vector: dict[str, Any]) -> None:
    dependencies = [tuple(dependency) for dependency in vector["dependencies"]]
    assert reference.version(vector["algorithm"], vector["manifest"], dependencies) == vector["version"]


@pytest.mark.parametrize("vector", VECTORS["events"], ids=lambda vector: vector["kind"])
def test_event_hashes(vector: dict[str, Any]) -> None:
    fields = (vector["before"], vector["at"], vector["kind"], vector["subject"], vector["detail"])
    assert reference.event(vector["algorithm"], *fields) == vector["hash"]
