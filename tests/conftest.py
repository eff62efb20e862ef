"""What several files of tests share: servers, one of each for a session, and processes to kill and pause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support import servers
from tests.support.kill_points import TaskRunner
from tests.support.servers import GsServer, S3Server, WebApp

pytest.register_assert_rewrite("artstore.testing")


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests of one kind of server to one worker, so that each server is started once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith(("tests/drivers/", "tests/ingest/test_references")) else nodeid


# xdist has groups for this, and does not find them with pytest 9.2: it renames tests where pytest no longer looks.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Choose who runs what when tests run on several cores."""
    return ByServer(config, log)


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


@pytest.fixture(scope="module")
def runner() -> Iterator[TaskRunner]:
    """Where tasks are done, killed and paused."""
    with TaskRunner() as made:
        yield made


@pytest.fixture(
    params=[False, pytest.param(True, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])],
    ids=["sampled", "every-step"],
)
def every_step(request: pytest.FixtureRequest) -> bool:
    """Whether to kill or pause at each step, rather than at a sample of them."""
    return bool(request.param)
