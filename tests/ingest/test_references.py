"""References in artifacts, for all schemes: their paths, their downloads and their status."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

import artstore
from artstore import Artifact, Run
from artstore.drivers import retrying
from artstore.errors import (
    ArtifactNotLoggedError,
    ArtstoreError,
    InvalidInput,
    PathConflict,
    ReferenceChanged,
    ReferenceGone,
    SecretInUri,
    TooManyObjects,
    Unreachable,
)
from artstore.runtime.progress import Total
from artstore.store import Store
from tests.support import remote_places, servers
from tests.support.remote_places import Place
from tests.support.servers import S3Server, WebApp

SOME = pytest.mark.parametrize("place", ["file", "http", "s3-versioned", "gs"], indirect=True)
LISTING = pytest.mark.parametrize("place", ["file", "memory", "s3", "gs"], indirect=True)

_buckets: dict[str, str] = {}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run in an empty working folder, with a store next to it."""
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with artstore.init(project="zoo", store=tmp_path / "store") as run:
        yield run


@pytest.fixture(params=remote_places.SCHEMES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each scheme."""
    scheme, _, kind = request.param.partition("-")
    if scheme == "file":
        return remote_places.folder(tmp_path / "source")
    if scheme == "memory":
        return remote_places.memory()
    if scheme == "http":
        app: WebApp = request.getfixturevalue("web_app")
        return remote_places.web(app)
    if scheme == "nginx":
        return remote_places.nginx(request.getfixturevalue("nginx"), request.getfixturevalue("web_folder") / "root")
    server: Any = request.getfixturevalue("seaweed" if scheme == "s3" else "fake_gcs")
    if request.param not in _buckets:
        _buckets[request.param] = server.bucket(versioned=bool(kind))
    make = remote_places.s3 if isinstance(server, S3Server) else remote_places.gs
    return make(server, _buckets[request.param], keeps_versions=bool(kind))


@pytest.fixture
def source(tmp_path: Path) -> Place:
    """A local folder, for tests that do not depend on the scheme."""
    return remote_places.folder(tmp_path / "source")


def log_references(run: Run, place: Place, *keys: str, name: str = "animals", **options: Any) -> Artifact:
    """Log an artifact with references to the objects at or below these keys."""
    artifact = Artifact(name, "dataset")
    for key in keys:
        artifact.add_reference(place.prefix + key, storage_options=place.options, **options)
    return run.log_artifact(artifact).wait()


def download(artifact: Artifact, place: Place, root: str = "out", **options: Any) -> dict[str, bytes]:
    """Download an artifact; return the files of the folder by their paths."""
    folder = artifact.download(root, storage_options=place.options, **options)
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def states(artifact: Artifact, place: Place) -> dict[str, str]:
    return {
        reference.path.removeprefix(place.prefix): reference.state
        for reference in artifact.status(storage_options=place.options)
    }


def test_entries_have_the_documented_paths(place: Place, run: Run) -> None:
    for key in ("images/cat.png", "images/dog.png", "images-old/rat.png", "checkpoints/model.h5", "model.h5"):
        place.put(key, key.encode())
    for key, name, paths in (
        ("model.h5", None, ["model.h5"]),
        ("checkpoints/model.h5", None, ["model.h5"]),
        ("model.h5", "models/mymodel.h5", ["models/mymodel.h5"]),
        ("images", None, ["cat.png", "dog.png"]),
        ("images", "images", ["images/cat.png", "images/dog.png"]),
        ("images/", None, ["cat.png", "dog.png"]),
    ):
        if place.lists or len(paths) == 1:
            artifact = Artifact("animals", "dataset")
            added = artifact.add_reference(place.prefix + key, name=name, storage_options=place.options)
            assert [entry.path for entry in added] == sorted(artifact.manifest.entries) == paths


def test_an_overwritten_object_is_downloaded_unchanged_or_not_at_all_and_named_by_status(
    place: Place, run: Run
) -> None:
    place.put("cat.txt", b"meow")
    place.put("dog.txt", b"woof")
    artifact = log_references(run, place, "cat.txt", "dog.txt")
    place.put("cat.txt", b"roar, and longer")
    if place.keeps_versions:
        assert download(artifact, place) == {"cat.txt": b"meow", "dog.txt": b"woof"}
    else:
        with pytest.raises(ReferenceChanged, match=r"'cat\.txt' of animals:v0: .*expected 4 bytes.*found"):
            download(artifact, place)
        assert not Path("out/cat.txt").exists()
    assert states(artifact, place) == {"cat.txt": "changed", "dog.txt": "unchanged"}
    (changed,) = (
        reference for reference in artifact.status(storage_options=place.options) if reference.state == "changed"
    )
    assert "4 bytes" in changed.expected and "16 bytes" in changed.found


def test_a_missing_object_is_an_error_or_left_out(place: Place, run: Run) -> None:
    place.put("cat.txt", b"meow")
    place.put("dog.txt", b"woof")
    artifact = log_references(run, place, "cat.txt", "dog.txt")
    place.remove("cat.txt")
    assert states(artifact, place) == {"cat.txt": "missing", "dog.txt": "unchanged"}
    if place.keeps_versions:
        assert download(artifact, place) == {"cat.txt": b"meow", "dog.txt": b"woof"}
        return
    with pytest.raises(ReferenceGone, match=r"'cat\.txt' of animals:v0"):
        download(artifact, place)
    assert download(artifact, place, "rest", allow_missing_references=True) == {"dog.txt": b"woof"}


def test_without_a_checksum_the_current_object_is_downloaded(place: Place, run: Run) -> None:
    place.put("cat.txt", b"meow")
    artifact = log_references(run, place, "cat.txt", checksum=False)
    entry = artifact.get_entry("cat.txt")
    assert (entry.ref, entry.digest, entry.size, entry.extra) == (place.prefix + "cat.txt",) * 2 + (None, {})
    assert download(artifact, place) == {"cat.txt": b"meow"}
    place.put("cat.txt", b"roar, and longer")
    assert download(artifact, place) == {"cat.txt": b"roar, and longer"}
    assert states(artifact, place) == {"cat.txt": "unchanged"}
    assert log_references(run, place, "cat.txt", checksum=False).name == "animals:v0"
    place.remove("cat.txt")
    assert states(artifact, place) == {"cat.txt": "missing"}
    assert download(artifact, place, "none", allow_missing_references=True) == {}


@LISTING
def test_a_prefix_without_a_checksum_is_unpinned(place: Place, run: Run) -> None:
    place.put("images/cat.png", b"cat")
    artifact = log_references(run, place, "images/", checksum=False)
    place.put("images/cat.png", b"another cat")
    assert download(artifact, place) == {"cat.png": b"another cat"}
    assert log_references(run, place, "images/", checksum=False).name == "animals:v0"


@SOME
def test_unchanged_references_are_the_same_version(place: Place, run: Run) -> None:
    keys = ("images",) if place.lists else ("images/cat.png", "images/dog.png")
    place.put("images/cat.png", b"cat")
    place.put("images/dog.png", b"dog")
    assert log_references(run, place, *keys).name == log_references(run, place, *keys).name == "animals:v0"
    place.put("images/dog.png", b"a larger dog")
    assert log_references(run, place, *keys).name == "animals:v1"
    with Store.open("../store") as store:
        assert store.usage().content_bytes == 0


@pytest.mark.parametrize("place", ["file", "nginx", "http", "s3", "gs"], indirect=True)
def test_a_percent_sign_in_a_name_stays_as_it_is(place: Place, run: Run) -> None:
    """It once became `%25`, and was downloaded as that."""
    keys = ["13%3A00", "13:00", "13%253A00", "50%/14%3A00", "100%", "ü 13%3A00", "%", "a%2Fb", "%2E%2E"]
    contents = {key: f"content of {key}".encode() for key in keys}
    for key, content in contents.items():
        place.put(key, content)
    # In URLs names are escaped; in buckets and after `file://` they are written as they are.
    written = {key: quote(key) if place.prefix.startswith("http") else key for key in keys}
    if place.prefix.startswith("http"):
        # A URL may escape more than it must, or less.
        assert (written["13%3A00"], written["13:00"]) == ("13%253A00", "13%3A00")
        written["ü 13%3A00"] = "ü 13%253A00"
    artifact = Artifact("clock", "dataset")
    for key, part in written.items():
        (entry,) = artifact.add_reference(place.prefix + part, storage_options=place.options)
        (unread,) = Artifact("unread", "dataset").add_reference(place.prefix + part, checksum=False)
        stored = key.replace("%", "%25") if place.prefix.startswith("file") else part
        assert entry.ref == unread.ref == place.prefix + stored
        assert entry.path == unread.path == key.removeprefix("50%/")
    expected = {key.removeprefix("50%/"): content for key, content in contents.items()}
    if place.lists:
        artifact.add_reference(place.prefix, "all%", storage_options=place.options)
        expected |= {f"all%/{key}": content for key, content in contents.items()}
    version = run.log_artifact(artifact).wait()
    for _ in range(2):
        assert download(version, place) == expected
    assert set(version.manifest.entries) == set(expected)
    assert set(states(version, place).values()) == {"unchanged"}


@SOME
def test_references_and_files_can_be_mixed(place: Place, run: Run) -> None:
    place.put("cat.txt", b"meow")
    Path("own.txt").write_bytes(b"mine")
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(place.prefix + "cat.txt", "far/cat.txt", storage_options=place.options)
    artifact.add_file("own.txt", "far/own.txt")
    logged = run.log_artifact(artifact).wait()
    assert (logged.size, logged.owned_bytes) == (8, 4)
    assert download(logged, place) == {"far/cat.txt": b"meow", "far/own.txt": b"mine"}
    Path("out/far/cat.txt").write_bytes(b"no!!")
    Path("out/far/own.txt").unlink()
    assert download(logged, place) == {"far/cat.txt": b"meow", "far/own.txt": b"mine"}


@SOME
def test_a_materialized_artifact_does_not_need_the_source(place: Place, run: Run) -> None:
    place.put("sub/cat.txt", b"meow")
    place.put("empty", b"")
    artifact = log_references(run, place, "sub/cat.txt", "empty")
    made = artifact.materialize(storage_options=place.options)
    place.remove("sub/cat.txt")
    place.remove("empty")
    assert (made.name, made.owned_bytes, made.status()) == ("animals:v1", 4, [])
    assert download(made, place) == {"cat.txt": b"meow", "empty": b""}
    assert made.materialize().name == "animals:v1"


def test_status_shows_new_and_missing_objects_of_a_prefix(source: Place, run: Run) -> None:
    for key in ("a/cat.txt", "a/dog.txt", "a/rat.txt"):
        source.put(key, key.encode())
    artifact = log_references(run, source, "a")
    source.put("a/deep/new.txt", b"new")
    source.put("a-b/other.txt", b"elsewhere")
    source.put("a/dog.txt", b"DOG")
    source.remove("a/rat.txt")
    assert states(artifact, source) == {
        "cat.txt": "unchanged",
        "dog.txt": "changed",
        "rat.txt": "missing",
        "a/deep/new.txt": "new",
    }


def test_a_new_draft_keeps_the_references_of_its_version(source: Place, run: Run) -> None:
    for key in ("a/cat.txt", "a/dog.txt"):
        source.put(key, key.encode())
    draft = log_references(run, source, "a").new_draft()
    draft.remove("dog.txt")
    with draft.new_file("own.txt") as file:
        file.write("mine")
    second = run.log_artifact(draft).wait()
    assert download(second, source) == {"cat.txt": b"a/cat.txt", "own.txt": b"mine"}
    assert states(second, source) == {"cat.txt": "unchanged", "a/dog.txt": "new"}
    more = Artifact("animals", "dataset", incremental=True)
    source.put("b/rat.txt", b"rat")
    more.add_reference(source.prefix + "b")
    third = run.log_artifact(more).wait()
    source.put("b/bat.txt", b"bat")
    assert states(third, source) == {
        "cat.txt": "unchanged",
        "rat.txt": "unchanged",
        "a/dog.txt": "new",
        "b/bat.txt": "new",
    }


def test_an_artifact_of_another_store_keeps_its_references(source: Place, run: Run, tmp_path: Path) -> None:
    source.put("a/cat.txt", b"meow")
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(source.prefix + "a")
    with artstore.init(project="zoo", store=tmp_path / "other", reinit=True) as other:
        logged = other.log_artifact(artifact).wait()
        source.put("a/new.txt", b"new")
        assert states(logged, source) == {"cat.txt": "unchanged", "a/new.txt": "new"}


def test_a_refused_reference_leaves_the_artifact_unchanged(source: Place, run: Run) -> None:
    for key in ("a/cat.txt", "a/dog.txt", "a/rat.txt"):
        source.put(key, key.encode())
    Path("rat.txt").write_bytes(b"another rat")
    artifact = Artifact("animals", "dataset")
    artifact.add_file("rat.txt")
    with pytest.raises(PathConflict, match=r"rat\.txt"):
        artifact.add_reference(source.prefix + "a")
    with pytest.raises(TooManyObjects, match="more than 2 objects"):
        artifact.add_reference(source.prefix + "a", "below", max_objects=2)
    with pytest.raises(ReferenceGone):
        artifact.add_reference(source.prefix + "nowhere")
    assert list(artifact.manifest.entries) == ["rat.txt"]
    assert run.log_artifact(artifact).wait().status() == []


def test_an_odd_name_without_a_checksum_stays_inside_the_folder(run: Run, tmp_path: Path) -> None:
    artifact = Artifact("animals", "dataset")
    (entry,) = artifact.add_reference("s3://bucket/a/..", checksum=False)
    assert (entry.path, entry.ref) == ("%2E%2E", "s3://bucket/a/..")
    (entry,) = artifact.add_reference("https://example.com/a%20b.txt?page=1", checksum=False)
    assert (entry.path, entry.ref) == ("a b.txt", "https://example.com/a%20b.txt?page=1")
    (entry,) = artifact.add_reference("s3://bucket/old.txt?versionId=abc", checksum=False)
    assert (entry.path, entry.ref, entry.extra) == ("old.txt", "s3://bucket/old.txt", {"versionID": "abc"})


def test_no_secret_is_stored_or_shown(web_app: WebApp, run: Run, tmp_path: Path) -> None:
    place = remote_places.web(web_app, "private")
    place.options = {"headers": {"Authorization": "Bearer S3CRET"}}
    place.put("cat.txt", b"meow")
    artifact = log_references(run, place, "cat.txt")
    assert download(artifact, place) == {"cat.txt": b"meow"}
    assert states(artifact, place) == {"cat.txt": "unchanged"}
    address = place.prefix.removeprefix("http://")
    messages = []
    for uri in (f"http://user:S3CRET@{address}cat.txt", f"http://{address}cat.txt?X-Amz-Signature=S3CRET"):
        with pytest.raises(SecretInUri) as refused:
            Artifact("bad", "dataset").add_reference(uri)
        messages.append(str(refused.value))
    with pytest.raises(ArtstoreError) as denied:
        artifact.download("denied", storage_options={"headers": {"Authorization": "Bearer S3CRETX"}})
    messages.append(str(denied.value))
    run.finish()
    written = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"cat.txt" in written
    assert not [text for text in (*messages, written.decode("latin-1")) if "S3CRET" in text]


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.torture)])
def test_a_folder_is_tracked_without_copying_a_byte(run: Run, tmp_path: Path, count: int) -> None:
    for number in range(count):
        path = tmp_path / "many" / f"{number // 1000:03}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    artifact = Artifact("many", "dataset")
    artifact.add_reference((tmp_path / "many").as_uri(), max_objects=count)
    logged = run.log_artifact(artifact).wait()
    assert len(logged.manifest.entries) == count
    assert sum(path.stat().st_size for path in (tmp_path / "store/packs").iterdir()) == 0
    path.write_bytes(b"another")
    references = logged.status()
    assert len(references) == count and [
        reference.path for reference in references if reference.state != "unchanged"
    ] == [path.relative_to(tmp_path / "many").as_posix()]


def test_an_unreachable_place_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    artifact = Artifact("animals", "dataset")
    unreachable = f"http://127.0.0.1:{servers.free_port()}"
    for uri, options in (
        (f"{unreachable}/cat.txt", {}),
        ("s3://bucket/cat.txt", {"key": "K", "secret": "S3CRET", "endpoint_url": unreachable}),
        ("gs://bucket/cat.txt", {"token": "anon", "endpoint_url": unreachable}),
    ):
        with pytest.raises(Unreachable, match=r"cat\.txt") as caught:
            artifact.add_reference(uri, storage_options=options)
        assert "S3CRET" not in str(caught.value)
    assert len(artifact.manifest) == 0


def test_an_error_of_one_reference_ends_the_download_of_the_others(source: Place, run: Run) -> None:
    """This holds for a download that would never end."""

    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"ETag": '"endless"', "Content-Length": str(1 << 40)})
        await reply.prepare(request)
        while request.method == "GET":
            await reply.write(b"x" * 1000)
            await asyncio.sleep(0.05)
        return reply

    source.put("cat.txt", b"meow")
    with servers.web_server(trickle) as url:
        artifact = Artifact("animals", "dataset")
        artifact.add_reference(f"{url}/endless")
        artifact.add_reference(source.prefix + "cat.txt")
        source.put("cat.txt", b"roar")
        with pytest.raises(ReferenceChanged, match=r"cat\.txt"):
            download(run.log_artifact(artifact).wait(), source)
    assert not list(Path("out").iterdir())


def test_an_artifact_can_be_named_by_the_url_of_its_entry(run: Run) -> None:
    first = Artifact("animals", "dataset")
    with first.new_file("cats/cat.txt") as file:
        file.write("meow")
    first = run.log_artifact(first).wait()
    second = Artifact("pets", "dataset")
    url = first.get_entry("cats/cat.txt").ref_url()
    assert [entry.path for entry in second.add_reference(url)] == ["cats/cat.txt"]
    assert second.add_reference("wandb-artifact://zoo/animals:latest") == []
    for wrong, message in (
        ("wandb-artifact://0a1b2c/cat.txt", "or pass the artifact, or its entry, itself"),
        ("wandb-artifact://zoo/animals:v7/cat.txt", 'no version "animals:v7"'),
        ("wandb-artifact://zoo/animals:v0/dog.txt", "dog.txt"),
    ):
        with pytest.raises(ArtstoreError, match=message):
            second.add_reference(wrong)
    second = run.log_artifact(second).wait()
    assert [dependency.name for dependency in second.dependencies()] == ["animals:v0"]
    assert Path(second.download("out"), "cats/cat.txt").read_text() == "meow"


def test_invalid_uris_limits_and_options_are_refused(tmp_path: Path) -> None:
    artifact = Artifact("animals", "dataset")
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (tmp_path, {}, "References must be URIs"),
        (None, {}, "References must be URIs"),
        (tmp_path.as_uri(), {"max_objects": "10"}, "max_objects is '10'"),
        (tmp_path.as_uri(), {"storage_options": "anon"}, "storage_options must be a dict"),
    ]
    for uri, options, message in wrong:
        with pytest.raises(InvalidInput, match=message):
            artifact.add_reference(uri, **options)
    assert list(artifact.manifest.entries) == []


def test_a_draft_cannot_be_materialized(source: Place) -> None:
    with pytest.raises(ArtifactNotLoggedError, match="materialize"):
        Artifact("animals", "dataset").materialize()


def test_status_reports_progress(source: Place, run: Run) -> None:
    for key in ("a/cat.txt", "a/dog.txt"):
        source.put(key, key.encode())
    artifact = log_references(run, source, "a")
    steps: list[tuple[str, int]] = []

    class Listener:
        def begin(self, what: str, total: Total, unit: str) -> None:
            steps.append((what, 0))

        def advance(self, amount: int) -> None:
            steps[-1] = (steps[-1][0], steps[-1][1] + amount)

        def end(self) -> None: ...

    run.store.status(artifact.qualified_name, progress=Listener())
    assert steps == [(f"listing {source.prefix}a/", 2), ("looking at animals:v0", 2)]
