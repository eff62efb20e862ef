"""What all drivers share: names, secrets, retries, ranges, and calls from synchronous code."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.core import names
from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.drivers import Algorithm, Driver, NoRanges, RemoteObject, changed, fetching, registry, retrying
from artstore.drivers.fetching import fetch, read_range, stream
from artstore.drivers.loop import iterate, run
from artstore.drivers.placing import path_beside_folder, path_for_key, place
from artstore.drivers.session import Session
from artstore.drivers.verifying import digest_of
from artstore.errors import InvalidInput, InvalidUri, ReferenceChanged, SecretInUri, Unreachable
from artstore.runtime.secrets import redacted, refuse_secrets
from tests.support.programs import run_script, script_output

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.text("a./\\%:", max_size=6)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("images/cat.png", "images/cat.png"),
        ("a//b", "a/%/b"),
        ("/lead", "%/lead"),
        ("folder/", "folder/%"),
        ("", "%"),
        ("x/../y", "x/%2E%2E/y"),
        ("./x", "%2E/x"),
        ("%41", "%41"),
        ("13%3A00/50%/100%25", "13%3A00/50%/100%25"),
        ("%", "%"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("C:/x", "C:/x"),
        ("..\\x", "..%5Cx"),
        ("a\\b", "a\\b"),
        ("a b+c#d?e", "a b+c#d?e"),
        ("x/" + "k" * 255, "x/" + "k" * 255),
        ("k" * 1024 + "/x", "k" * 238 + "~06a8b3245bbbbc6b/x"),
    ],
)
def test_a_key_becomes_a_path_that_any_folder_can_hold(key: str, path: str) -> None:
    assert path_for_key(key) == path


@given(KEYS)
def test_the_path_of_a_key_is_allowed_and_only_what_no_folder_holds_is_escaped(key: str) -> None:
    path = path_for_key(key)
    assert names.entry_path(path) == path
    if not {"", ".", ".."} & set(key.split("/")) and not {"\\", ":"} & set(key):
        assert path == key


def placed(*keys: str) -> list[tuple[str, Kind, str]]:
    async def listing() -> AsyncIterator[RemoteObject]:
        for key in sorted(keys, key=str.encode):
            yield RemoteObject("s3://b/p/" + key, key, 0 if key.endswith("0/") else 1)

    async def collected() -> list[tuple[str, Kind, str]]:
        return [
            (entry.path, entry.kind, (entry.uri or "").removeprefix("s3://b/p/"))
            async for entry in place(listing(), "")
        ]

    return run(collected())


KEY_PARTS = st.sampled_from(["a", "b", "/", "//", ".", "..", "%", "%2E", "-"])
KEY_SETS = st.sets(st.lists(KEY_PARTS, max_size=7).map("".join), max_size=12)


@given(st.sets(st.text("ab/-.", max_size=6), max_size=12) | KEY_SETS)
def test_no_two_keys_become_one_path_and_no_entry_lies_below_a_plain_one(keys: set[str]) -> None:
    entries = placed(*keys)
    paths = {path for path, _, _ in entries}
    assert {key for _, _, key in entries} == keys
    assert len(paths) == len(entries) == len(keys)
    draft = Draft("n", "t")
    for path, _, key in entries:
        draft.add(Entry(path, Kind.REFERENCE, uri=key))
    wanted = Counter(map(path_for_key, keys))
    for path, _, key in entries:
        own = path_for_key(key)
        if wanted[own] == 1 and not any(other.startswith(own + "/") for other in wanted):
            assert path == own
        elif path != own:
            assert path == path_beside_folder(own, "s3://b/p/" + key)


@pytest.mark.parametrize(
    ("keys", "paths"),
    [
        (("a/%2E/b", "a/./b"), {"a/%2E/b": "a/%2E/b", "a/./b": "a/%2E/b~"}),
        (("a/%", "a//b"), {"a/%": "a/%~", "a//b": "a/%/b"}),
        (("a/%/b", "a/"), {"a/%/b": "a/%/b", "a/": "a/%~"}),
    ],
)
def test_a_key_that_looks_like_an_escape_is_kept_beside_the_key_that_is_escaped(
    keys: tuple[str, ...], paths: dict[str, str]
) -> None:
    found = {key: path for path, _, key in placed(*keys)}
    assert found.keys() == paths.keys()
    for key, path in paths.items():
        assert found[key] == path or (path.endswith("~") and found[key].startswith(path))


def test_a_folder_marker_is_the_folder() -> None:
    assert sorted(placed("full0/", "full0/a", "full0/deep0/", "empty0/", "file", "file0/")) == [
        ("empty0", Kind.FOLDER, ""),
        ("file", Kind.REFERENCE, "file"),
        ("file0", Kind.FOLDER, ""),
        ("full0/a", Kind.REFERENCE, "full0/a"),
        ("full0/deep0", Kind.FOLDER, ""),
    ]


def test_an_object_whose_name_a_folder_marker_needs_gets_another_path() -> None:
    kinds = {path: kind for path, kind, _ in placed("a0", "a0/")}
    assert kinds == {"a0": Kind.FOLDER, path_beside_folder("a0", "s3://b/p/a0"): Kind.REFERENCE}


def test_an_object_with_content_in_place_of_a_folder_is_kept() -> None:
    assert sorted(placed("a/", "a/b")) == [("a/%", Kind.REFERENCE, "a/"), ("a/b", Kind.REFERENCE, "a/b")]


def test_an_object_with_the_longest_name_can_share_it_with_a_folder() -> None:
    assert path_beside_folder("a/" + "k" * 255, "s3://b/k").encode().startswith(b"a/" + b"k" * 246 + b"~")
    assert len(path_beside_folder("é" * 127, "s3://b/k").encode()) <= 255


SECRETS = [
    "https://me:S3CRET@host/x",
    "https://S3CRET@host/x",
    "s3://AKIA:S3CRET@bucket/x",
    "https://host/x?X-Amz-Algorithm=a&X-Amz-Signature=S3CRET",
    "https://host/x?x=1&X-Goog-Signature=S3CRET",
    "https://host/x?sv=2020&sig=S3CRET",
    "https://host/x?Expires=1&Signature=S3CRET&Key-Pair-Id=K",
    "https://host/x?token=S3CRET",
    "https://host/x?access%5Ftoken=S3CRET",
    "https://host/x?a=1;api_key=S3CRET",
    "https://host/x#access_token=S3CRET",
    "https://[bad/x?token=S3CRET",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_a_uri_with_a_secret_is_refused_without_showing_it(uri: str) -> None:
    with pytest.raises(SecretInUri) as caught:
        refuse_secrets(uri)
    assert "S3CRET" not in str(caught.value) and "storage_options" in str(caught.value)
    assert "S3CRET" not in redacted(f"cannot GET '{uri}'") or "%5F" in uri


@pytest.mark.parametrize(
    "uri", ["https://host/x?page=2&design=a", "https://host/@me/x", "sftp://me@host/x", "https://host/a?q=a@b:c"]
)
def test_a_uri_without_a_secret_is_accepted(uri: str) -> None:
    refuse_secrets(uri)
    assert uri.rpartition("@")[2] in redacted(f"cannot GET {uri} now")


@pytest.mark.parametrize("uri", ["data/images", "/data", "C:/x", "", "1://x"])
def test_invalid_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="References must be URIs"):
        registry.scheme_of(uri)


def test_an_invalid_limit_is_refused(tmp_path: Path) -> None:
    with Session() as session, pytest.raises(InvalidInput, match="max_objects"):
        list(session.references(f"file://{tmp_path}", max_objects=0))


def test_the_pin_of_an_object_decides_whether_it_changed() -> None:
    pin = RemoteObject("s3://b/k", "k", size=3, etag="abc", version="v1")
    assert pin.is_same(pin._replace(version="v2")), "an etag identifies the content"
    assert pin.differs(pin._replace(size=4)) and pin.differs(pin._replace(etag="abd"))
    weak = RemoteObject("https://h/k", "k", size=3, etag='W/"abc"')
    assert not weak.is_same(weak) and not weak.differs(weak._replace(etag="abc"))
    assert weak.differs(weak._replace(etag='W/"abd"'))
    crc = RemoteObject("gs://b/k", "k", size=3, digest="crc32c:00000000", version="1")
    assert not crc.is_same(crc._replace(version="2")), "four bytes prove nothing"
    assert crc.differs(crc._replace(digest="crc32c:00000001"))
    assert "3 bytes, etag abc, version v1" in str(changed(pin, pin._replace(etag="abd")))


class Flaky(Driver):
    """A source that gives some bytes and then breaks off, a number of times."""

    data = bytes(range(256)) * 40

    def __init__(self, breaks: int, *, steady: bool = True, ranges: bool = True) -> None:
        super().__init__({})
        self.breaks, self._steady, self._ranges = breaks, steady, ranges
        self.asked: list[tuple[int, int | None]] = []

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        raise Unreachable("busy")

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        self.asked.append((start, stop))
        if not self._ranges and (start, stop) != (0, None):
            raise NoRanges("whole or not at all")
        for at in range(start, len(self.data) if stop is None else stop, 1000):
            if at >= start + 2000 and self.breaks:
                self.breaks -= 1
                raise Unreachable("broken off")
            yield self.data[at : at + 1000] if stop is None else self.data[at : min(at + 1000, stop)]

    def steady(self, pinned: RemoteObject) -> bool:
        return self._steady

    def fetched(self, path: Path, pin: RemoteObject) -> tuple[bytes, int]:
        """Return the content that was fetched, and the reported progress."""
        advanced: list[int] = []
        with path.open("w+b") as file:
            run(fetch(self, pin, file.fileno(), advanced.append))
        return path.read_bytes(), sum(advanced)


PIN = RemoteObject("x://h/k", "k", size=len(Flaky.data), etag="abc")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0, 0.0))
    yield


@pytest.mark.usefixtures("no_pauses")
def test_an_interrupted_download_continues_at_its_offset(tmp_path: Path) -> None:
    flaky = Flaky(3)
    assert flaky.fetched(tmp_path / "x", PIN) == (Flaky.data, len(Flaky.data))
    assert [start for start, _ in flaky.asked] == [0, 2000, 4000, 6000]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(("steady", "ranges"), [(False, True), (True, False)])
def test_a_download_that_cannot_be_continued_starts_again(tmp_path: Path, steady: bool, ranges: bool) -> None:
    flaky = Flaky(1, steady=steady, ranges=ranges)
    assert flaky.fetched(tmp_path / "x", PIN) == (Flaky.data, len(Flaky.data))
    assert flaky.asked[-1] == (0, None)


@pytest.mark.usefixtures("no_pauses")
def test_a_download_without_progress_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="broken off"):
        Flaky(99, steady=False).fetched(tmp_path / "x", PIN)


@pytest.mark.usefixtures("no_pauses")
def test_parts_are_fetched_independently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PART", 4000)
    flaky = Flaky(2)
    assert flaky.fetched(tmp_path / "x", PIN) == (Flaky.data, len(Flaky.data))
    assert {(0, 4000), (4000, 8000), (8000, 10240)} < set(flaky.asked)
    assert len(flaky.asked) == 5


def test_a_server_without_ranges_is_asked_for_the_whole_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PART", 4000)
    assert Flaky(0, ranges=False).fetched(tmp_path / "x", PIN) == (Flaky.data, len(Flaky.data))
    assert run(read_range(Flaky(0, ranges=False), PIN, 250, 260)) == Flaky.data[250:260]


@pytest.mark.usefixtures("no_pauses")
def test_a_stream_continues_only_if_the_object_is_certainly_the_same() -> None:
    flaky = Flaky(3)
    assert b"".join(iterate(stream(flaky, PIN), batch_size=1)) == Flaky.data
    assert [start for start, _ in flaky.asked] == [0, 2000, 4000, 6000]
    with pytest.raises(Unreachable, match="broken off"):
        list(iterate(stream(Flaky(1, steady=False), PIN)))
    with pytest.raises(ReferenceChanged, match=f"found {len(Flaky.data):,} bytes"):
        list(iterate(stream(Flaky(0), PIN._replace(size=len(Flaky.data) + 1))))


@pytest.mark.parametrize(
    "pin",
    [
        PIN._replace(size=len(Flaky.data) + 1),
        PIN._replace(digest="md5:" + "0" * 32),
        PIN._replace(digest="crc32c:" + "0" * 8),
        PIN._replace(digest="blake3:" + "0" * 64),
    ],
)
def test_downloads_are_verified(tmp_path: Path, pin: RemoteObject) -> None:
    with pytest.raises(ReferenceChanged, match="expected"):
        Flaky(0).fetched(tmp_path / "x", pin)


@pytest.mark.parametrize(("algorithm", "digest"), [("md5", "25f9e794323b453885f5181f1b624d0b"), ("crc32c", "e3069283")])
def test_digests_of_servers_follow_the_standard(tmp_path: Path, algorithm: str, digest: str) -> None:
    (tmp_path / "x").write_bytes(b"123456789")
    with (tmp_path / "x").open("rb") as file:
        assert digest_of(file.fileno(), algorithm, 9) == f"{algorithm}:{digest}"


@pytest.mark.usefixtures("no_pauses")
def test_requests_to_a_busy_server_are_repeated_and_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    async def answer() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise Unreachable("busy")
        return "here"

    assert run(retrying.retried(answer, "x://h/k")) == "here"
    monkeypatch.setattr(retrying, "PATIENCE", 0.05)

    async def silence() -> None:
        await asyncio.sleep(60)

    with pytest.raises(Unreachable, match="x://h/k"):
        run(retrying.retried(silence, "x://h/k"))


@pytest.mark.usefixtures("no_pauses")
def test_the_retry_delay_of_a_server_is_respected_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = formatdate(time.time() + 100, usegmt=True)
    assert retrying.unavailable("busy", "3").wait == 3
    assert 90 < retrying.unavailable("busy", soon).wait <= 100
    odd = (None, "", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "Mon, 01 Jan 99999999999 00:00:00 GMT")
    assert [retrying.unavailable("busy", value).wait for value in odd] == [0] * 6

    async def waited(seconds: str) -> float:
        began = time.monotonic()
        await retrying.Retries().pause(retrying.unavailable("busy", seconds))
        return time.monotonic() - began

    assert run(waited("1")) >= 1
    monkeypatch.setattr(retrying, "LONGEST", 0.1)
    assert run(waited("100000")) < 1000


def test_ctrl_c_ends_running_work_with_one_error() -> None:
    """No work continues in the background after the interrupt: the file may be closed by then."""
    program = """
        import asyncio, os, signal, threading
        from artstore.drivers.loop import run
        ended = []
        async def long():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)
                ended.append("ended")
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            run(long())
        except KeyboardInterrupt:
            print("interrupted", *ended)
    """
    done = run_script(program, timeout=30)
    assert (done.stdout, done.stderr) == ("interrupted ended\n", "")


def test_a_forked_child_has_its_own_event_loop(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    program = f"""
        import os, sys
        from artstore.drivers.session import Session
        with Session() as session:
            list(session.references("file://{tmp_path}/x"))
            child = os.fork()
            found = list(session.references("file://{tmp_path}/x"))
            assert [entry.size for entry in found] == [1]
            if child:
                assert os.waitpid(child, 0)[1] == 0
    """
    script_output(program, timeout=30)


def test_the_contract_loads_no_library_of_a_cloud() -> None:
    program = """
        import sys
        import artstore.drivers, artstore.drivers.session
        print(sorted({"s3fs", "gcsfs", "aiohttp", "botocore", "fsspec", "google", "pytest"} & set(sys.modules)))
    """
    assert script_output(program, timeout=30) == "[]\n"


def test_a_remote_object_is_converted_to_an_entry_and_back() -> None:
    remote = RemoteObject("s3://b/a/k", "a/k", 3, "abc", "v1", "md5:00")
    entry = remote.entry("a/k")
    assert (entry.kind, entry.version_id) == (Kind.REFERENCE, "v1")
    assert RemoteObject.of(entry) == remote


def test_a_long_listing_is_held_in_memory_a_batch_at_a_time() -> None:
    """The torture test lists the full number of 1,000,000."""
    assert peak_of_listing(200_000) < peak_of_listing(1_000) + (8 << 20)


@pytest.mark.torture
def test_a_listing_of_a_million_objects_is_held_a_batch_at_a_time() -> None:
    assert peak_of_listing(1_000_000) < peak_of_listing(1_000) + (8 << 20)


def peak_of_listing(count: int) -> int:
    """Return the peak memory, in bytes, of a process that iterates over that many references."""
    program = f"""
        import resource
        from artstore.drivers import Driver, RemoteObject, registry
        from artstore.drivers.session import Session

        class Endless(Driver):
            async def stat(self, uri, *, version=None, checksum=None):
                return RemoteObject(uri, "x")
            async def list(self, uri, *, checksum=None):
                for number in range({count}):
                    key = f"{{number:07}}/of many/a name as long as names are.parquet"
                    yield RemoteObject(uri + key, key, number, f"{{number:032x}}", f"{{number:032}}")
            async def read(self, pinned, start=0, stop=None):
                yield b""

        registry.driver_for = lambda scheme: Endless
        with Session() as session:
            assert sum(1 for _ in session.references("x://b/", max_objects={count})) == {count}
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    """
    return int(script_output(program, timeout=120))
