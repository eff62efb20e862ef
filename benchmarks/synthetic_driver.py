"""A driver for objects that do not exist, to measure artstore's own part of a listing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit

from artstore.drivers import Algorithm, Driver, RemoteObject
from artstore.drivers.registry import GROUP
from artstore.errors import ReferenceGone


class ManyDriver(Driver):
    """Lists as many objects as the bucket's name says: `many://1000/`."""

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Raise `ReferenceGone`: single objects do not exist."""
        raise ReferenceGone(f"{uri!r} does not exist")

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """Yield invented objects."""
        for number in range(int(urlsplit(uri).hostname or 0)):
            key = f"images/{number // 1000:04}/{number:07}.png"
            yield RemoteObject(uri + key, key, 1000 + number, f"{number:032x}", f"v{number:031x}")

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Raise `ReferenceGone`: the objects have no content."""
        raise ReferenceGone(f"{pinned.uri!r} does not exist")
        yield b""


def install(folder: Path) -> None:
    """Install the metadata of a package with `ManyDriver` for `many://`; `folder` must be on `sys.path`."""
    metadata = folder / "many-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: many\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nmany = benchmarks.synthetic_driver:ManyDriver\n")
