"""Servers that lie: nothing is requested without end, written without limit, sent to others, or raised as it came."""

from __future__ import annotations

import gzip
import json
import os
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import artstore
import artstore_drivers.gs
import artstore_drivers.s3
from artstore.checkout import target_folder
from artstore.core.manifest import Entry, Kind
from artstore.drivers import fetching, retrying
from artstore.drivers.remote_object import format_bytes
from artstore.drivers.session import Session
from artstore.errors import ArtstoreError, BadReply, InvalidUri, ReferenceChanged, ReferenceGone, TooManyObjects
from artstore.testing import SHA256
from tests.support import servers
from tests.support.programs import run_script
from tests.support.servers import GsServer

Handler = Callable[[web.BaseRequest], Any]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))


def added(url: str, **options: Any) -> Entry:
    with Session(options) as session:
        (entry,) = session.references(url, checksum=SHA256)
    return entry


def fetched(entry: Entry, folder: Path, **options: Any) -> bytes:
    with Session(options) as session:
        session.fetch_to(entry, folder / "fetched")
    return (folder / "fetched").read_bytes()


def headers(**more: str) -> dict[str, str]:
    return {"ETag": '"abc"', **{name.replace("_", "-"): value for name, value in more.items()}}


def test_another_part_than_the_requested_one_is_not_requested_again(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.method)
        if request.method == "HEAD":
            return web.Response(body=b"hello", headers=headers())
        return web.Response(status=206, body=b"llo", headers=headers(Content_Range="bytes 2-4/5"))

    with servers.web_server(answer) as url:
        entry = added(f"{url}/x")
        with pytest.raises(BadReply, match="another part"):
            fetched(entry, tmp_path)
        with Session() as session, pytest.raises(BadReply, match="another part"):
            session.read(entry, 1, 2)
        with Session() as session, pytest.raises(BadReply, match="another part"):
            list(session.stream(entry))
    assert len(asked) < 8 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [5, 50_000])
