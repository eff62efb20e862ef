"""Stores with compression take less space and otherwise behave like those without."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artstore import Store
from artstore.core import digests
from artstore.errors import Damaged, InvalidInput, NewerStore, NoStore
from artstore.storage import chunking, codec
from tests.support.files import noise, tree_of, write_files
from tests.support.format_reference import VECTORS
from tests.support.programs import run_script
from tests.support.store_checks import check_clean, check_usage

SMALL = chunking.WHOLE
LIMITS = [0, 1, 64, 4096, SMALL - 1, SMALL, SMALL + 1, chunking.LARGEST, chunking.LARGEST + 1, 700_000]


def text(size: int, seed: int | str) -> bytes:
    """Return bytes that compress to a little over half their size."""
    return noise(size // 2 + 1, seed).hex().encode()[:size]


def zeros(size: int, seed: int) -> bytes:
    return bytes(size)


def commit(store: Store, source: Path, name: str = "animals") -> str:
    draft = store.draft(name, "dataset")
    store.add_dir(draft, source)
    return store.commit(draft).digest


def bytes_by_codec(store: Store) -> dict[int, int]:
    """Return the bytes of content that are stored with each codec."""
    rows = store.sql("select codec, sum(size) as size from chunks group by codec")
    return {int(str(row["codec"])): int(str(row["size"])) for row in rows}


def change_rows(folder: Path, statement: str) -> None:
    """Change rows without artstore."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0, statement


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.init(tmp_path / "store", compression="zstd") as store:
        yield store


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {"small": text(3000, 1), "large": text(700_000, 2), "noise": noise(300_000, 3), "d/empty": b"", "x": b"x"}
    return write_files(tmp_path / "source", files)


