"""References to Google Cloud Storage: a fake-gcs-server, and servers that refuse."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import traceback
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError

import pytest
from aiohttp import web
from google.oauth2.credentials import Credentials

from artstore.core.manifest import Entry
from artstore.drivers import RemoteObject, fetching, retrying
from artstore.drivers.session import Session
from artstore.errors import (
    AccessDenied,
    ArtstoreError,
    BadReply,
    InvalidUri,
    ReferenceChanged,
    ReferenceGone,
    SecretInUri,
    TooManyObjects,
    Unreachable,
)
from artstore.testing import PrefixContract
from tests.support import servers
from tests.support.programs import script_output
from tests.support.servers import GsServer

_buckets: dict[bool, str] = {}


class TestGs(PrefixContract):
    """A bucket without versions."""

    versioned: ClassVar[bool] = False
    odd_keys: ClassVar[tuple[str, ...]] = (
        *("a//b", "folder/", "what?generation=1", "k#123", "k#", "with space", "ünï/日本", "a+b", "100%", "%41", "%2F"),
        *("x?y=z#w", "a\\b", "C:/d", "q\"'&<>"),
    )

    @pytest.fixture
    def prefix(self, fake_gcs: GsServer) -> str:
        self.server = fake_gcs
        if self.versioned not in _buckets:
            _buckets[self.versioned] = fake_gcs.bucket(versioned=self.versioned)
        return f"gs://{_buckets[self.versioned]}/{uuid.uuid4().hex}/"

    @pytest.fixture
    def storage_options(self, fake_gcs: GsServer) -> dict[str, Any]:
        return fake_gcs.options

    def put(self, uri: str, data: bytes) -> None:
        bucket, _, key = uri.removeprefix("gs://").partition("/")
        self.server.put(bucket, key, data)

    def remove(self, uri: str) -> None:
        bucket, _, key = uri.removeprefix("gs://").partition("/")
        self.server.remove(bucket, key)

    def test_a_listing_brings_all_fields(self, session: Session, prefix: str) -> None:
        self.put(prefix + "x", b"x")
        (entry,) = self.add(session, prefix)
        assert entry.digest == "md5:9dd4e461268c8034f5c8564e155c67a6"
        assert entry.version_id is not None and entry.version_id.isdigit()
        assert entry.etag is None

    def test_downloads_are_verified(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "x", b"x")
        (entry,) = self.add(session, prefix + "x")
        for digest in ("md5:" + "0" * 32, "crc32c:" + "0" * 8):
            with pytest.raises(ReferenceChanged, match=digest):
                self.fetched(session, entry._replace(digest=digest), tmp_path)

    def test_a_key_that_looks_like_a_generation_is_found(self, session: Session, prefix: str) -> None:
        self.put(prefix + "k#123", b"odd")
        (entry,) = self.add(session, prefix + "k#123")
        assert (entry.uri, entry.path) == (prefix + "k#123", "k#123")


class TestGsVersioned(TestGs):
    """A bucket with versions."""

    versioned = True
    keeps_versions = True

    def test_a_generation_can_be_requested(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "data", b"first")
        (first,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"second")
        (asked,) = self.add(session, f"{prefix}data#{first.version_id}")
        assert asked == first
        assert self.fetched(session, asked, tmp_path) == b"first"
        with pytest.raises(ReferenceGone):
            self.add(session, prefix + "data#1")


def references_of(uri: str, options: dict[str, Any], **more: Any) -> list[Entry]:
    with Session(options) as session:
        return list(session.references(uri, **more))


def test_thousands_of_objects_are_one_request_a_page(fake_gcs: GsServer) -> None:
    bucket = fake_gcs.bucket()
    for number in range(2001):
        fake_gcs.put(bucket, f"many/{number:05}", b"x")
    asked: list[str] = []

    async def counted(request: web.BaseRequest) -> web.Response:
        asked.append(request.path_qs)
        try:
            return web.Response(body=await asyncio.to_thread(fake_gcs.ask, "GET", request.raw_path[1:]))
        except HTTPError as error:
            return web.Response(status=error.code, body=error.read())

    with servers.web_server(counted) as url:
        entries = references_of(f"gs://{bucket}/many", {**fake_gcs.options, "endpoint_url": url})
        assert [entry.path for entry in entries] == [f"{number:05}" for number in range(2001)]
        assert all(entry.version_id and entry.digest for entry in entries)
        assert len(asked) == 1 + 3
        with pytest.raises(TooManyObjects):
            references_of(f"gs://{bucket}/many", fake_gcs.options, max_objects=2000)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    yield


def refusing_server(status: int, message: str) -> Any:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=json.dumps({"error": {"code": status, "message": message}}))

    return answer


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (401, "Invalid Credentials", AccessDenied),
        (403, "you lack storage.objects.get", AccessDenied),
        (400, "Bucket is requester pays bucket but no user project provided.", AccessDenied),
        (404, "The specified bucket does not exist.", ReferenceGone),
        (400, "Invalid bucket name", BadReply),
        (429, "slow down", Unreachable),
        (503, "try later", Unreachable),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_errors_include_the_answer_of_the_server(status: int, message: str, error: type[ArtstoreError]) -> None:
    with servers.web_server(refusing_server(status, message)) as url:
        for uri in ("gs://bucket/x", "gs://bucket/x/"):
            with pytest.raises(error, match=f"{re.escape(message)}|requester_pays"):
                references_of(uri, {"token": "anon", "endpoint_url": url})


@pytest.mark.usefixtures("no_pauses")
def test_unreachable_and_silent_endpoints_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="endpoint"):
        references_of("gs://bucket/x", {"token": "anon", "endpoint_url": f"http://127.0.0.1:{servers.free_port()}"})

    async def silence(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    async def nonsense(request: web.BaseRequest) -> web.Response:
        return web.Response(text="<html>welcome</html>")

    with servers.web_server(nonsense) as url, pytest.raises(BadReply, match="endpoint"):
        references_of("gs://bucket/x", {"token": "anon", "endpoint_url": url})
    monkeypatch.setattr("artstore_drivers.gs.ANSWER", 0.2)
    with servers.web_server(silence) as url, pytest.raises(Unreachable, match="in time"):
        references_of("gs://bucket/x", {"token": "anon", "endpoint_url": url})


@pytest.mark.usefixtures("no_pauses")
def test_a_token_is_sent_and_never_shown() -> None:
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(status=403)

    token = Credentials("ya29.S3CRET")  # type: ignore[no-untyped-call]
    with servers.web_server(answer) as url, pytest.raises(AccessDenied) as caught:
        references_of("gs://bucket/x", {"token": token, "endpoint_url": url})
    assert set(seen) == {"Bearer ya29.S3CRET"} and "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "token", ["ya29.S3CRET", {"token": "S3CRET"}, "service.json"], ids=["no token", "no credentials", "no file"]
)
def test_unusable_credentials_are_an_error_that_does_not_show_them(
    token: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare token is looked up at Google, which tests cannot reach, and that error quotes the token."""
    (tmp_path / "service.json").write_text('{"private_key": "S3CRET"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{servers.free_port()}")
    with pytest.raises(AccessDenied, match="GOOGLE_APPLICATION_CREDENTIALS") as caught:
        references_of("gs://bucket/x", {"token": token, "endpoint_url": "http://127.0.0.1:1"})
    trace = "".join(traceback.format_exception(caught.value))
    assert "S3CRET" not in trace


@pytest.mark.parametrize(
    ("uri", "error"), [("gs:///x", InvalidUri), ("gs:x", InvalidUri), ("gs://me:S3CRET@b/x", SecretInUri)]
)
def test_a_uri_without_a_bucket_is_refused(uri: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        references_of(uri, {"token": "anon"})
    assert "S3CRET" not in str(caught.value)


def test_an_emulator_from_the_environment_is_used_without_a_probe(
    fake_gcs: GsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used without probing it over another protocol, which would take a minute."""
    bucket = fake_gcs.bucket()
    fake_gcs.put(bucket, "x", b"x")
    program = f"""
        from artstore.drivers.session import Session
        with Session({{"token": "anon"}}) as session:
            (entry,) = session.references("gs://{bucket}/x")
            print(session.read(entry))
    """
    for name in [name for name in os.environ if name.startswith("GCSFS_")]:
        monkeypatch.delenv(name)
    assert script_output(program, environment={"STORAGE_EMULATOR_HOST": fake_gcs.url}, timeout=30) == "b'x'\n"


def test_the_same_content_replaces_a_generation_that_is_gone(fake_gcs: GsServer, tmp_path: Path) -> None:
    bucket = fake_gcs.bucket()
    fake_gcs.put(bucket, "x", b"as it was")
    with Session(fake_gcs.options) as session:
        (entry,) = session.references(f"gs://{bucket}/x")
        fake_gcs.put(bucket, "x", b"as it was")
        assert session.stat(entry).version != entry.version_id
        session.fetch_to(entry, tmp_path / "x")
        with pytest.raises(ReferenceChanged, match="found"):
            session.fetch_to(RemoteObject.of(entry)._replace(digest="crc32c:00000000"), tmp_path / "y")
    assert (tmp_path / "x").read_bytes() == b"as it was"


@pytest.mark.parametrize("size", [1_000, 50_000])
def test_compressed_objects_are_pinned_as_stored_and_downloaded_plain(
    fake_gcs: GsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(fetching, "PART", 1000)
    bucket, data = fake_gcs.bucket(), gzip.compress(os.urandom(size))
    fake_gcs.put_compressed(bucket, "page.html", data)
    (entry,) = references_of(f"gs://{bucket}/page.html", fake_gcs.options)
    assert entry.size == len(data)
    with Session(fake_gcs.options) as session:
        session.fetch_to(entry, tmp_path / "page")
        assert session.read(entry, 10, 20) == data[10:20]
    assert (tmp_path / "page").read_bytes() == gzip.decompress(data)


def test_a_missing_file_of_credentials_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "kye.json"))
    with pytest.raises(AccessDenied, match=r"GOOGLE_APPLICATION_CREDENTIALS names .*kye\.json"):
        references_of("gs://bucket/x", {"endpoint_url": f"http://127.0.0.1:{servers.free_port()}"})