def test_more_bytes_than_pinned_are_not_written(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PART", 10_000)
    sent: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(body=bytes(size), headers=headers())
        part = request.http_range
        start = part.start or 0
        given = (
            headers(Content_Range=f"bytes {start}-{(part.stop or size) - 1}/{size}")
            if "Range" in request.headers
            else headers()
        )
        reply = web.StreamResponse(status=206 if "Range" in request.headers else 200, headers=given)
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        for _ in range(10_000):
            try:
                await reply.write(bytes(100_000))
            except ConnectionError:
                break
            sent.append(100_000)
        return reply

    with servers.web_server(answer) as url:
        entry = added(f"{url}/x")
        path = tmp_path / "fetched"
        with path.open("w+b") as file, Session() as session:
            if size < 2 * fetching.PART:
                with pytest.raises(ReferenceChanged, match="more than 5 bytes"):
                    session.fetch(entry, file.fileno())
            else:
                # Of each part, what was requested is taken.
                session.fetch(entry, file.fileno())
        assert path.stat().st_size <= size
        with Session() as session, pytest.raises(ReferenceChanged, match="more than"):
            list(session.stream(entry))
        with Session() as session:
            assert session.read(entry, 0, 3) == bytes(3)
    assert sum(sent) < 500_000_000


@dataclass
class EndlessBucket:
    """The object `f/x` of a server of S3 or of Google, which says its size and then sends bytes without end."""

    scheme: str
    size: int
    sent: int = 0

    def options(self, url: str) -> dict[str, Any]:
        """Return the storage options for this server."""
        return {"endpoint_url": url, **({"key": "K", "secret": "S"} if self.scheme == "s3" else {"token": "anon"})}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Describe the object, or send it."""
        if self.scheme == "gs" and not request.path.startswith("/download/"):
            return web.json_response({"name": "f/x", "size": str(self.size), "generation": "1"})
        if request.method == "HEAD":
            return web.Response(body=bytes(self.size), headers=headers())
        reply = web.StreamResponse(headers=headers(X_Goog_Generation="1"))
        if "Range" in request.headers:
            part = request.http_range
            reply.set_status(206)
            reply.headers["Content-Range"] = f"bytes {part.start}-{(part.stop or self.size) - 1}/{self.size}"
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        with suppress(ConnectionError):
            while True:
                await reply.write(bytes(10_000))
                self.sent += 10_000
        return reply


@pytest.mark.parametrize("scheme", ["s3", "gs"])
@pytest.mark.parametrize("size", [5, 50_000], ids=["whole", "in parts"])
@pytest.mark.timeout(60)
def test_a_body_without_end_is_written_up_to_the_pinned_size(
    scheme: str, size: int, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 10_000)
    server, uri = EndlessBucket(scheme, size), f"{scheme}://bucket/f/x"
    with servers.web_server(server.answer) as url, artstore.init(store=workspace / "store") as run:
        options = server.options(url)
        artifact = artstore.Artifact("endless", "dataset")
        artifact.add_reference(uri, storage_options=options)
        version = run.log_artifact(artifact).wait()
        before = set(workspace.rglob("*"))
        for nameless in (target_folder._NAMELESS, 0):
            # 0: where files have names while they are written.
            monkeypatch.setattr(target_folder, "_NAMELESS", nameless)
            with pytest.raises(ReferenceChanged, match=f"'x' of endless:v0: .*{uri}.*more than {format_bytes(size)}"):
                version.download("out", storage_options=options)
        with pytest.raises(ReferenceChanged, match=f"{uri}.*more than"):
            version.materialize(storage_options=options)
        assert [path for path in set(workspace.rglob("*")) - before if path.is_file()] == []
        assert run.store.usage().content_bytes == 0
        entry = added(uri, **options)
        with (workspace / "fetched").open("w+b") as file, Session(options) as session:
            with pytest.raises(ReferenceChanged, match="more than"):
                session.fetch(entry, file.fileno())
            assert os.path.getsize(file.fileno()) <= size
            with pytest.raises(ReferenceChanged, match="more than"):
                list(session.stream(entry))
            assert session.read(entry, 0, 3) == bytes(3)
    # The buffers of the connections hold a few MB each: 18 MB were sent.
    assert server.sent < 100_000_000


@dataclass
class EndlessListing:
    """A server of S3, with versions or without, or of Google, whose listing has another page after each."""

    kind: str
    tokens: str
    rows: str
    pages: int = 0

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Send the next page."""
        if "versioning" in request.query:
            status = "<Status>Enabled</Status>" * (self.kind == "s3-versioned")
            return web.Response(text=f"<VersioningConfiguration>{status}</VersioningConfiguration>")
        self.pages += 1
        token = {"same": "t", "alternating": f"t{self.pages % 2}", "new": f"t{self.pages}"}[self.tokens]
        keys = {
            "no objects": [],
            "objects": [f"f/{self.pages:06}-{number:03}" for number in range(100)],
            "folders": [f"f/{self.pages:06}-{number:03}/" for number in range(100)],
            "itself": ["f/"],
        }[self.rows]
        if self.kind == "gs":
            items = [{"name": key, "size": "0", "generation": "1"} for key in keys]
            return web.json_response({"items": items, "nextPageToken": token})
        row = "<Key>{}</Key><Size>0</Size><ETag>abc</ETag><VersionId>1</VersionId><IsLatest>true</IsLatest>"
        if self.kind == "s3-versioned":
            after, name = f"<NextKeyMarker>{token}</NextKeyMarker>", "Version"
        else:
            after, name = f"<NextContinuationToken>{token}</NextContinuationToken>", "Contents"
        rows = "".join(f"<{name}>{row.format(key)}</{name}>" for key in keys)
        return web.Response(text=f"<List><IsTruncated>true</IsTruncated>{after}{rows}</List>")


@pytest.mark.parametrize("kind", ["s3", "s3-versioned", "gs"])
@pytest.mark.parametrize(
    ("tokens", "rows", "error", "pages"),
    [
        ("same", "no objects", BadReply, 2),
        ("same", "objects", BadReply, 2),
        ("alternating", "no objects", BadReply, 21),
        ("alternating", "objects", TooManyObjects, 11),
        ("new", "no objects", BadReply, 21),
        ("new", "objects", TooManyObjects, 11),
        ("new", "folders", TooManyObjects, 101),
        ("new", "itself", BadReply, 2),
    ],
)
@pytest.mark.timeout(60)
def test_a_listing_without_end_ends_in_an_error(
    kind: str, tokens: str, rows: str, error: type[ArtstoreError], pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artstore_drivers.s3, "MOST_EMPTY_PAGES", 20)
    monkeypatch.setattr(artstore_drivers.gs, "MOST_EMPTY_PAGES", 20)
    server, scheme = EndlessListing(kind, tokens, rows), kind[:2]
    with servers.web_server(server.answer) as url:
        artifact = artstore.Artifact("endless", "dataset")
        options = {"endpoint_url": url, **({"key": "K", "secret": "S"} if scheme == "s3" else {"token": "anon"})}
        with pytest.raises(error, match=f"{scheme}://bucket/f/"):
            artifact.add_reference(f"{scheme}://bucket/f/", max_objects=1000, storage_options=options)
    assert server.pages <= pages and len(artifact.manifest) == 0


@pytest.fixture
def two_servers() -> Iterator[tuple[str, str, list[dict[str, str]], list[dict[str, str]]]]:
    """A server that redirects `/away` to another one and `/near` to itself, and the headers that each got."""
    first: list[dict[str, str]] = []
    second: list[dict[str, str]] = []

    async def answer_other(request: web.BaseRequest) -> web.Response:
        second.append(dict(request.headers))
        return web.Response(body=b"data", headers=headers())

    with servers.web_server(answer_other) as other:

        async def answer(request: web.BaseRequest) -> web.Response:
            first.append(dict(request.headers))
            if request.path in ("/away", "/near"):
                target = f"{other}/there" if request.path == "/away" else "/here"
                return web.Response(status=302, headers={"Location": target})
            return web.Response(body=b"data", headers=headers())

        with servers.web_server(answer) as url:
            yield url, other, first, second


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-Api-Key": "S3CRET"}},
        {"client_kwargs": {"headers": {"X-Api-Key": "S3CRET"}}},
        {"headers": {"Authorization": "Basic bWU6UzNDUkVU"}},
        {"client_kwargs": {"cookies": {"id": "S3CRET"}}},
    ],
)
def test_headers_cookies_and_credentials_stay_with_the_server_they_are_for(
    options: dict[str, Any], two_servers: tuple[str, str, list[dict[str, str]], list[dict[str, str]]], tmp_path: Path
) -> None:
    url, _, first, second = two_servers
    plain = {"Host", "Accept", "Accept-Encoding", "User-Agent", "If-Match", "Range"}
    assert fetched(added(f"{url}/away", **options), tmp_path, **options) == b"data"
    assert second and not [name for seen in second for name in seen if name not in plain]
    assert all(set(seen) - plain for seen in first)
    first.clear()
    assert fetched(added(f"{url}/near", **options), tmp_path, **options) == b"data"
    assert len(first) == 4 and all(set(seen) - plain for seen in first)