def test_a_version_has_the_same_digest_and_content_with_and_without_compression(
    store: Store, source: Path, tmp_path: Path
) -> None:
    with Store.init(tmp_path / "plain") as plain:
        assert commit(plain, source) == commit(store, source)
        assert set(bytes_by_codec(plain)) == {codec.PLAIN}
    assert set(bytes_by_codec(store)) == {codec.PLAIN, codec.ZSTD}
    store.get("animals:v0", tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(source)
    assert {e.path: b"".join(store.read(e)) for e in store.entries("animals")} == {
        path: (source / path).read_bytes() for path in tree_of(source)
    }
    check_usage(store)


@pytest.mark.parametrize("size", LIMITS)
def test_content_from_memory_is_stored_like_that_of_a_file(store: Store, tmp_path: Path, size: int) -> None:
    content = text(size, 1)
    draft = store.draft("animals", "dataset")
    store.add_bytes(draft, content, "f")
    version = store.commit(draft)
    before = store.usage()
    assert commit(store, write_files(tmp_path / "source", {"f": content}), "again") == version.digest
    assert store.usage().stored_bytes == before.stored_bytes
    assert store.sql("select count(*) as n from chunks where size > ?", (chunking.LARGEST,)) == [{"n": 0}]
    store.get(version, tmp_path / "out")
    assert (tmp_path / "out" / "f").read_bytes() == content
    assert store.verify().ok


def test_worker_processes_compress_too(store: Store, tmp_path: Path) -> None:
    files = {f"{i % 7}/{i}": text(900, i) if i % 3 else noise(900, i) for i in range(3200)}
    source = write_files(tmp_path / "source", {**files, "again": files["1/1"]})
    commit(store, source)
    assert bytes_by_codec(store) == {codec.ZSTD: 900 * 2133, codec.PLAIN: 900 * 1067}
    assert store.get("animals:v0", tmp_path / "out", path_prefix="3").written == 457
    assert tree_of(tmp_path / "out" / "3") == tree_of(source / "3")
    check_clean(store)


pieces = st.tuples(st.sampled_from(["text", "noise", "zeros"]), st.sampled_from(LIMITS), st.integers(0, 2))


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(files=st.lists(st.lists(pieces, min_size=1, max_size=3), min_size=1, max_size=3))
def test_files_are_restored(files: list[list[tuple[str, int, int]]]) -> None:
    make: dict[str, Callable[[int, int], bytes]] = {"text": text, "noise": noise, "zeros": zeros}
    with tempfile.TemporaryDirectory() as folder:
        contents = {str(i): b"".join(make[kind](size, seed) for kind, size, seed in f) for i, f in enumerate(files)}
        source = write_files(Path(folder, "source"), contents)
        with Store.init(Path(folder, "store"), compression="zstd") as store:
            commit(store, source)
            store.get("animals:v0", Path(folder, "out"))
            assert tree_of(Path(folder, "out")) == tree_of(source)
            assert store.verify().ok


def test_text_takes_less_space_and_noise_no_more(store: Store, tmp_path: Path) -> None:
    commit(store, write_files(tmp_path / "text", {"t": text(1_000_000, 1)}), "text")
    whole = store.usage()
    assert (whole.version_bytes, whole.content_bytes) == (1_000_000, 1_000_000)
    assert 500_000 < whole.stored_bytes < 600_000
    assert whole.allocated_bytes < 620_000
    commit(store, write_files(tmp_path / "noise", {"n": noise(1_000_000, 1)}), "noise")
    assert store.usage().content_bytes == 2_000_000
    assert store.usage().stored_bytes == whole.stored_bytes + 1_000_000
    assert [store.owned_bytes(name) for name in ("text", "noise")] == [1_000_000, 1_000_000]
    done = store.delete("text:v0", delete_aliases=True)
    assert done.content == 1_000_000
    assert abs(done.disk - whole.stored_bytes) < 32_768
    assert store.usage()[:4] == (1, 1_000_000, 1_000_000, 1_000_000)
    check_usage(store)


def test_a_file_that_becomes_compressible_is_compressed_from_that_point(store: Store, tmp_path: Path) -> None:
    commit(store, write_files(tmp_path / "source", {"mixed": noise(1_000_000, 1) + text(1_000_000, 1)}))
    assert 1_500_000 < store.usage().stored_bytes < 1_750_000


def test_a_chunk_is_deduplicated_whatever_its_codec(store: Store, tmp_path: Path) -> None:
    mixed = noise(400_000, 1) + text(1_000_000, 7)
    commit(store, write_files(tmp_path / "one", {"mixed": mixed}))
    kept_plain, start = [], 0
    for length in chunking.Cutter().lengths(memoryview(mixed), last=True):
        piece = mixed[start : start + length]
        how = store.sql("select codec from chunks where digest = ?", (digests.algorithm("blake3").raw(piece),))
        if length <= SMALL and start > 400_000:
            kept_plain.append((how[0]["codec"], piece))
        start += length
    before = store.usage()
    commit(store, write_files(tmp_path / "two", {str(i): piece for i, (_, piece) in enumerate(kept_plain)}), "pieces")
    commit(store, write_files(tmp_path / "more", {"mixed": mixed + b"!"}))
    assert len(kept_plain) > 1
    assert store.usage().content_bytes <= before.content_bytes + chunking.LARGEST
    assert store.owned_bytes("pieces") == 0
    store.get("pieces:v0", tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(tmp_path / "two")


def test_repacking_keeps_the_encoding_of_chunks(store: Store, tmp_path: Path) -> None:
    make = {0: noise, 1: text}
    every = {f"{i}": make[i % 2](4000, i) for i in range(400)}
    most = {path: data for path, data in every.items() if int(path) % 11}
    commit(store, write_files(tmp_path / "every", every), "every")
    commit(store, write_files(tmp_path / "most", most), "most")
    packs = set(os.listdir(store.path / "packs"))
    store.delete("every:v0", delete_aliases=True)
    assert set(os.listdir(store.path / "packs")).isdisjoint(packs), "nothing was repacked"
    assert bytes_by_codec(store) == {which: 4000 * sum(int(p) % 2 == which for p in most) for which in (0, 1)}
    store.get("most:v0", tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(tmp_path / "most")
    check_usage(store)
    check_clean(store)


def test_a_backup_keeps_the_compression_of_the_store(store: Store, source: Path, tmp_path: Path) -> None:
    commit(store, source)
    store.backup(tmp_path / "backup")
    with Store.open(tmp_path / "backup") as backup:
        assert (backup.compression, backup.usage()[1:4]) == ("zstd", store.usage()[1:4])
        backup.get("animals:v0", tmp_path / "out")
        assert tree_of(tmp_path / "out") == tree_of(source)
        assert backup.verify().ok


# Damage


@pytest.fixture(scope="module")
def whole_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which two versions share a small and a large file, both compressed."""
    folder = tmp_path_factory.mktemp("whole")
    with Store.init(folder / "store", compression="zstd") as store:
        commit(store, write_files(folder / "source", {"small": text(3000, 1), "large": text(400_000, 2)}))
        commit(store, write_files(folder / "source", {"other": b"other"}))
    return folder / "store"


@pytest.fixture
def damaged_store(whole_store: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole_store, tmp_path / "store")


def check_damage_reported(folder: Path, paths: set[str], out: Path, message: str) -> None:
    with Store.open(folder) as store:
        report = store.verify()
        harms = {(harm.version.rpartition("/")[2], harm.path) for finding in report.findings for harm in finding.harms}
        assert harms == {(version, path) for version in ("animals:v0", "animals:v1") for path in paths}
        with pytest.raises(Damaged, match=message):
            store.get("animals:v0", out)
    assert not any((out / path).exists() for path in paths)


@pytest.mark.parametrize("path", ["small", "large"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.003, 0.5, 1.0])
def test_a_flipped_bit_in_a_compressed_chunk_is_reported_with_all_harmed_files(
    damaged_store: Path, tmp_path: Path, path: str, part: float
) -> None:
    size = "size = 3000" if path == "small" else "size > 5000"
    with Store.open(damaged_store) as store:
        query = (
            f"select packs.name, offset, length from chunks join packs on packs.id = pack where codec = 1 and {size}"
        )
        lies = store.sql(query)[0]
    with (damaged_store / "packs" / f"{lies['name']}.pack").open("r+b") as pack:
        pack.seek(int(str(lies["offset"])) + round(part * (int(str(lies["length"])) - 1)))
        byte = pack.read(1)[0]
        pack.seek(-1, os.SEEK_CUR)
        pack.write(bytes([byte ^ 0x10]))
    check_damage_reported(damaged_store, {path}, tmp_path / "out", "is damaged")


@pytest.mark.parametrize(("wrong", "message"), [(0, "is damaged"), (7, "has codec 7, which is not known here")])
def test_a_wrong_codec_is_damage(damaged_store: Path, tmp_path: Path, wrong: int, message: str) -> None:
    change_rows(damaged_store, f"update chunks set codec = {wrong} where size = 3000")
    check_damage_reported(damaged_store, {"small"}, tmp_path / "out", message)


def test_a_wrong_count_of_saved_bytes_is_found(damaged_store: Path) -> None:
    change_rows(damaged_store, "update packs set saved = saved + 1")
    with Store.open(damaged_store) as store:
        assert [finding.what.partition(" holds ")[2] for finding in store.verify().findings] == [
            "403005 bytes of content, and counts 403006"
        ]


def test_a_frame_larger_than_its_chunk_is_not_decompressed() -> None:
    fits, too_large = bytes(chunking.LARGEST), bytes(chunking.LARGEST + 1)
    for size in (True, False):
        compress = zstandard.ZstdCompressor(write_content_size=size).compress
        assert codec.decode(compress(fits), codec.ZSTD) == fits
        assert codec.decode(compress(too_large), codec.ZSTD) == b""


def test_chunks_are_decoded_by_the_format() -> None:
    for vector in VECTORS["codecs"]:
        assert codec.decode(bytes.fromhex(vector["hex"]), vector["codec"]).decode() == vector["content"]


# Creating and opening


def test_compression_is_chosen_at_creation_and_does_not_change(tmp_path: Path) -> None:
    with Store.init(tmp_path / "plain") as plain, Store.init(tmp_path / "zstd", compression="zstd") as zstd:
        assert (plain.compression, zstd.compression) == (None, "zstd")
        details = [store.events()[0].detail for store in (plain, zstd)]
        assert details == [{"algorithm": "blake3"}, {"algorithm": "blake3", "compression": "zstd"}]
    for given_again in (None, "zstd"):
        with Store.init(tmp_path / "zstd", compression=given_again) as store:
            assert store.compression == "zstd"
    with pytest.raises(
        InvalidInput, match="created without compression, which cannot be changed: create another store"
    ):
        Store.init(tmp_path / "plain", compression="zstd")


def test_an_unknown_compression_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no compression 'lz4': choose one of zstd"):
        Store.init(tmp_path / "other", compression="lz4")
    with pytest.raises(NoStore):
        Store.open(tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("compression", "number"), [(None, 1), ("zstd", 2)])
def test_an_older_artstore_refuses_only_stores_with_compression(
    tmp_path: Path, compression: str | None, number: int
) -> None:
    Store.init(tmp_path / "store", compression=compression).close()
    with closing(sqlite3.connect(tmp_path / "store" / "artstore.db")) as connection:
        assert connection.execute("pragma user_version").fetchone() == (number,)


def test_an_unknown_compression_is_named_when_a_store_is_opened(tmp_path: Path) -> None:
    Store.init(tmp_path / "store", compression="zstd").close()
    change_rows(tmp_path / "store", "update store set compression = 'brotli'")
    with pytest.raises(NewerStore, match="compresses with 'brotli', which this artstore does not know: upgrade with"):
        Store.open(tmp_path / "store")


def test_without_the_library_a_store_with_compression_says_what_to_install(tmp_path: Path) -> None:
    Store.init(tmp_path / "zstd", compression="zstd").close()
    script = """
        import sys
        sys.modules["zstandard"] = None  # as if it were not installed
        from artstore import Store
        from artstore.errors import MissingLibrary
        Store.init("plain").close()
        for verb in (lambda: Store.open("zstd"), lambda: Store.init("new", compression="zstd")):
            try:
                verb()
            except MissingLibrary as error:
                print(error)
    """
    done = run_script(script, cwd=tmp_path)
    message = "a store that compresses needs zstandard: pip install 'artstore[zstd]'\n"
    assert (done.stdout, done.stderr) == (message * 2, "")
    assert not (tmp_path / "new").exists()
