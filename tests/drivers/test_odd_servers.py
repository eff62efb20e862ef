"""Servers that refuse HEAD, ranges or listings, and options of a wrong type: what can be read is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry
from artstore.drivers import RemoteObject, fetching
from artstore.drivers.session import Session
from artstore.errors import AccessDenied, InvalidInput, InvalidUri, ReferenceGone
from artstore.testing import SHA256
from tests.support import servers
from tests.support.servers import GsServer, S3Server

CONTENT = b"content"


def added(uri: str, options: dict[str, Any] | None = None, checksum: Algorithm | None = SHA256) -> list[Entry]:
    with Session(options) as session:
        return list(session.references(uri, checksum=checksum))


def fetched(entry: Entry, path: Path, options: dict[str, Any] | None = None) -> bytes:
    with Session(options) as session:
        session.fetch_to(entry, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def odd_server() -> Iterator[str]:
    """A web server that answers HEAD and ranges as the first part of the path says: `/head-500/`, `/range-400/`."""

    async def answer(request: web.BaseRequest) -> web.Response:
        request_kind, _, status = request.path.split("/")[1].partition("-")
        content = b"" if request.path.endswith("/empty") else CONTENT
        headers = {"ETag": f'"{len(content)}"'}
        if request.method == "HEAD":
            if request_kind == "length":
                return web.Response(headers={**headers, "Content-Length": "0"})
            return web.Response(status=405 if request_kind == "range" else int(status))
        if request_kind == "range" and "Range" in request.headers:
            return web.Response(status=int(status))
        return web.Response(body=content, headers=headers)

    with servers.web_server(answer) as url:
        yield url


@pytest.mark.parametrize(
    "path", ["head-500", "head-401", "head-204", "length-0", "range-400", "range-416", "range-501"]
)
@pytest.mark.parametrize("name", ["x", "empty"])
def test_a_reply_to_get_decides_where_head_or_ranges_are_refused(
    path: str, name: str, odd_server: str, tmp_path: Path
) -> None:
    (entry,) = added(f"{odd_server}/{path}/{name}")
    content = b"" if name == "empty" else CONTENT
    assert (entry.etag, entry.size) == (str(len(content)), len(content))
    assert fetched(entry, tmp_path / "fetched") == content
    with Session() as session:
        assert session.stat(entry).etag == entry.etag


@pytest.mark.parametrize("status", [400, 416, 501])
def test_a_large_object_is_read_as_a_whole_where_ranges_are_refused(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 3)

    async def answer(request: web.BaseRequest) -> web.Response:
        if "Range" in request.headers:
            return web.Response(status=status)
        return web.Response(body=CONTENT, headers={"ETag": '"1"'})

    with servers.web_server(answer) as url:
        (entry,) = added(f"{url}/x")
        assert fetched(entry, tmp_path / "fetched") == CONTENT
        with Session() as session:
            assert session.read(entry, 2, 5) == CONTENT[2:5]


def test_a_query_without_a_path_is_not_a_folder(odd_server: str) -> None:
    with Session() as session:
        (entry,) = session.references(f"{odd_server.replace('127.0.0.1', 'localhost')}?id=7", name="seven")
    assert entry.size == len(CONTENT)


@pytest.mark.parametrize("host", [".", "a..b", "x" * 70])
def test_a_host_that_is_not_a_name_is_an_invalid_address(host: str) -> None:
    with pytest.raises(InvalidUri, match="not a valid web address"):
        added(f"http://{host}/x")


@pytest.mark.parametrize("scheme", ["s3", "gs", "http", "memory", "file", "unknown"])
def test_a_uri_that_is_not_utf_8_is_refused(scheme: str) -> None:
    with Session() as session, pytest.raises(InvalidUri, match="not UTF-8"):
        list(session.references(f"{scheme}://host/\udcff", name="x"))


def test_the_root_of_all_files_is_a_folder() -> None:
    # It is not read: it may hold anything.
    with Session() as session:
        parsed = session.parse("file:///")
    assert parsed is not None and parsed.target.uri == "file:///"


def policy(bucket: str, effect: str, actions: list[str], keys: str = "*") -> str:
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{keys}"]
    statement = {"Effect": effect, "Principal": "*", "Action": actions, "Resource": where}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_prefix_is_found_by_who_may_not_ask_for_an_object_of_that_name(seaweed: S3Server, tmp_path: Path) -> None:
    bucket, anonymous = seaweed.bucket(), {"anon": True, "endpoint_url": seaweed.url}
    for key in ("images/cat", "private"):
        seaweed.client.put_object(Bucket=bucket, Key=key, Body=CONTENT)
    allowed = policy(bucket, "Allow", ["s3:ListBucket", "s3:GetObject"], "images/*")
    seaweed.client.put_bucket_policy(Bucket=bucket, Policy=allowed)
    (entry,) = added(f"s3://{bucket}/images", anonymous)
    assert entry.path == "cat" and fetched(entry, tmp_path / "cat", anonymous) == CONTENT
    for name in ("private", "nothing"):
        with pytest.raises(AccessDenied, match=f"{bucket}/{name}' may not be read"):
            added(f"s3://{bucket}/{name}", anonymous)


def test_an_explicit_null_version_is_that_version(moto: S3Server, tmp_path: Path) -> None:
    """An object from before a bucket kept versions has the version "null", which stays when a newer one is put."""
    bucket = moto.bucket()
    moto.client.put_object(Bucket=bucket, Key="old", Body=CONTENT)
    moto.bucket(versioned=True, name=bucket)
    (asked,), (looked,) = (
        added(f"s3://{bucket}/old?versionId=null", moto.options),
        added(f"s3://{bucket}/old", moto.options),
    )
    assert (asked.version_id, looked.version_id) == ("null", None)
    unpinned = RemoteObject(f"s3://{bucket}/old", "old", version="null").entry("old")
    moto.client.put_object(Bucket=bucket, Key="old", Body=b"newer")
    for entry in (asked, looked, unpinned):
        assert fetched(entry, tmp_path / "old", moto.options) == CONTENT
    with Session(moto.options) as session:
        assert session.stat(asked, version="null").etag == asked.etag
        assert session.stat(looked).etag != looked.etag
    moto.client.delete_object(Bucket=bucket, Key="old", VersionId="null")
    with Session(moto.options) as session, pytest.raises(ReferenceGone):
        session.stat(asked, version="null")


@pytest.mark.parametrize("key", ["report#12345678901234567890", "report#٣"])
def test_what_is_not_a_generation_belongs_to_the_key(key: str, fake_gcs: GsServer, tmp_path: Path) -> None:
    bucket = fake_gcs.bucket()
    fake_gcs.put(bucket, key, CONTENT)
    (entry,) = added(f"gs://{bucket}/{key}", fake_gcs.options)
    assert entry.uri == f"gs://{bucket}/{key}" and fetched(entry, tmp_path / "x", fake_gcs.options) == CONTENT


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        *(("s3://b/k", {name: 3}) for name in ("token", "session", "client_kwargs", "config_kwargs", "endpoint_url")),
        ("s3://b/k", {"key": 1, "secret": 2}),
        ("s3://b/k", {"config_kwargs": {"signature_version": 5}}),
        ("s3://b/k", {"key": "a", "secret": "b", "username": "c"}),
        ("s3://b/k", {"max_concurrency": 0}),
        ("gs://b/k", {"session_kwargs": 3}),
        *(("http://localhost/x", {"headers": headers}) for headers in (5, {"a": 1}, {1: "a"})),
        ("http://localhost/x", {"client_kwargs": {"headers": 3}}),
        ("http://localhost/x", {"client_kwargs": 3}),
    ],
)
def test_options_of_a_wrong_type_are_refused(uri: str, options: dict[str, Any], moto: S3Server) -> None:
    given = {**moto.options, **options} if uri.startswith("s3") else options
    with pytest.raises(InvalidInput, match=r"cannot be set up: .* Check storage_options"):
        added(uri, given)