@pytest.mark.parametrize("target", ["ftp://host/x", "file:///etc/passwd", "http://[bad/S3CRET", "//", "http://"])
def test_a_redirect_to_what_is_not_http_is_refused(target: str) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    with servers.web_server(answer) as url, pytest.raises(ArtstoreError, match="redirects") as caught:
        added(f"{url}/x")
    assert "S3CRET" not in str(caught.value)


@contextmanager
def raw_server(replies: Callable[[bytes], bytes], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server that answers a request, given as its bytes, with any bytes, and closes the connection."""

    class Handle(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            connection = self.request
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                request = b""
                while b"\r\n\r\n" not in request and (data := connection.recv(1 << 16)):
                    request += data
                if request:
                    connection.sendall(replies(request))
            except OSError:
                return
            finally:
                connection.close()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Handle) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


ADD = """
import sys
from artstore.drivers.session import Session
with Session() as session:
    print(*session.references(sys.argv[1]))
"""


def test_https_is_not_left_for_http(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with raw_server(lambda _: b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "a"\r\n\r\ndata') as plain:
        reply = f"HTTP/1.1 302 Found\r\nLocation: {plain}/x?token=S3CRET\r\nContent-Length: 0\r\n\r\n".encode()
        with raw_server(lambda _: reply, context) as url:
            done = run_script(ADD, f"{url}/x", environment={"SSL_CERT_FILE": str(certificate)})
    assert "BadReply" in done.stderr and "redirects from https to http" in done.stderr, done.stderr
    assert "S3CRET" not in done.stderr


# Content-Encoding


@contextmanager
def encoding_server(stored: bytes, encoding: str, etag: str | None = '"abc"') -> Iterator[str]:
    """Run a server that sends content with a Content-Encoding, whatever was requested."""

    async def answer(request: web.BaseRequest) -> web.Response:
        given = {"Content-Encoding": encoding, **({} if etag is None else {"ETag": etag})}
        part = request.http_range
        if part.start is None:
            return web.Response(body=stored, headers=given)
        stop = min(part.stop or len(stored), len(stored))
        given["Content-Range"] = f"bytes {part.start}-{stop - 1}/{len(stored)}"
        return web.Response(status=206, body=stored[part.start : stop], headers=given)

    with servers.web_server(answer) as url:
        yield url


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
@pytest.mark.parametrize("etag", ['"abc"', None])
@pytest.mark.parametrize("size", [0, 1000, 50_000])
def test_gzip_is_undone_while_writing_and_the_stored_bytes_are_pinned(
    encoding: str, etag: str | None, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 10_000)
    data = os.urandom(size) * 3
    stored = gzip.compress(data[:size]) + gzip.compress(data[size:]) + bytes(3)
    with encoding_server(stored, encoding, etag) as url:
        entry = added(f"{url}/table.csv")
        assert entry.size == len(stored)
        assert entry.digest == (SHA256.digest(stored) if etag is None else None)
        assert fetched(entry, tmp_path) == data
        with Session() as session:
            assert session.read(entry, 3, 9) == stored[3:9]
            assert b"".join(session.stream(entry)) == stored
        if etag is None:
            with pytest.raises(ReferenceChanged):
                fetched(entry._replace(digest=SHA256.digest(b"other")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fetched"]


@pytest.mark.parametrize("name", ["table.csv.gz?v=1", "table.TGZ", "table.gzip"])
def test_a_file_that_is_gzip_itself_stays_as_it_is(name: str, tmp_path: Path) -> None:
    """Some servers call the format of `.tar.gz` files an encoding."""
    stored = gzip.compress(b"table")
    with encoding_server(stored, "gzip") as url:
        assert fetched(added(f"{url}/{name}"), tmp_path) == stored


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "S3CRET/1"])
def test_other_encodings_are_refused_with_that_reason(encoding: str) -> None:
    with encoding_server(b"stored", encoding) as url, pytest.raises(BadReply, match="Content-Encoding"):
        added(f"{url}/table.csv")


@pytest.mark.parametrize(
    ("stored", "message"),
    [(b"not gzip", "is not gzip"), (gzip.compress(b"x" * 1000)[:-9], "cut off"), (b"\x1f\x8b", "cut off")],
    # Without the content in it: gzip writes the time, and workers must see the same names.
    ids=["text", "cut short", "magic alone"],
)
def test_what_is_not_gzip_is_said(stored: bytes, message: str, tmp_path: Path) -> None:
    with encoding_server(stored, "gzip") as url:
        entry = added(f"{url}/table.csv")
        with pytest.raises(BadReply, match=message):
            fetched(entry, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1_000, 50_000])
def test_gzip_of_google_is_undone_while_writing(
    size: int, fake_gcs: GsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 1000)
    data = os.urandom(size)
    stored, bucket = gzip.compress(data), fake_gcs.bucket()
    fake_gcs.put_compressed(bucket, "table.csv", stored)
    fake_gcs.put_compressed(bucket, "table.csv.gz", stored)
    with Session(fake_gcs.options) as session:
        plain, named = sorted(session.references(f"gs://{bucket}/"))
        assert plain.size == named.size == len(stored) and plain.digest == named.digest
        session.fetch_to(plain, tmp_path / "plain")
        session.fetch_to(named, tmp_path / "named")
        assert session.read(plain, 3, 9) == stored[3:9]
        with pytest.raises(ReferenceChanged):
            session.fetch_to(plain._replace(digest="md5:" + "0" * 32), tmp_path / "wrong")
    assert (tmp_path / "plain").read_bytes() == data
    assert (tmp_path / "named").read_bytes() == stored
    assert not (tmp_path / "wrong").exists()


# Folders


def test_folders_of_web_servers_are_refused_and_index_pages_never_tracked(
    nginx: str, web_folder: Path, tmp_path: Path
) -> None:
    folder = web_folder / "root" / "folder"
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text("<a href='data.csv'>data.csv</a>")
    (folder / "data.csv").write_text("1")
    for name in (None, "data"):
        with Session() as session:
            for url in (f"{nginx}/folder/", nginx, f"{nginx}/", f"{nginx}/folder/?", f"{nginx}/folder/#top"):
                with pytest.raises(InvalidUri, match="http cannot list folders"):
                    list(session.references(url, name=name))
            for url in (f"{nginx}/folder", f"{nginx}/folder/?C=M;O=A"):
                with pytest.raises(ReferenceGone, match="http cannot list folders"):
                    list(session.references(url, name=name or "x"))
    with pytest.raises(ReferenceGone, match="http cannot list folders"):
        fetched(Entry("folder", Kind.REFERENCE, uri=f"{nginx}/folder"), tmp_path)
    assert added(f"{nginx}/folder/index.html").size


def test_a_size_that_no_object_has_is_refused() -> None:
    reply = b'HTTP/1.1 200 OK\r\nContent-Length: 100000000000000000\r\nETag: "a"\r\n\r\n'
    with (
        raw_server(lambda _: reply) as server,
        pytest.raises(BadReply, match="is said to have 100000000000000000 bytes"),
    ):
        added(f"{server}/x")


# Anything


ODD_NUMBERS = ["", "-1", "+5", "0", "4", "5", "0x5", "1_000", "5, 5", "9" * 30, "9" * 5000, "٣", "1e3", " ", "\xff"]
ODD_ETAGS = ['""', '"', '"a"b"', "W/", 'W/"', 'w/"x"', "abc", '"modified:x"', '"\xff\xfe"', "é", '"\x01"', "x" * 5000]
ODD_RANGES = ["bytes 0-3/4", "bytes 2-3/4", "bytes 3-2/4", "bytes */4", "bytes 0-3/*", "bytes 0-" + "9" * 5000 + "/4"]
ODD_DATES = ["Thu, 01 Jan 1970 00:00:00 GMT", "never", "-1", "1" * 500, "Thu, 99 Foo 99999 99:99:99 +9999", "\xff"]
HEADERS = st.one_of(
    st.tuples(st.just("Content-Length"), st.sampled_from(ODD_NUMBERS)),
    st.tuples(st.just("Content-Range"), st.sampled_from(ODD_RANGES + ODD_NUMBERS)),
    st.tuples(st.just("ETag"), st.sampled_from(ODD_ETAGS)),
    st.tuples(st.sampled_from(["Last-Modified", "Retry-After"]), st.sampled_from(ODD_DATES + ODD_NUMBERS)),
    st.tuples(st.just("Location"), st.sampled_from(["/x", "/y/", "//", "http://[", "a:b", "\xff", "http://h\x00/"])),
    st.tuples(
        st.sampled_from(["Content-Encoding", "Transfer-Encoding"]),
        st.sampled_from(["gzip", "identity", "br", "chunked", "deflate", "gzip, chunked", "\xff", ""]),
    ),
    st.tuples(st.just("Content-Type"), st.sampled_from(["text/html", "x", "\xff", "a/b; charset=\xff", ";"])),
    st.tuples(st.just("Set-Cookie"), st.text(max_size=10)),
    st.tuples(st.text(max_size=5), st.text(max_size=10)),
)
STATUSES = st.sampled_from(
    [
        *(["200 OK"] * 3),
        "206 Part",
        "206",
        "301 x",
        "304 x",
        "404 \xff\x1b[2J",
        "412 x",
        "416 x",
        "503 x",
        "0 x",
        "999 x",
        "x",
    ]
)
BODIES = st.sampled_from(
    [b"", b"data", b"datadata", b"4\r\ndata\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n", b"\xff" * 100]
) | st.binary(max_size=30)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Return what a server may send: something like HTTP, or anything."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=60))
    lines = [f"HTTP/1.1 {draw(STATUSES)}"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(HEADERS, max_size=6))]
    return "\r\n".join([*lines, "", ""]).encode(draw(st.sampled_from(["utf-8", "latin-1"])), "replace") + draw(BODIES)


FUZZED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@FUZZED
@given(st.lists(replies(), min_size=1, max_size=4), st.sampled_from([None, SHA256]))
def test_whatever_a_web_server_sends_ends_in_content_or_one_of_our_errors(
    tmp_path: Path, sent: list[bytes], checksum: Any
) -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return sent[min(len(asked), len(sent)) - 1]

    path = tmp_path / "fetched"
    path.unlink(missing_ok=True)
    with raw_server(answer) as url, Session() as session:
        try:
            (entry,) = session.references(f"{url}/x", checksum=checksum)
            entry.path.encode(), (entry.etag or "").encode()
            assert entry.size is None or 0 <= entry.size < 1 << 62
            session.fetch_to(entry, path)
        except ArtstoreError as error:
            assert "\x1b" not in str(error)
            str(error).encode()
        pinned = Entry("x", Kind.REFERENCE, None, 4, False, None, f"{url}/x", "abc", None)
        for use in (
            lambda: session.stat(pinned),
            lambda: session.fetch_to(pinned, path),
            lambda: session.read(pinned, 1, 3),
        ):
            try:
                use()
            except ArtstoreError as error:
                str(error).encode()
    assert len(asked) < 200
    assert not path.exists() or path.stat().st_size < 10_000


FIELDS = st.sampled_from(
    ["name", "size", "generation", "md5Hash", "crc32c", "items", "nextPageToken", "error", "message"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["f/x", "f/\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=10,
)
OBJECTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["f/x", "f/", "g", "f/\ud800"]) | JSON,
        "size": st.sampled_from(["4", 4, "-1", "9" * 99, 1.5]) | JSON,
    },
    optional={
        "generation": st.sampled_from(["1", 1, "x"]) | JSON,
        "md5Hash": st.sampled_from(["AAAA", "*", "é"]) | JSON,
    },
)
PAGES = st.fixed_dictionaries(
    {"items": st.lists(OBJECTS, max_size=3) | JSON}, optional={"nextPageToken": st.just("t") | JSON}
)


def use_everything(session: Session, scheme: str, asked: list[str], tmp_path: Path) -> None:
    """Add an object and a prefix, and fetch what was found."""
    for uri in (f"{scheme}://bucket/f/x", f"{scheme}://bucket/f/"):
        asked.clear()
        try:
            for entry in list(session.references(uri)):
                if entry.kind == Kind.REFERENCE:
                    session.fetch_to(entry, tmp_path / "fetched")
        except ArtstoreError as error:
            str(error).encode()
        assert len(asked) < 100


@FUZZED
@given(st.lists(PAGES | OBJECTS | JSON, min_size=1, max_size=3))
@example([{"items": [], "nextPageToken": []}])
@example([{"nextPageToken": "\ud800"}])
def test_whatever_a_server_of_google_sends_ends_in_content_or_one_of_our_errors(
    tmp_path: Path, sent: list[Any]
) -> None:
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(text=json.dumps(sent[min(len(asked), len(sent)) - 1]))

    with servers.web_server(answer) as url, Session({"token": "anon", "endpoint_url": url}) as session:
        use_everything(session, "gs", asked, tmp_path)


XML_VALUES = st.sampled_from(
    ["", "f/x", "f/", "g", "true", "false", "4", "-1", "9" * 99, "x", '"abc"', "1970-01-01T00:00:00Z", "t"]
)
XML_FIELDS = st.sampled_from(
    [
        *("IsTruncated", "NextKeyMarker", "NextVersionIdMarker", "NextContinuationToken", "Key", "Size", "ETag"),
        *("VersionId", "IsLatest", "LastModified", "Status", "KeyCount"),
    ]
)
XML_ROWS = st.dictionaries(XML_FIELDS, XML_VALUES, max_size=8)
XML_PAGES = st.tuples(
    st.sampled_from(["ListVersionsResult", "ListBucketResult", "VersioningConfiguration", "Error", "x"]),
    XML_ROWS,
    st.lists(st.tuples(st.sampled_from(["Version", "Contents", "DeleteMarker"]), XML_ROWS), max_size=3),
)


def as_xml(page: tuple[str, dict[str, str], list[tuple[str, dict[str, str]]]]) -> str:
    def fields(row: dict[str, str]) -> str:
        return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())

    top, own, rows = page
    return f"<{top}>{fields(own)}{''.join(f'<{kind}>{fields(row)}</{kind}>' for kind, row in rows)}</{top}>"


@dataclass
class Script:
    """What a server sends, and how often it was asked."""

    sent: list[str]
    asked: list[str]
    session: Session

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Send the next text, and the last again and again."""
        self.asked.append(request.path)
        return web.Response(text=self.sent[min(len(self.asked), len(self.sent)) - 1], headers={"ETag": '"abc"'})


@pytest.fixture(scope="module")
def scripted_s3() -> Iterator[Script]:
    """A server with one session, as the client of S3 takes long to begin."""
    script = Script([""], [], Session())
    with (
        servers.web_server(script.answer) as url,
        Session({"key": "K", "secret": "S", "endpoint_url": url}) as script.session,
    ):
        yield script


@FUZZED
@given(st.lists(XML_PAGES.map(as_xml) | st.text(max_size=10), min_size=1, max_size=4))
@example([as_xml(("ListBucketResult", {}, [("Contents", {"LastModified": "9" * 99})]))])
@example([as_xml(("ListBucketResult", {"IsTruncated": "true", "NextContinuationToken": "t"}, []))])
@example([as_xml(("ListBucketResult", {"IsTruncated": "true"}, [("Contents", {"Key": "g"})]))])
def test_whatever_a_server_of_s3_sends_ends_in_content_or_one_of_our_errors(
    scripted_s3: Script, tmp_path: Path, sent: list[str]
) -> None:
    scripted_s3.sent = sent
    use_everything(scripted_s3.session, "s3", scripted_s3.asked, tmp_path)
