"""Real servers for the tests of drivers, each started by the test session that needs it and ended with it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

from aiohttp import web

_STARTING = 60.0


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], url: str, log: Path) -> Iterator[None]:
    """Run a server until the block ends; it is there when `url` is answered, with whatever status."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + _STARTING
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
user root;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serve `folder/root`; gives the URL."""
    port = free_port()
    (folder / "root").mkdir()
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
    url = f"http://127.0.0.1:{port}"
    with running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], url, folder / "log"):
        yield url


@dataclass
class WebApp:
    """A web server that behaves well or badly, as the first part of the path says; the rest names the object."""

    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    """Content and age of each object, by its path below the first part."""
    failures: list[int] = field(default_factory=list)
    """Statuses to answer the next requests to `/failing/` with."""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request."""
    url: str = ""

    def put(self, name: str, data: bytes) -> None:
        """Put an object, younger than all before it."""
        self.objects[name] = data, 1 + max((age for _, age in self.objects.values()), default=0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request in the manner that its path asks for."""
        self.seen.append((request.method, request.path_qs, dict(request.headers)))
        _, manner, name = request.path.split("/", 2)
        answer: Callable[[web.Request, bytes, int], web.StreamResponse] | None = getattr(self, f"_{manner}", None)
        if manner == "redirecting":
            raise web.HTTPFound(f"/strong/{name}?X-Amz-Signature=S3CRET")
        if manner == "round":
            raise web.HTTPFound(f"/round/{name}?X-Amz-Signature=S3CRET")
        if manner == "silent":
            await asyncio.sleep(3600)
        if manner == "failing" and self.failures:
            return web.Response(status=self.failures.pop(0))
        if name not in self.objects:
            raise web.HTTPNotFound()
        if manner == "private" and request.headers.get("Authorization") != "Bearer S3CRET":
            raise web.HTTPUnauthorized()
        if manner == "headless" and request.method == "HEAD":
            raise web.HTTPMethodNotAllowed("HEAD", ["GET"])
        data, age = self.objects[name]
        if manner == "chunked":
            return await self._chunked(request, data)
        if manner == "breaking":
            return await self._breaking(request, data)
        return (answer or self._strong)(request, data, age)

    def _strong(self, request: web.Request, data: bytes, age: int) -> web.Response:
        headers = {"ETag": f'"{sha256(data).hexdigest()}"'}
        if request.headers.get("If-Match", headers["ETag"]) != headers["ETag"]:
            return web.Response(status=412, headers=headers)
        return _ranged(request, data, headers)

    def _weak(self, request: web.Request, data: bytes, age: int) -> web.Response:
        if "If-Match" in request.headers:
            return web.Response(status=412)
        return _ranged(request, data, {"ETag": f'W/"{sha256(data).hexdigest()}"'})

    def _dated(self, request: web.Request, data: bytes, age: int) -> web.Response:
        headers = {"Last-Modified": formatdate(1_000_000_000 + age, usegmt=True)}
        if request.headers.get("If-Unmodified-Since", headers["Last-Modified"]) != headers["Last-Modified"]:
            return web.Response(status=412, headers=headers)
        return _ranged(request, data, headers)

    def _bare(self, request: web.Request, data: bytes, age: int) -> web.Response:
        return web.Response(body=data)

    def _liar(self, request: web.Request, data: bytes, age: int) -> web.Response:
        return web.Response(body=data, headers={"ETag": f'"{sha256(data).hexdigest()}"'})

    def _stubborn(self, request: web.Request, data: bytes, age: int) -> web.Response:
        return web.Response(status=412) if "If-Match" in request.headers else self._strong(request, data, age)

    def _forgetful(self, request: web.Request, data: bytes, age: int) -> web.Response:
        return web.Response(body=data) if "If-Match" in request.headers else self._strong(request, data, age)

    async def _chunked(self, request: web.Request, data: bytes) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"ETag": f'"{sha256(data).hexdigest()}"'})
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        for start in range(0, 0 if request.method == "HEAD" else len(data), 1000):
            await reply.write(data[start : start + 1000])
        await reply.write_eof()
        return reply

    async def _breaking(self, request: web.Request, data: bytes) -> web.StreamResponse:
        """Give a quarter of what was asked for, and hang up."""
        whole = self._strong(request, data, 0)
        body = whole.body
        if request.method == "HEAD" or whole.status == 412 or not isinstance(body, bytes) or len(body) < 1000:
            return whole
        reply = web.StreamResponse(status=whole.status, headers=whole.headers)
        reply.content_length = len(body)
        await reply.prepare(request)
        await reply.write(body[: len(body) // 4])
        assert request.transport is not None
        request.transport.close()
        return reply


def _ranged(request: web.Request, data: bytes, headers: dict[str, str]) -> web.Response:
    wanted = request.http_range
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=data, headers=headers)
    start, stop = wanted.start or 0, min(wanted.stop or len(data), len(data))
    if start >= len(data):
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return web.Response(status=206, body=data[start:stop], headers=headers)


@contextmanager
def serving(handle: Callable[[web.Request], object]) -> Iterator[str]:
    """Run a handler as a web server in a thread; gives the URL."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    port = free_port()
    runners: list[web.ServerRunner] = []

    async def start() -> None:
        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)  # type: ignore[arg-type]
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()

    def work() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if not ready.wait(_STARTING):
        raise RuntimeError("the web server did not start")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(runners[0].cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
