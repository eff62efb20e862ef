"""The servers that tests of drivers share, one of each for a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from servers import GsServer, S3Server, WebApp

pytest.register_assert_rewrite("artstore.testing")


@pytest.fixture(scope="session")
def web_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the nginx below."""
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="session")
def nginx(web_folder: Path) -> Iterator[str]:
    """An nginx that serves `web_folder/root`."""
    with servers.nginx(web_folder) as url:
        yield url


@pytest.fixture(scope="session")
def web_app() -> Iterator[WebApp]:
    """A web server that does what tests want."""
    app = WebApp()
    with servers.serving(app.handle) as app.url:
        yield app


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS."""
    with servers.seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """A moto."""
    with servers.moto() as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GsServer]:
    """A fake-gcs-server."""
    with servers.fake_gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server
