"""The hot paths, each alone: `make bench` times them, `make test` checks their results."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from artstore import Store
from artstore.core.digests import algorithm
from artstore.core.manifest import ManifestBuilder, sort_by_path
from artstore.storage.chunking import LARGEST, Cutter
from artstore.storage.packs import HEADER, Packs
from benchmarks import datasets, stores

MEBI = 2**20
SMALL_FILES = 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.init(tmp_path / "store") as opened:
        yield opened


@pytest.mark.parametrize("name", ["blake3", "sha256"])
@pytest.mark.parametrize("size", [4096, MEBI])
def test_hash(benchmark: BenchmarkFixture, name: str, size: int) -> None:
    hashed = benchmark(algorithm(name).raw, random.Random(1).randbytes(size))
    assert len(hashed) == 32


def test_cut_8_mib_into_chunks(benchmark: BenchmarkFixture) -> None:
    window = memoryview(random.Random(1).randbytes(8 * MEBI))
    lengths = benchmark(lambda: Cutter().lengths(window, last=True))
    assert sum(lengths) == len(window) and max(lengths) <= LARGEST


def test_write_a_thousand_small_chunks_to_a_pack(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    packs, chunk = Packs(tmp_path), random.Random(1).randbytes(4096)

    def write() -> int:
        writer = packs.create()
        for _ in range(SMALL_FILES):
            writer.append(chunk)
        end = writer.sync()
        writer.close()
        return end

    assert benchmark(write) == len(HEADER) + SMALL_FILES * len(chunk)


def test_cut_a_manifest_of_ten_thousand_entries(benchmark: BenchmarkFixture) -> None:
    blake3 = algorithm("blake3")
    entries = sort_by_path(datasets.many_entries(10_000, [(blake3.digest(b"%d" % i), i) for i in range(100)]))

    def cut() -> ManifestBuilder:
        builder = ManifestBuilder(blake3)
        builder.add(entries)
        builder.finish()
        return builder

    assert sum(group.entries for group in benchmark(cut).groups) == len(entries)


def test_log_a_thousand_files_again_unchanged(benchmark: BenchmarkFixture, store: Store, tmp_path: Path) -> None:
    folder = datasets.many_small(tmp_path / "files", datasets.TINY._replace(small_files=SMALL_FILES))
    first = stores.log(store, "files", folder)
    assert benchmark(stores.log, store, "files", folder) == first


def test_resolve_a_name_among_a_hundred_thousand_versions(
    benchmark: BenchmarkFixture, store: Store, tmp_path: Path
) -> None:
    stores.contents(store, tmp_path / "contents", 10)
    stores.many_versions(store, "contents", 100_000)
    store.describe("contents:v70000", add_aliases=["best"])
    assert benchmark(store.version, "contents:best").name.endswith("v70000")


def test_commit_ten_changes_to_ten_thousand_entries(benchmark: BenchmarkFixture, store: Store, tmp_path: Path) -> None:
    contents = stores.contents(store, tmp_path / "contents")
    store.commit(stores.with_entries(store, "entries", 10_000, contents))
    draw = random.Random(1)

    def changed() -> tuple[tuple[object], dict[str, object]]:
        return (stores.with_changes(store, "entries", 10_000, contents, draw),), {}

    benchmark.pedantic(store.commit, setup=changed, rounds=10)  # type: ignore[no-untyped-call]
    assert len(store.diff("entries:v0", "entries:v1").changed) == 10
