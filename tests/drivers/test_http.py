"""References over http, to an nginx and to servers that break the rules of the protocol."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import pytest

from artstore.core.manifest import Entry
from artstore.drivers import fetching, retrying
from artstore.drivers.session import Session
from artstore.errors import (
    AccessDenied,
    BadReply,
    InvalidInput,
    InvalidUri,
    ReferenceChanged,
    ReferenceGone,
    SecretInUri,
    Unreachable,
)
from artstore.testing import SHA256, DriverContract
from tests.support import servers
from tests.support.servers import WebApp


class TestNginx(DriverContract):
    """Strong etags from time and size, ranges, conditions, and gzip if the client accepts it."""

    recognises = False
    _age: ClassVar[int] = 1_000_000_000

    @pytest.fixture
    def prefix(self, nginx: str, web_folder: Path) -> str:
        self.url, self.root = nginx, web_folder / "root"
        return f"{nginx}/{uuid.uuid4().hex}/"

    def at(self, uri: str) -> Path:
        return self.root / unquote(uri.removeprefix(self.url + "/"))

    def put(self, uri: str, data: bytes) -> None:
        self.at(uri).parent.mkdir(parents=True, exist_ok=True)
        self.at(uri).write_bytes(data)
        TestNginx._age += 1
        os.utime(self.at(uri), (self._age, self._age))

    def remove(self, uri: str) -> None:
        self.at(uri).unlink()

    def test_objects_that_the_server_compresses_are_tracked_as_stored(
        self, session: Session, prefix: str, tmp_path: Path
    ) -> None:
        self.put(prefix + "a.txt", b"a" * 5000)
        (entry,) = self.add(session, prefix + "a.txt")
        assert entry.size == 5000 and entry.etag is not None and "W/" not in entry.etag
        assert self.fetched(session, entry, tmp_path) == b"a" * 5000

    def test_a_url_may_be_written_with_and_without_escapes(self, session: Session, prefix: str) -> None:
        self.put(prefix + "a b+ü.txt", b"odd")
        for name in ("a%20b+%C3%BC.txt", "a b+ü.txt", "a%20b%2B%c3%bc.txt"):
            (entry,) = self.add(session, prefix + name)
            assert (entry.path, entry.uri, entry.size) == ("a b+ü.txt", prefix + name, 3)


class AppContract(DriverContract):
    """The contract, for one behaviour of the test web server."""

    manner: ClassVar[str]

    @pytest.fixture
    def prefix(self, web_app: WebApp) -> str:
        self.app = web_app
        return f"{web_app.url}/{self.manner}/{uuid.uuid4().hex}/"

    def name(self, uri: str) -> str:
        return uri.removeprefix(f"{self.app.url}/{self.manner}/")

    def put(self, uri: str, data: bytes) -> None:
        self.app.put(self.name(uri), data)

    def remove(self, uri: str) -> None:
        del self.app.objects[self.name(uri)]


class TestStrong(AppContract):
    """Strong etags with conditions and ranges."""

    manner = "strong"


class TestWeak(AppContract):
    """Weak etags, which cannot be used in conditions."""

    manner = "weak"
    recognises = False


class TestDated(AppContract):
    """Dates instead of etags."""

    manner = "dated"
    recognises = False


class TestBare(AppContract):
    """Nothing that identifies content: it is read once, and its digest pins it."""

    manner = "bare"


class TestLiar(AppContract):
    """Strong etags without conditions or ranges."""

    manner = "liar"


class TestStubborn(AppContract):
    """A server that fails every condition."""

    manner = "stubborn"


class TestHeadless(AppContract):
    """A server without HEAD."""

    manner = "headless"


class TestChunked(AppContract):
    """A server without sizes and ranges."""

    manner = "chunked"
    sizes = False


class TestRedirecting(AppContract):
    """Every object is redirected to a signed URL, which must not be stored."""

    manner = "redirecting"

    def test_the_target_of_a_redirect_is_not_stored(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "data", b"x")
        (entry,) = self.add(session, prefix + "data")
        assert "S3CRET" not in repr(entry)
        self.put(prefix + "data", b"xx")
        with pytest.raises(ReferenceChanged) as caught:
            self.fetched(session, entry, tmp_path)
        assert "S3CRET" not in str(caught.value)


class TestBreaking(AppContract):
    """Each answer breaks off, and the rest can be requested."""

    manner = "breaking"

    @pytest.fixture(autouse=True)
    def no_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))


def references_of(url: str, **options: object) -> list[Entry]:
    with Session(options) as session:
        return list(session.references(url, checksum=SHA256))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0, 0.0))
    yield


def test_without_a_checksum_nothing_is_read(web_app: WebApp) -> None:
    web_app.put("unread", b"content")
    web_app.seen.clear()
    with Session() as session:
        (entry,) = session.references(f"{web_app.url}/bare/unread")
    assert (entry.digest, entry.etag, entry.size) == (None, None, 7)
    assert [method for method, _, _ in web_app.seen] == ["HEAD"]


def test_each_part_of_a_large_object_is_requested_conditionally(
    web_app: WebApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 1000)
    web_app.put("parts", os.urandom(5500))
    (entry,) = references_of(f"{web_app.url}/strong/parts")
    web_app.seen.clear()
    with Session() as session:
        session.fetch_to(entry, tmp_path / "parts")
    assert (tmp_path / "parts").read_bytes() == web_app.objects["parts"][0]
    asked = {(headers["Range"], headers["If-Match"]) for _, _, headers in web_app.seen}
    ranges = ["0-999", "1000-1999", "2000-2999", "3000-3999", "4000-4999", "5000-5499"]
    assert asked == {(f"bytes={part}", f'"{entry.etag}"') for part in ranges}


def test_a_reply_without_an_etag_is_not_trusted(web_app: WebApp, tmp_path: Path) -> None:
    """Only its size would match."""
    web_app.put("forgotten", b"as it was")
    (entry,) = references_of(f"{web_app.url}/forgetful/forgotten")
    with Session() as session, pytest.raises(ReferenceChanged, match="etag"):
        session.fetch_to(entry, tmp_path / "x")


@pytest.mark.usefixtures("no_pauses")
def test_requests_to_a_busy_server_are_repeated(web_app: WebApp, tmp_path: Path) -> None:
    web_app.put("busy", b"here")
    web_app.failures[:] = [429, 503]
    (entry,) = references_of(f"{web_app.url}/failing/busy")
    web_app.failures[:] = [500, 502]
    with Session() as session:
        session.fetch_to(entry, tmp_path / "busy")
    assert (tmp_path / "busy").read_bytes() == b"here"
    web_app.failures[:] = [503] * 20
    with pytest.raises(Unreachable, match="503"):
        references_of(f"{web_app.url}/failing/busy")
    assert len(web_app.failures) == 16
    web_app.failures.clear()


@pytest.mark.parametrize(("status", "error"), [(403, AccessDenied), (410, ReferenceGone), (418, BadReply)])
def test_errors_include_the_answer_of_the_server(web_app: WebApp, status: int, error: type[Exception]) -> None:
    web_app.failures[:] = [status, status]
    with pytest.raises(error, match=str(status)):
        references_of(f"{web_app.url}/failing/x")
    web_app.failures.clear()


def test_credentials_are_sent_with_requests_only(web_app: WebApp) -> None:
    web_app.put("mine", b"secret data")
    with pytest.raises(AccessDenied, match="storage_options"):
        references_of(f"{web_app.url}/private/mine")
    with pytest.raises(AccessDenied) as caught:
        references_of(f"{web_app.url}/private/mine", headers={"Authorization": "Bearer S3CRETS"})
    assert "S3CRET" not in str(caught.value)
    for options in ({"headers": {"Authorization": "Bearer S3CRET"}},):
        assert "S3CRET" not in repr(references_of(f"{web_app.url}/private/mine", **options))
        assert "S3CRET" not in repr(references_of(f"{web_app.url}/private/mine", client_kwargs=options))


@pytest.mark.usefixtures("no_pauses")
def test_unreachable_silent_and_looping_servers_are_errors(web_app: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        references_of(f"http://127.0.0.1:{servers.free_port()}/x")
    with pytest.raises(Unreachable, match="cannot be reached"):
        references_of("http://no.such.host.invalid/x")
    with pytest.raises(BadReply, match="redirects without end") as caught:
        references_of(f"{web_app.url}/round/x")
    assert "S3CRET" not in str(caught.value)
    monkeypatch.setattr("artstore_drivers.http.ANSWER", 0.1)
    with pytest.raises(Unreachable, match="did not answer"):
        references_of(f"{web_app.url}/silent/x")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://me:S3CRET@host/x", SecretInUri),
        ("https://host/x?X-Amz-Signature=S3CRET", SecretInUri),
        ("https://", InvalidUri),
        ("https:///x", InvalidUri),
        ("http://host:99999/x", InvalidUri),
        ("http://host:port/x", InvalidUri),
        ("https://[host/x", InvalidUri),
        ("https://host/x\r\nHost: other", InvalidUri),
    ],
)
def test_invalid_urls_are_refused(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        references_of(url)
    assert "S3CRET" not in str(caught.value)


def test_a_url_without_a_name_needs_one(web_app: WebApp) -> None:
    web_app.put("", b"index")
    with pytest.raises(InvalidInput, match="name="):
        references_of(f"{web_app.url}/strong/?a=b/c")
    with Session() as session:
        (entry,) = session.references(f"{web_app.url}/strong/?a=b/c", name="index.html")
    assert (entry.path, entry.uri) == ("index.html", f"{web_app.url}/strong/?a=b/c")


def test_an_unknown_option_of_aiohttp_is_named() -> None:
    with (
        Session({"client_kwargs": {"timeuot": 3}}) as session,
        pytest.raises(InvalidInput, match=r"'timeuot'.*storage_options"),
    ):
        list(session.references("http://127.0.0.1:9/x"))
