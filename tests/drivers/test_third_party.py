"""A driver that is installed as a package of its own is found by its scheme and passes the same contract."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from artstore.drivers import registry
from artstore.drivers.session import Session
from artstore.errors import NoDriver
from artstore.testing import PrefixContract
from tests.support.programs import script_output

SHELF = Path(__file__).with_name("third_party_driver")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder into which pip has installed the package."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--no-index", "--target", target, SHELF], check=True, timeout=120)
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    try:
        yield target
    finally:
        sys.path.remove(str(target))
        sys.modules.pop("artstore_shelf", None)


@pytest.mark.usefixtures("installed")
class TestShelf(PrefixContract):
    """The contract."""

    keeps_versions = True
    recognises = False
    odd_keys: ClassVar[tuple[str, ...]] = ("with space", "ünï/日本", "a+b", "100%", "%41", "#hash", "x?y=z#w")

    @pytest.fixture
    def prefix(self, tmp_path: Path) -> str:
        return f"shelf://{tmp_path}/shelf/"

    def edition(self, uri: str, suffix: str) -> Path:
        book = Path(uri.removeprefix("shelf://"))
        book.mkdir(parents=True, exist_ok=True)
        editions = [int(path.stem) for path in book.glob("*.*") if path.is_file()]
        return book / f"{max(editions, default=0) + 1}{suffix}"

    def put(self, uri: str, data: bytes) -> None:
        self.edition(uri, ".txt").write_bytes(data)

    def remove(self, uri: str) -> None:
        self.edition(uri, ".gone").touch()


def test_it_is_loaded_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "1.txt").write_text("once upon a time")
    with Session() as session:
        (entry,) = session.references(f"shelf://{tmp_path}/book")
        assert session.read(entry, 5, 9) == b"upon"
        driver: Any = sys.modules[type(session.driver("shelf://x")).__module__]
    assert Path(driver.__file__).parent == installed


def install_metadata(folder: Path, package: str, scheme: str, value: str) -> None:
    """Install the metadata of a package, as pip writes it."""
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{scheme} = {value}\n")


@pytest.mark.parametrize("package", ["aaa", "zzz"])
def test_a_driver_of_another_package_has_precedence(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_metadata(tmp_path, package, "file", "artstore_drivers.generic:GenericDriver")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.driver_for("file").__name__ == "GenericDriver"


def test_an_entry_point_that_is_not_a_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_metadata(tmp_path, "odd", "odd", "pathlib:Path")
    monkeypatch.syspath_prepend(str(tmp_path))
    with Session() as session, pytest.raises(NoDriver, match="pathlib:Path"):
        session.driver("odd://x")


@pytest.mark.parametrize(
    ("uri", "library", "extra"),
    [("s3://b/k", "s3fs", "s3"), ("gs://b/k", "gcsfs", "gs"), ("https://h/k", "aiohttp", "http")],
)
def test_a_missing_library_is_named_with_what_to_install(uri: str, library: str, extra: str) -> None:
    program = f"""
        import sys
        sys.modules["{library}"] = sys.modules["{library}.core"] = None
        from artstore.drivers.session import Session
        try:
            list(Session().references("{uri}", name="x"))
        except ImportError as error:
            print(type(error).__name__, error)
    """
    assert script_output(program) == (
        f"MissingExtra {extra}:// needs {library}, which is not installed: pip install 'artstore[{extra}]'\n"
    )
