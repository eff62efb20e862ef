"""References to S3: a SeaweedFS, a moto for keys that SeaweedFS changes, and servers that break the protocol."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from fsspec.config import conf

import artstore_drivers.s3
from artstore.core.manifest import Entry, Kind
from artstore.drivers import RemoteObject, retrying
from artstore.drivers.session import Session
from artstore.errors import (
    AccessDenied,
    ArtstoreError,
    BadReply,
    InvalidInput,
    InvalidUri,
    ReferenceChanged,
    ReferenceGone,
    SecretInUri,
    TooManyObjects,
    Unreachable,
)
from artstore.testing import PrefixContract
from tests.support import servers
from tests.support.remote_places import ODD_KEYS, fill_bucket
from tests.support.servers import S3Server

_buckets: dict[tuple[str, bool], str] = {}


class S3Contract(PrefixContract):
    """The contract, for a bucket of a server."""

    server: S3Server
    versioned: ClassVar[bool] = False

    @pytest.fixture
    def storage_options(self, prefix: str) -> dict[str, Any]:
        return self.server.options

    def below(self, server: S3Server) -> str:
        """Return a new prefix in the bucket of this server and kind: SeaweedFS has room for few buckets."""
        self.server = server
        place = server.url, self.versioned
        if place not in _buckets:
            _buckets[place] = server.bucket(versioned=self.versioned)
        return f"s3://{_buckets[place]}/{uuid.uuid4().hex}/"

    def where(self, uri: str) -> dict[str, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}

    def put(self, uri: str, data: bytes) -> None:
        self.server.client.put_object(**self.where(uri), Body=data)

    def remove(self, uri: str) -> None:
        self.server.client.delete_object(**self.where(uri))


class TestSeaweed(S3Contract):
    """A bucket without versions."""

    both = False

    @pytest.fixture
    def prefix(self, seaweed: S3Server) -> str:
        return self.below(seaweed)


class TestSeaweedVersioned(TestSeaweed):
    """A bucket with versions."""

    versioned = True
    keeps_versions = True

    def test_a_version_can_be_requested(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "data", b"first")
        (first,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"second")
        (asked,) = self.add(session, f"{prefix}data?versionId={first.version_id}")
        assert asked == first
        assert self.fetched(session, asked, tmp_path) == b"first"
        with pytest.raises(ReferenceGone):
            self.add(session, prefix + "data?versionId=0123456789abcdef0123456789abcdef")


class TestMoto(S3Contract):
    """A bucket without versions that takes any key."""

    odd_keys: ClassVar[tuple[str, ...]] = ODD_KEYS

    @pytest.fixture
    def prefix(self, moto: S3Server) -> str:
        return self.below(moto)

    def test_a_key_that_looks_like_a_version_is_found(self, session: Session, prefix: str) -> None:
        self.put(prefix + "k?versionId=1", b"odd")
        (entry,) = self.add(session, prefix + "k?versionId=1")
        assert (entry.uri, entry.path) == (prefix + "k?versionId=1", "k?versionId=1")

    def test_the_marker_of_a_folder_is_the_folder(self, session: Session, prefix: str) -> None:
        for key, data in {"": b"", "a": b"a", "b/": b"", "b/c": b"c", "empty/": b"", "full/": b"content"}.items():
            self.put(f"{prefix}folder/{key}", data)
        entries = {entry.path: entry for entry in self.add(session, prefix + "folder", max_objects=3)}
        assert sorted(entries) == ["a", "b/c", "empty", "full/%"]
        assert entries["empty"].kind == Kind.FOLDER
        assert entries["full/%"].uri == prefix + "folder/full/"

    def test_a_marker_alone_is_an_empty_folder(self, session: Session, prefix: str) -> None:
        self.put(prefix + "folder/", b"")
        with pytest.raises(ReferenceGone, match="folder/"):
            self.add(session, prefix + "folder")


class TestMotoVersioned(TestMoto):
    """A bucket with versions that takes any key."""

    versioned = True
    keeps_versions = True

    def test_objects_from_before_versioning_can_be_read(self, session: Session, prefix: str, tmp_path: Path) -> None:
        bucket = self.server.bucket()
        self.put(f"s3://{bucket}/data", b"as it was")
        (entry,) = self.add(session, f"s3://{bucket}/data")
        assert entry.version_id is None
        self.server.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.put(f"s3://{bucket}/data", b"as it is now")
        assert self.fetched(session, entry, tmp_path) == b"as it was"

    def test_an_expired_version_is_replaced_by_the_same_content_only(
        self, session: Session, prefix: str, tmp_path: Path
    ) -> None:
        self.put(prefix + "data", b"as it was")
        (entry,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"as it was")
        self.server.client.delete_object(**self.where(prefix + "data"), VersionId=entry.version_id)
        assert self.fetched(session, entry, tmp_path) == b"as it was"
        self.put(prefix + "data", b"as it is now")
        with pytest.raises(ReferenceChanged, match=rf"expected.*{entry.version_id}.*found"):
            self.fetched(session, entry, tmp_path)

    def test_with_many_old_versions_the_listing_continues_without_them(
        self, session: Session, prefix: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("a", "b", "c"):
            for number in range(40):
                self.put(prefix + "many/" + name, str(number).encode())
        monkeypatch.setattr(artstore_drivers.s3, "PAGE", 15)
        monkeypatch.setattr(artstore_drivers.s3, "MANY_PAGES", 2)
        entries = self.add(session, prefix + "many")
        assert [(entry.path, entry.version_id is None) for entry in entries] == [("a", False), ("b", True), ("c", True)]
        assert all(entry.etag for entry in entries)
        assert "etags only" in caplog.text


def references_of(uri: str, options: dict[str, Any], **more: Any) -> list[Entry]:
    with Session(options) as session:
        return list(session.references(uri, **more))


def test_thousands_of_versioned_objects_are_a_request_for_each_thousand(seaweed: S3Server) -> None:
    bucket = asyncio.run(fill_bucket(seaweed, [f"many/{number:05}" for number in range(2_500)]))
    asked: list[str] = []
    with Session(seaweed.options) as session:
        list(session.references(f"s3://{bucket}/many/00000"))
        driver: Any = session.driver(f"s3://{bucket}/many")
        driver._system().s3.meta.events.register(
            "before-call.s3", lambda model, **_: asked.append(model.name), unique_id="count"
        )
        entries = list(session.references(f"s3://{bucket}/many"))
        assert len(entries) == 2_500 and all(entry.version_id for entry in entries)
        assert [entry.path for entry in entries] == [f"{number:05}" for number in range(2_500)]
        assert asked.count("HeadObject") == 1 and len(asked) <= 5
        with pytest.raises(TooManyObjects, match=r"2,499.*many.*max_objects="):
            list(session.references(f"s3://{bucket}/many", max_objects=2_499))


def test_without_the_right_to_list_versions_etags_pin_objects(seaweed: S3Server) -> None:
    bucket = seaweed.bucket(versioned=True)
    seaweed.client.put_object(Bucket=bucket, Key="folder/x", Body=b"x")
    statements = [
        {"Effect": effect, "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}{below}"}
        for effect, action, below in (
            ("Deny", "s3:ListBucketVersions", ""),
            ("Allow", "s3:ListBucket", ""),
            ("Allow", "s3:GetObject", "/*"),
        )
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    seaweed.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    anonymous = {"anon": True, "endpoint_url": seaweed.url}
    for options in (seaweed.options, anonymous):
        (entry,) = references_of(f"s3://{bucket}/folder", options)
        assert (entry.version_id, entry.etag) == (None, "9dd4e461268c8034f5c8564e155c67a6")
    with Session(anonymous) as session:
        assert session.read(entry) == b"x"


@pytest.mark.parametrize("versioned", [False, True])
def test_a_multipart_object_has_the_same_etag_in_listings_and_downloads(
    seaweed: S3Server, tmp_path: Path, versioned: bool
) -> None:
    bucket, data = seaweed.bucket(versioned=versioned), os.urandom(9 << 20)
    seaweed.client.put_object(Bucket=bucket, Key="folder/large", Body=data)
    with Session(seaweed.options) as session:
        (entry,) = session.references(f"s3://{bucket}/folder")
        session.fetch_to(entry, tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == data


def test_the_bytes_of_a_gzip_encoded_object_are_written_as_they_are_stored(seaweed: S3Server, tmp_path: Path) -> None:
    bucket, stored = seaweed.bucket(), gzip.compress(b"table")
    seaweed.client.put_object(Bucket=bucket, Key="table.csv", Body=stored, ContentEncoding="gzip")
    assert seaweed.client.head_object(Bucket=bucket, Key="table.csv")["ContentEncoding"] == "gzip"
    with Session(seaweed.options) as session:
        [entry] = session.references(f"s3://{bucket}/table.csv")
        session.fetch_to(entry, tmp_path / "table")
    assert entry.size == len(stored)
    assert (tmp_path / "table").read_bytes() == stored


def test_a_multipart_object_arrives_whole(seaweed: S3Server, tmp_path: Path) -> None:
    """Its etag is not a digest of its content."""
    bucket, parts = seaweed.bucket(), [os.urandom(5 << 20), os.urandom(1 << 20)]
    upload = {"Bucket": bucket, "Key": "large"}
    upload["UploadId"] = seaweed.client.create_multipart_upload(**upload)["UploadId"]
    done = [
        {"PartNumber": number, "ETag": seaweed.client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    seaweed.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    with Session(seaweed.options) as session:
        (entry,) = session.references(f"s3://{bucket}/large")
        assert entry.etag is not None and entry.etag.endswith("-2")
        session.fetch_to(entry, tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == b"".join(parts)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    yield


@pytest.mark.parametrize("name", ["x", "folder/"])
def test_wrong_credentials_are_an_error_that_does_not_show_them(seaweed: S3Server, name: str) -> None:
    bucket = seaweed.bucket()
    for wrong in ({"secret": "WR0NG"}, {"key": "WR0NG"}):
        with pytest.raises(AccessDenied, match="redentials") as caught:
            references_of(f"s3://{bucket}/{name}", {**seaweed.options, **wrong})
        assert "WR0NG" not in str(caught.value) and seaweed.secret not in str(caught.value)


def test_a_missing_bucket_is_named(seaweed: S3Server) -> None:
    for uri in ("s3://nowhere", "s3://nowhere/x", "s3://nowhere/x/"):
        with pytest.raises(ReferenceGone, match="the bucket 'nowhere' does not exist"):
            references_of(uri, seaweed.options)


@pytest.mark.usefixtures("no_pauses")
def test_an_unreachable_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"key": "K", "secret": "S3CRET", "endpoint_url": f"http://127.0.0.1:{servers.free_port()}"}
    for uri in ("s3://bucket/x", "s3://bucket/x/"):
        with pytest.raises(Unreachable, match="endpoint") as caught:
            references_of(uri, options)
        assert "S3CRET" not in str(caught.value)


def test_missing_credentials_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
        references_of("s3://bucket/x", {"endpoint_url": f"http://127.0.0.1:{servers.free_port()}"})


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("s3:///x", InvalidUri),
        ("s3:x", InvalidUri),
        ("s3://B+d!/x", InvalidUri),
        ("s3://S3CRET@bucket/x", SecretInUri),
        ("s3://K:S3CRET@b/x", SecretInUri),
    ],
)
def test_a_uri_without_a_bucket_is_refused(seaweed: S3Server, uri: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        references_of(uri, seaweed.options)
    assert "S3CRET" not in str(caught.value)


class StubbornS3:
    """An S3 server that ignores versions and conditions of requests."""

    def __init__(self) -> None:
        self.data = b"as it was"
        self.status, self.code = 200, ""
        self.seen: list[web.BaseRequest] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer any request."""
        self.seen.append(request)
        if self.status != 200:
            text = f"<Error><Code>{self.code}</Code><Message>expecting {escape('mars-1')}</Message></Error>"
            return web.Response(status=self.status, text="" if request.method == "HEAD" else text)
        if "versions" in request.query or "versioning" in request.query:
            return web.Response(status=405)
        if "list-type" in request.query:
            rows = f'<Contents><Key>f/x</Key><Size>{len(self.data)}</Size><ETag>"{self.etag}"</ETag></Contents>'
            return web.Response(text=f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>")
        return web.Response(body=self.data, headers={"ETag": f'"{self.etag}"', "x-amz-version-id": "v1"})

    @property
    def etag(self) -> str:
        """The etag of the current object."""
        return f"{hash(self.data):x}"


@pytest.fixture
def stubborn_server() -> Iterator[tuple[StubbornS3, dict[str, Any]]]:
    server = StubbornS3()
    with servers.web_server(server.handle) as url:
        yield server, {"key": "K", "secret": "S3CRET", "endpoint_url": url}


def test_a_server_that_ignores_versions_and_conditions_is_detected(
    stubborn_server: tuple[StubbornS3, dict[str, Any]], tmp_path: Path
) -> None:
    server, options = stubborn_server
    with Session(options) as session:
        pins = [*session.references("s3://b/f/x"), *session.references("s3://b/f/")]
        assert [pin.version_id for pin in pins] == ["v1", None]
        assert session.read(pins[0]) == session.read(pins[1]) == b"as it was"
        server.data = b"as it is "
        for pin in [*pins, pins[0]._replace(etag=None, version_id="v0")]:
            with pytest.raises(ReferenceChanged):
                session.fetch_to(pin, tmp_path / "x")
            with pytest.raises(ReferenceChanged):
                session.read(pin, 2, 3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("status", "code", "error", "message"),
    [
        (400, "AuthorizationHeaderMalformed", BadReply, "AWS_REGION"),
        (301, "PermanentRedirect", BadReply, "region"),
        (403, "InvalidAccessKeyId", AccessDenied, "mars-1"),
        (403, "SignatureDoesNotMatch", AccessDenied, "redentials"),
        (503, "SlowDown", Unreachable, "later"),
        (500, "InternalError", Unreachable, "later"),
        (418, "Teapot", BadReply, "Teapot"),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_errors_include_the_answer_of_the_server(
    stubborn_server: tuple[StubbornS3, dict[str, Any]], status: int, code: str, error: type[ArtstoreError], message: str
) -> None:
    server, options = stubborn_server
    server.status, server.code = status, code
    for uri in ("s3://b/f/x", "s3://b/f/"):
        with pytest.raises(error, match=message) as caught:
            references_of(uri, options)
        assert "S3CRET" not in str(caught.value)


@dataclass
class DistantS3:
    """An S3 server that sends every request to the region of its bucket, unless it is signed for that already."""

    status: int
    regions: Callable[[], str | None]
    """Return the region that the next reply names."""
    own: str | None = None
    element: str = ""
    """What the text of a reply has besides."""
    sent_away: list[str] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer any request."""
        if self.own is not None and f"/{self.own}/s3/" in request.headers["Authorization"]:
            return await StubbornS3().handle(request)
        self.sent_away.append(f"{request.method} {request.path_qs}")
        region = self.regions()
        code = {301: "PermanentRedirect", 307: "TemporaryRedirect", 400: "AuthorizationHeaderMalformed"}[self.status]
        element = self.element if region is None else f"<Region>{escape(region)}</Region>"
        text = f"<Error><Code>{code}</Code><Message>it is elsewhere</Message>{element}<Bucket>bucket</Bucket></Error>"
        named = {} if region is None else {"x-amz-bucket-region": region}
        return web.Response(status=self.status, headers=named, text="" if request.method == "HEAD" else text)


def next_of(regions: Iterable[str | None]) -> Callable[[], str | None]:
    """Return a function that returns these regions one after the other, again and again."""
    waiting = cycle(regions)
    return lambda: next(waiting)


@pytest.mark.parametrize("status", [301, 307, 400])
@pytest.mark.parametrize(
    ("regions", "setting"),
    [
        (["mars-1"], "AWS_REGION=mars-1, .*'region_name': 'mars-1'"),
        (["mars-1", "venus-2"], "AWS_REGION=(mars-1|venus-2), "),
        ([None], "AWS_REGION, "),
        (["us-east-1"], "AWS_REGION=us-east-1, .*check the endpoint"),
        (["x@evil.example/?S3CRET"], "cannot be one. Set AWS_REGION, "),
        (["mars-1", "x@evil.example/?S3CRET"], "elsewhere. Set AWS_REGION, "),
    ],
    ids=["another", "back and forth", "none", "the same", "no region", "no region at last"],
)
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.timeout(60)
def test_a_bucket_that_is_always_in_another_region_is_an_error_after_a_few_requests(
    status: int, regions: list[str | None], setting: str, tmp_path: Path
) -> None:
    """botocore asks for the region of a bucket to find the region of that bucket, until the stack is full."""
    server = DistantS3(status, next_of(regions))
    pinned = RemoteObject("s3://bucket/f/x", "x", 4, "abc").entry("x")
    with servers.web_server(server.answer) as url, Session({"key": "K", "secret": "S", "endpoint_url": url}) as session:
        for use in (
            lambda: list(session.references("s3://bucket/f/x")),
            lambda: list(session.references("s3://bucket/f/")),
            lambda: session.stat(pinned),
            lambda: session.fetch_to(pinned, tmp_path / "x"),
        ):
            server.sent_away.clear()
            with pytest.raises(BadReply, match=rf"'s3://bucket/f/x?' is in another region.*{setting}") as caught:
                use()
            assert len(server.sent_away) <= 20 and "S3CRET" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_two_regions_in_one_reply_are_none() -> None:
    server = DistantS3(301, lambda: None, element="<Region>mars-1</Region><Region>venus-2</Region>")
    with servers.web_server(server.answer) as url:
        for uri in ("s3://bucket/f/x", "s3://bucket/f/"):
            with pytest.raises(BadReply, match="Set AWS_REGION, "):
                references_of(uri, {"key": "K", "secret": "S", "endpoint_url": url})


@pytest.mark.parametrize("status", [301, 400])
def test_a_bucket_in_another_region_is_read_there(status: int, tmp_path: Path) -> None:
    server = DistantS3(status, lambda: "mars-1", own="mars-1")
    with servers.web_server(server.answer) as url, Session({"key": "K", "secret": "S", "endpoint_url": url}) as session:
        for uri in ("s3://bucket/f/x", "s3://bucket/f/"):
            (entry,) = session.references(uri)
            session.fetch_to(entry, tmp_path / "x")
            assert (tmp_path / "x").read_bytes() == b"as it was"
        assert session.stat(entry).etag == entry.etag
    assert server.sent_away == ["HEAD /bucket/f/x"]


@pytest.mark.usefixtures("no_pauses")
def test_a_silent_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    monkeypatch.setattr(artstore_drivers.s3, "ANSWER", 0.2)
    with servers.web_server(silence) as url, pytest.raises(Unreachable):
        references_of("s3://b/f/x", {"key": "K", "secret": "S", "endpoint_url": url})


def test_settings_reach_the_server(
    stubborn_server: tuple[StubbornS3, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The region from the environment, requester pays, anonymous access, and the settings of fsspec."""
    server, options = stubborn_server
    monkeypatch.setenv("AWS_REGION", "mars-1")
    with Session({**options, "requester_pays": True}) as session:
        (entry,) = session.references("s3://b/f/")
        session.stat(entry)
        session.read(entry)
    assert len(server.seen) == 5
    for request in server.seen:
        assert "/mars-1/s3/" in request.headers["Authorization"]
        # The request for a bucket's versioning has no requester-pays option.
        assert "versioning" in request.query or request.headers["x-amz-request-payer"] == "requester"
    server.seen.clear()
    references_of("s3://b/f/x", {**options, "client_kwargs": {"region_name": "venus-2"}})
    assert "/venus-2/s3/" in server.seen[0].headers["Authorization"]
    server.seen.clear()
    monkeypatch.setitem(conf, "s3", {"anon": True, "endpoint_url": options["endpoint_url"]})
    references_of("s3://b/f/x", {})
    assert "Authorization" not in server.seen[0].headers


def test_a_server_that_denies_head_is_asked_with_get(stubborn_server: tuple[StubbornS3, dict[str, Any]]) -> None:
    server, options = stubborn_server
    answer = server.handle

    async def headless(request: web.BaseRequest) -> web.Response:
        return web.Response(status=405) if request.method == "HEAD" else await answer(request)

    with servers.web_server(headless) as url:
        (entry,) = references_of("s3://b/f/x", {**options, "endpoint_url": url})
    assert RemoteObject.of(entry).size == 9


@pytest.mark.parametrize("way", ["storage_options", "environment"])
def test_an_unknown_option_of_s3fs_is_named(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"endpont_url": "http://S3CRET"}
    if way == "environment":
        monkeypatch.setitem(conf, "s3", options)
        options = {}
    with pytest.raises(InvalidInput, match=r"'endpont_url'.*storage_options.*FSSPEC_S3_") as caught:
        references_of("s3://bucket/x", options)
    assert "S3CRET" not in str(caught.value)
