"""Fixtures that several files of tests share; each server is started once for a session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from artstore import Store
from artstore.tracking import location
from tests.support import figures, servers
from tests.support.cli_runner import workspace as workspace
from tests.support.kill_points import TaskRunner
from tests.support.lineage_pipeline import pipeline_store as pipeline_store
from tests.support.lineage_pipeline import store_path as store_path
from tests.support.programs import ProgramFolder
from tests.support.servers import GsServer, S3Server, WebApp
from tests.support.wandb_fixtures import workdir as workdir

pytest.register_assert_rewrite("artstore.testing")
# These have an environment of their own: make test-programs.
collect_ignore = ["programs"]


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Schedules the tests of one kind of server on one worker, so that each server is started once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith(("tests/drivers/", "tests/ingest/test_references")) else nodeid


# xdist has groups for this, but does not find them with pytest 9.2, which does not read the names it gives to tests.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Choose which worker runs which tests."""
    return ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that attack stores for long two hours, unless they say how long they take."""
    for item in items:
        if item.get_closest_marker("torture") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(7200))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the harnesses that attack stores."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    lines = [value for report in reports for name, value in report.user_properties if name == figures.NAME]
    if lines:
        terminalreporter.section("attacks")
        for line in sorted(lines):
            terminalreporter.line(str(line))


@pytest.fixture(scope="session", autouse=True)
def no_store_above(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests, and the processes that they start, from finding a store above their own folders."""
    os.environ[location.CEILING] = str(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_interrupts() -> None:
    """Let SIGINT interrupt tests and the processes that they start: a shell lets its background jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.init(tmp_path / "store") as store:
        yield store


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder, to be filled and added."""
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def programs(tmp_path: Path) -> ProgramFolder:
    """A folder in which programs run, with a store that they log to."""
    return ProgramFolder(tmp_path)


@pytest.fixture(scope="session")
def web_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `nginx` serves `root` of."""
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="session")
def nginx(web_folder: Path) -> Iterator[str]:
    """The URL of an nginx that serves `web_folder/root`."""
    with servers.nginx(web_folder) as url:
        yield url


@pytest.fixture(scope="session")
def web_app() -> Iterator[WebApp]:
    """A web server that behaves as tests ask it to."""
    app = WebApp()
    with servers.web_server(app.handle) as app.url:
        yield app


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS, an S3 server."""
    with servers.seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """A moto server, which accepts any key."""
    with servers.moto() as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GsServer]:
    """A fake-gcs-server, which speaks the API of Google Cloud Storage."""
    with servers.fake_gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="module")
def runner() -> Iterator[TaskRunner]:
    """Runs tasks in processes that can be killed and paused."""
    with TaskRunner() as runner:
        yield runner


@pytest.fixture(
    params=[False, pytest.param(True, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])],
    ids=["sampled", "every-step"],
)
def every_step(request: pytest.FixtureRequest) -> bool:
    """Whether to kill or pause at every step, or at a sample of the steps."""
    return bool(request.param)
