"""Run the pages on a local port until the person who started them stops them."""

from __future__ import annotations

import secrets
import socket
import webbrowser

import uvicorn

from artstore.errors import UsageError
from artstore.store import Store
from artstore.web import app, guard


class Address:
    """The port on which the pages are served, opened, and the URL that a browser needs."""

    def __init__(self, host: str, port: int, *, write: bool = False) -> None:
        # Every user of this machine can reach a port of it: who may change something needs the token there, too.
        self.token = None if guard.is_loopback(host) and not write else secrets.token_urlsafe(24)
        self.write = write
        try:
            self.socket = _listening(host.strip("[]"), port)
        except OSError as error:
            advice = "choose another --port" if port else "choose another --host"
            raise UsageError(f"cannot serve on {host} port {port}: {error.strerror or error}: {advice}") from error
        self.port: int = self.socket.getsockname()[1]
        self._host = f"[{host}]" if ":" in host and not host.startswith("[") else host

    @property
    def url(self) -> str:
        """The address to open, with the token if one is needed."""
        host = socket.gethostname() if self._host in ("0.0.0.0", "[::]") else self._host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def _listening(host: str, port: int) -> socket.socket:
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.socket(family, kind)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        # From now on a browser that is opened waits for its answer, instead of being refused.
        opened.listen(128)
    except OSError:
        opened.close()
        raise
    return opened


def serve(store: Store, address: Address, *, open_browser: bool = False) -> None:
    """Serve the pages of a store until the process is interrupted."""
    if open_browser:
        webbrowser.open(address.url)
    config = uvicorn.Config(
        app.create(store, address.token, write=address.write),
        log_level="warning",
        access_log=False,
        server_header=False,
        # A browser keeps connections open: closing must not wait for it.
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[address.socket])
