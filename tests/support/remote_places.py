"""Places that hold objects for references, one for each scheme, and a proxy that records requests."""

from __future__ import annotations

import asyncio
import re
import socket
import socketserver
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
from aiohttp import ClientSession

from tests.support import servers
from tests.support.servers import GsServer, S3Server, WebApp

SCHEMES = ("file", "memory", "http", "s3", "s3-versioned", "gs", "gs-versioned")


@dataclass
class Place:
    """A prefix below which objects are put and removed by their keys."""

    prefix: str
    put: Callable[[str, bytes], object]
    remove: Callable[[str], object]
    options: dict[str, Any] = field(default_factory=dict)
    lists: bool = True
    keeps_versions: bool = False
    """Whether an object that is overwritten or removed can still be read."""


def folder(path: Path) -> Place:
    """Return a local folder as a place."""

    def put(key: str, data: bytes) -> None:
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(data)

    return Place(f"{path.as_uri()}/", put, lambda key: (path / key).unlink())


def memory() -> Place:
    """Return a prefix of fsspec's file system in memory."""
    prefix, system = f"memory://{uuid.uuid4().hex}/", fsspec.filesystem("memory")
    return Place(prefix, lambda key, data: system.pipe(prefix + key, data), lambda key: system.rm(prefix + key))


def web(app: WebApp, manner: str = "strong") -> Place:
    """Return a prefix of a web server."""
    top = uuid.uuid4().hex

    def remove(key: str) -> None:
        del app.objects[f"{top}/{key}"]

    return Place(f"{app.url}/{manner}/{top}/", lambda key, data: app.put(f"{top}/{key}", data), remove, lists=False)


def nginx(url: str, root: Path) -> Place:
    """Return a prefix of an nginx, which serves the files below `root`; their names are escaped in URLs only."""
    top = uuid.uuid4().hex

    def put(key: str, data: bytes) -> None:
        (root / top / key).parent.mkdir(parents=True, exist_ok=True)
        (root / top / key).write_bytes(data)

    return Place(f"{url}/{top}/", put, lambda key: (root / top / key).unlink(), lists=False)


def s3(server: S3Server, bucket: str, *, keeps_versions: bool = False) -> Place:
    """Return a prefix of an S3 bucket."""
    top = uuid.uuid4().hex
    return Place(
        f"s3://{bucket}/{top}/",
        lambda key, data: server.client.put_object(Bucket=bucket, Key=f"{top}/{key}", Body=data),
        lambda key: server.client.delete_object(Bucket=bucket, Key=f"{top}/{key}"),
        server.options,
        keeps_versions=keeps_versions,
    )


def gs(server: GsServer, bucket: str, *, keeps_versions: bool = False) -> Place:
    """Return a prefix of a Google Cloud Storage bucket."""
    top = uuid.uuid4().hex
    return Place(
        f"gs://{bucket}/{top}/",
        lambda key, data: server.put(bucket, f"{top}/{key}", data),
        lambda key: server.remove(bucket, f"{top}/{key}"),
        server.options,
        keeps_versions=keeps_versions,
    )


_REQUEST = re.compile(rb"(?:GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n")


@contextmanager
def counting_proxy(url: str) -> Iterator[tuple[str, list[str]]]:
    """Run a proxy before a server; yield its URL and a list to which it appends each request."""
    upstream = urlsplit(url).hostname or "", urlsplit(url).port or 80
    seen: list[str] = []

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(upstream) as server:
                back = threading.Thread(target=_pass, args=(server, self.request))
                back.start()
                with suppress(OSError):
                    while data := self.request.recv(1 << 16):
                        seen.extend(request.decode() for request in _REQUEST.findall(data))
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                back.join()

    class Port(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Port(("127.0.0.1", 0), Forward) as port:
        thread = threading.Thread(target=port.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port.server_address[1]}", seen
        port.shutdown()
        thread.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


ODD_KEYS = (
    *("a//b", "/lead", "x/../y", "./z", "..", "folder/", "folder/deep/", "what?versionId=1", "k?versionId=null"),
    *("with space", "ünï/日本", "a+b", "100%", "%41", "%2F", "#hash", "x?y=z#w", "a\\b", "\\c", "C:/d", "q\"'&<>"),
)


async def fill_bucket(server: S3Server, keys: list[str]) -> str:
    """Put many empty objects into a new bucket with versions; return its name."""
    bucket = server.bucket(versioned=True, name=servers.UNGUARDED)
    waiting = iter(keys)

    async def put_some(session: ClientSession) -> None:
        for key in waiting:
            async with session.put(f"{server.url}/{bucket}/{key}", data=b"") as reply:
                assert reply.status == 200

    async with ClientSession() as session:
        await asyncio.gather(*(put_some(session) for _ in range(32)))
    return bucket
