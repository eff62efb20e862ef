"""Entries, segments, groups and digests follow docs/format.md, however a manifest is built."""

from __future__ import annotations

import random
from bisect import bisect_right
from typing import Any

import pytest

from artstore.core import digests
from artstore.core.manifest import (
    Dependency,
    Entry,
    Kind,
    ManifestBuilder,
    encode,
    hash64,
    sort_by_path,
    version_digest,
)
from artstore.storage import chunking
from tests.support import format_reference as reference
from tests.support.format_reference import VECTORS, named_files, vector_id

KINDS = {"file": Kind.FILE, "link": Kind.LINK, "folder": Kind.FOLDER, "reference": Kind.REFERENCE}


def entry_of(listed: Any) -> Entry:
    path, kind, *rest = listed
    if kind == "file":
        return Entry(path, Kind.FILE, digest=rest[1], size=rest[2], executable=rest[0])
    if kind == "link":
        return Entry(path, Kind.LINK, target=rest[0])
    if kind == "folder":
        return Entry(path, Kind.FOLDER)
    uri, digest, size, etag, version_id = rest
    return Entry(path, Kind.REFERENCE, digest=digest, size=size, uri=uri, etag=etag, version_id=version_id)


def build(algorithm: str, entries: list[Entry]) -> tuple[str, ManifestBuilder]:
    builder = ManifestBuilder(digests.algorithm(algorithm))
    builder.add(sort_by_path(entries))
    return builder.finish(), builder


def test_a_builder_with_little_memory_builds_the_same() -> None:
    entries = [Entry(f"{number:04}", Kind.REFERENCE, size=number, uri=f"s3://b/{number}") for number in range(3000)]
    algorithm = digests.algorithm("blake3")
    held, spilled = ManifestBuilder(algorithm), ManifestBuilder(algorithm, held=2)
    for builder in (held, spilled):
        builder.add(entries)
    assert held.finish() == spilled.finish()
    assert list(held.new_segments) == list(spilled.new_segments)
    assert [entry for _, part in spilled.new_segments for entry in part] == entries


@pytest.mark.parametrize("vector", VECTORS["digest"], ids=str)
def test_content_digests(vector: dict[str, Any]) -> None:
    algorithm = digests.algorithm(vector["algorithm"])
    assert algorithm.digest(reference.content(vector["content"])) == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["chunks"], ids=str)
def test_chunk_lengths(vector: dict[str, Any]) -> None:
    content = memoryview(reference.content(vector["content"]))
    assert chunking.Cutter().lengths(content, last=True) == vector["lengths"]


@pytest.mark.parametrize("window", [1_100_000, 1_500_000, 2_999_999])
def test_cutting_by_windows_gives_the_same_chunks(window: int) -> None:
    content = reference.content(3_000_000)
    cutter, lengths, start = chunking.Cutter(), list[int](), 0
    while start < len(content):
        last = start + window >= len(content)
        cuts = cutter.lengths(memoryview(content)[start : start + window], last=last)
        lengths += cuts
        start += sum(cuts)
    assert lengths == next(v["lengths"] for v in VECTORS["chunks"] if v["content"] == 3_000_000)


@pytest.mark.parametrize("vector", VECTORS["entries"], ids=lambda vector: vector["entry"][0])
def test_entry_encodings(vector: dict[str, Any]) -> None:
    assert encode(entry_of(vector["entry"])).hex() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["hash64"], ids=lambda vector: repr(vector["text"]))
def test_cut_hash(vector: dict[str, Any]) -> None:
    assert hash64(vector["text"].encode()).hex() == vector["hash64"]


@pytest.mark.parametrize("vector", VECTORS["manifests"], ids=vector_id)
def test_manifest_and_version_digests(vector: dict[str, Any]) -> None:
    algorithm = vector["algorithm"]
    listed = vector["entries"] if "entries" in vector else named_files(algorithm, vector["made_of"])
    root, builder = build(algorithm, [entry_of(entry) for entry in listed])
    assert root == vector["manifest"]
    assert version_digest(digests.algorithm(algorithm), root) == vector["version"]
    if "groups" in vector:
        assert [group.segments for group in builder.groups] == vector["groups"]


@pytest.mark.parametrize("vector", VECTORS["dependencies"], ids=lambda vector: str(vector["version"]))
def test_dependencies(vector: dict[str, Any]) -> None:
    dependencies = [Dependency(*dependency) for dependency in vector["dependencies"]]
    algorithm = digests.algorithm(vector["algorithm"])
    assert version_digest(algorithm, vector["manifest"], dependencies) == vector["version"]
    assert version_digest(algorithm, vector["manifest"], dependencies[::-1] * 2) == vector["version"]


@pytest.mark.parametrize("seed", range(30))
def test_editing_gives_the_same_manifest_as_building(seed: int) -> None:
    """Keeping whole segments and groups at cuts never shows in the digest."""
    draw = random.Random(seed)
    paths = {f"{draw.choice('abcdé')}/{draw.randrange(10**6):06d}" for _ in range(draw.choice([0, 1, 40, 3000, 30000]))}
    entries = {path: Entry(path, Kind.FILE, "blake3:" + "0" * 64, 1) for path in paths}
    _, old = build("blake3", list(entries.values()))
    changes: dict[str, Entry | None] = {}
    for _ in range(draw.choice([1, 5, 50])):
        if paths and draw.random() < 0.5:
            changes[draw.choice(sorted(paths))] = None
        else:
            path = f"{draw.choice('aabz')}/{draw.randrange(10**6):06d}"
            changes[path] = Entry(path, Kind.FILE, "blake3:" + "1" * 64, 2)
    edited = {path: entry for path, entry in {**entries, **changes}.items() if entry is not None}
    expected, fresh = build("blake3", list(edited.values()))

    segments = dict(old.new_segments)
    groups = dict(old.new_groups)
    firsts = [segment.first for _, members in old.new_groups for segment in members]
    dirty = {max(0, bisect_right(firsts, path) - 1) for path in changes}
    builder, index, pending = ManifestBuilder(digests.algorithm("blake3")), 0, sorted(changes)
    for group in old.groups:
        members = groups[group]
        if builder.at_group_cut and not dirty & set(range(index, index + len(members))):
            builder.keep_group(group)
        else:
            for offset, segment in enumerate(members):
                if builder.at_segment_cut and index + offset not in dirty:
                    builder.keep_segments([segment])
                    continue
                end = firsts[index + offset + 1] if index + offset + 1 < len(firsts) else "\U0010ffff"
                mine = [path for path in pending if path < end]
                pending = pending[len(mine) :]
                merged = {entry.path: entry for entry in segments[segment]}
                updated = {**merged, **{path: changes[path] for path in mine}}
                builder.add(sort_by_path(entry for entry in updated.values() if entry))
        index += len(members)
    builder.add(sort_by_path(entry for path in pending if (entry := changes[path])))
    assert builder.finish() == expected
    assert builder.groups == fresh.groups
    if len(paths) == 30000 and len(changes) == 1:
        assert len(builder.new_segments) <= 3
