"""References to many objects, to odd keys, and to buckets with restricted access."""

from __future__ import annotations

import asyncio
import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import artstore
from artstore import Artifact
from artstore.drivers import RemoteObject, placing
from artstore.drivers.session import Session
from artstore.errors import AccessDenied, ReferenceGone, TooManyObjects
from artstore.store import Store
from benchmarks import synthetic_driver
from tests.support import remote_places
from tests.support.cli_runner import json_of, output_of, run
from tests.support.remote_places import ODD_KEYS, fill_bucket
from tests.support.servers import GsServer, S3Server


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder with a store, and a run."""
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    monkeypatch.setenv("ARTSTORE_DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    with artstore.init():
        yield tmp_path


def log_artifact(artifact: Artifact) -> Artifact:
    assert artstore.run is not None
    return artstore.run.log_artifact(artifact).wait()


def files_below(folder: str) -> dict[str, bytes]:
    """Return the files below a folder by their paths."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_ten_thousand_objects_are_twelve_requests_and_one_more_is_an_error(seaweed: S3Server) -> None:
    bucket = asyncio.run(fill_bucket(seaweed, [f"images/{number:05}" for number in range(10_000)]))
    artifact = Artifact("images", "dataset")
    with remote_places.counting_proxy(seaweed.url) as (url, asked):
        options = {**seaweed.options, "endpoint_url": url}
        artifact.add_reference(f"s3://{bucket}/images", storage_options=options)
        assert len(asked) <= 12
        version = log_artifact(artifact)
        entries = version.manifest.entries.values()
        assert len(entries) == 10_000 and all(entry.extra["versionID"] for entry in entries)
        asked.clear()
        assert {reference.state for reference in version.status(storage_options=options)} == {"unchanged"}
        assert len(asked) <= 12
    seaweed.client.put_object(Bucket=bucket, Key="images/10000", Body=b"")
    artifact = Artifact("images", "dataset")
    with pytest.raises(TooManyObjects, match=r"more than 10,000 objects below 's3://.*/images'.*max_objects="):
        artifact.add_reference(f"s3://{bucket}/images", storage_options=seaweed.options)
    assert len(artifact.manifest) == 0
    artifact.add_reference(f"s3://{bucket}/images", max_objects=20_000, storage_options=seaweed.options)
    assert len(artifact.manifest) == 10_001


@pytest.mark.parametrize(
    "count", [20_000, pytest.param(1_000_000, marks=[pytest.mark.torture, pytest.mark.timeout(3600)])]
)
def test_references_take_less_than_a_kilobyte_each_and_100_megabytes_of_memory(
    count: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_driver.install(here)
    monkeypatch.syspath_prepend(str(here))
    artifact = Artifact("images", "dataset")
    artifact.add_reference("many://1/")
    tracemalloc.start()
    try:
        assert len(artifact.add_reference(f"many://{count}/", "all", max_objects=count)) == count
        version = log_artifact(artifact)
        logging = tracemalloc.get_traced_memory()[1]
        assert len(version.status()) == count + 1
        looking = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert version.size == sum(range(1000, 1000 + count)) + 1000
    assert logging < count * 1000
    assert looking < 100_000_000


def test_odd_keys_are_stored_exactly_and_stay_in_the_folder(moto: S3Server, here: Path) -> None:
    bucket = moto.bucket(versioned=True)
    apart = placing.path_beside_folder("a", f"s3://{bucket}/a")
    keys = [*ODD_KEYS, "a", "a/b", "../../up", "/../root", "x/", "empty", "a//../b", "~", "nul%00"]
    for key in keys:
        moto.client.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("empty") else key.encode())
    artifact = Artifact("odd", "dataset")
    artifact.add_reference(f"s3://{bucket}", storage_options=moto.options)
    version = log_artifact(artifact)
    paths = {str(entry.ref): path for path, entry in version.manifest.entries.items()}
    assert sorted(paths) == sorted({f"s3://{bucket}/{key}" for key in keys})
    before = set(here.iterdir())
    written = files_below(version.download("out", storage_options=moto.options))
    assert set(here.iterdir()) - before == {here / "out"}
    assert written == {paths[f"s3://{bucket}/{key}"]: b"" if key.endswith("empty") else key.encode() for key in keys}
    assert paths[f"s3://{bucket}/a"] == apart
    moto.client.put_object(Bucket=bucket, Key=apart, Body=b"made to clash")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        Artifact("odd", "dataset").add_reference(f"s3://{bucket}", storage_options=moto.options)


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_percent_signs_stay_and_folder_markers_are_folders(
    scheme: str, moto: S3Server, fake_gcs: GsServer, here: Path
) -> None:
    server = moto if scheme == "s3" else fake_gcs
    place: Any = getattr(remote_places, scheme)(server, server.bucket())
    for key in ("13%3A00.csv", "100%/50%25", "images/cat"):
        place.put("data/" + key, key.encode())
    for marker in ("data/", "data/images/", "data/empty/"):
        place.put(marker, b"")
    artifact = Artifact("log", "dataset")
    artifact.add_reference(place.prefix + "data", storage_options=place.options)
    artifact.add_reference(place.prefix + "data/13%3A00.csv", "single/13%3A00", storage_options=place.options)
    version = log_artifact(artifact)
    files = {"13%3A00.csv": b"13%3A00.csv", "100%/50%25": b"100%/50%25", "images/cat": b"images/cat"}
    assert files_below(version.download("out", storage_options=place.options)) == {
        **files,
        "single/13%3A00": b"13%3A00.csv",
    }
    assert Path("out/empty").is_dir() and not list(Path("out").rglob("%"))
    assert {reference.state for reference in version.status(storage_options=place.options)} == {"unchanged"}


def test_an_entry_of_an_earlier_version_keeps_its_escaped_path(moto: S3Server, here: Path) -> None:
    """Paths were escaped more in the past: versions that were committed then are as they were."""
    bucket = moto.bucket()
    moto.client.put_object(Bucket=bucket, Key="data/50%", Body=b"half")
    moto.client.put_object(Bucket=bucket, Key="data/", Body=b"")
    with Session(moto.options) as session:
        (entry,) = session.references(f"s3://{bucket}/data/")
        marker = session.stat(RemoteObject(f"s3://{bucket}/data/", "data"))
    store = Store.open(here / "store")
    draft = store.draft("old", "dataset")
    draft.add_all([entry._replace(path="50%25"), marker.entry("%")])
    draft.prefixes.add(f"s3://{bucket}/data/")
    store.commit(draft)
    store.close()
    version = artstore.Api().artifact("old:v0")
    assert files_below(version.download("out", storage_options=moto.options)) == {"50%25": b"half", "%": b""}
    states = {reference.path: reference.state for reference in version.status(storage_options=moto.options)}
    assert states == {"50%25": "unchanged", "%": "unchanged"}


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_whole_bucket_without_a_checksum_is_listed(scheme: str, moto: S3Server, fake_gcs: GsServer) -> None:
    """A bucket cannot be an object, with or without a `/` at its end."""
    server = moto if scheme == "s3" else fake_gcs
    place: Any = getattr(remote_places, scheme)(server, server.bucket())
    place.put("images/cat", b"meow")
    bucket, _, top = place.prefix.removeprefix(f"{scheme}://").partition("/")
    for uri in (f"{scheme}://{bucket}", f"{scheme}://{bucket}/"):
        artifact = Artifact("bucket", "dataset")
        artifact.add_reference(uri, checksum=False, storage_options=place.options)
        version = log_artifact(artifact)
        assert files_below(version.download("out", storage_options=place.options)) == {f"{top}images/cat": b"meow"}
        assert [reference.state for reference in version.status(storage_options=place.options)] == ["unchanged"]


def test_a_null_version_that_was_asked_for_is_unchanged_while_it_is_kept(moto: S3Server) -> None:
    bucket = moto.bucket()
    moto.client.put_object(Bucket=bucket, Key="cat", Body=b"meow")
    moto.bucket(versioned=True, name=bucket)
    artifact = Artifact("cat", "dataset")
    for name, checksum in (("pinned", True), ("unpinned", False)):
        artifact.add_reference(
            f"s3://{bucket}/cat?versionId=null", name, checksum=checksum, storage_options=moto.options
        )
    version = log_artifact(artifact)
    moto.client.put_object(Bucket=bucket, Key="cat", Body=b"roar!")
    written = files_below(version.download("out", storage_options=moto.options))
    assert written == {"pinned": b"meow", "unpinned": b"meow"}
    assert {reference.state for reference in version.status(storage_options=moto.options)} == {"unchanged"}


def requests_of_repeated_downloads(artifact: Artifact, options: dict[str, Any], asked: list[str]) -> list[str]:
    """Return the requests of a second download, and of a third one after a file was damaged."""
    artifact.download("out", storage_options=options)
    first = files_below("out")
    asked.clear()
    artifact.download("out", storage_options=options)
    second = list(asked)
    Path("out/cat.txt").write_bytes(b"MEOW")
    artifact.download("out", storage_options=options)
    assert files_below("out") == first
    assert len(asked) == 1
    return second


def test_valid_files_are_not_fetched_again(seaweed: S3Server, fake_gcs: GsServer) -> None:
    for scheme, server in (("s3", seaweed), ("gs", fake_gcs)):
        place: Any = getattr(remote_places, scheme)(server, server.bucket())
        for name in ("cat.txt", "dog.txt"):
            place.put("animals/" + name, b"meow")
        artifact = Artifact(scheme, "dataset")
        artifact.add_reference(place.prefix + "animals", storage_options=place.options)
        with remote_places.counting_proxy(server.url) as (url, asked):
            assert (
                requests_of_repeated_downloads(log_artifact(artifact), {**place.options, "endpoint_url": url}, asked)
                == []
            )


def test_without_the_right_to_list_versions_etags_pin_references(seaweed: S3Server) -> None:
    bucket = seaweed.bucket(versioned=True)
    seaweed.client.put_object(Bucket=bucket, Key="images/cat", Body=b"meow")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucketVersions", "Resource": f"arn:aws:s3:::{bucket}"}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    seaweed.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    artifact = Artifact("images", "dataset")
    (entry,) = artifact.add_reference(f"s3://{bucket}/images", storage_options=seaweed.options)
    assert list(entry.extra) == ["etag"]
    version = log_artifact(artifact)
    assert files_below(version.download("out", storage_options=seaweed.options)) == {"cat": b"meow"}
    assert [reference.state for reference in version.status(storage_options=seaweed.options)] == ["unchanged"]


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_requested_version_is_unchanged_while_it_exists(seaweed: S3Server, fake_gcs: GsServer, scheme: str) -> None:
    if scheme == "s3":
        place, mark = remote_places.s3(seaweed, seaweed.bucket(versioned=True), keeps_versions=True), "?versionId="
    else:
        place, mark = remote_places.gs(fake_gcs, fake_gcs.bucket(versioned=True), keeps_versions=True), "#"
    place.put("cat", b"meow")
    looked = Artifact("looked", "dataset")
    (entry,) = looked.add_reference(f"{place.prefix}cat", storage_options=place.options)
    place.put("cat", b"roar!")
    asked = Artifact("asked", "dataset")
    for version, name in ((entry.extra["versionID"], "kept"), (None, "now")):
        uri = f"{place.prefix}cat{mark}{version}" if version else f"{place.prefix}cat"
        asked.add_reference(uri, name, storage_options=place.options)
    for artifact, states in ((looked, {"cat": "changed"}), (asked, {"kept": "unchanged", "now": "unchanged"})):
        references = log_artifact(artifact).status(storage_options=place.options)
        assert {reference.path: reference.state for reference in references} == states
    if scheme == "s3":
        bucket, _, key = place.prefix.removeprefix("s3://").partition("/")
        seaweed.client.delete_object(Bucket=bucket, Key=f"{key}cat", VersionId=entry.extra["versionID"])
        references = log_artifact(asked).status(storage_options=place.options)
        assert {reference.path: reference.state for reference in references} == {"kept": "missing", "now": "unchanged"}


@pytest.mark.parametrize("key", ["cat", "images/"])
def test_denied_access_is_named_and_nothing_is_added(seaweed: S3Server, fake_gcs: GsServer, key: str) -> None:
    artifact = Artifact("images", "dataset")
    bucket = seaweed.bucket()
    with pytest.raises(AccessDenied, match=rf"s3://{bucket}/{key}.*redentials") as caught:
        artifact.add_reference(f"s3://{bucket}/{key}", storage_options={**seaweed.options, "secret": "WR0NG"})
    assert "WR0NG" not in str(caught.value)
    for uri, options in ((f"s3://nowhere/{key}", seaweed.options), (f"gs://nowhere/{key}", fake_gcs.options)):
        with pytest.raises(ReferenceGone, match="nowhere"):
            artifact.add_reference(uri, storage_options=options)
    assert len(artifact.manifest) == 0


def test_a_bucket_is_tracked_on_the_command_line_with_the_usual_settings(
    seaweed: S3Server, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    bucket = seaweed.bucket(versioned=True)
    seaweed.client.put_object(Bucket=bucket, Key="images/cat", Body=b"meow")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret)
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweed.url)
    arguments = ("ref", f"s3://{bucket}/images", "--name", "images", "--type", "dataset")
    assert output_of(*arguments) == "images:v0  1 entry  4 B  (new)\n"
    assert output_of(*arguments) == "images:v0  1 entry  4 B  (unchanged)\n"
    assert output_of("status", "images") == "images:v0  1 unchanged, 0 changed, 0 missing, 0 new\n"
    seaweed.client.put_object(Bucket=bucket, Key="images/cat", Body=b"roar!")
    seaweed.client.put_object(Bucket=bucket, Key="images/dog", Body=b"woof")
    result = run("status", "images", "--json")
    assert result.exit_code == 1
    assert [reference["path"] for reference in json.loads(result.stdout)["changed"]] == ["cat"]
    assert output_of("get", "images", "--root", "out") == "out  1 file written, 0 kept\n"
    assert files_below("out") == {"cat": b"meow"}
    assert json_of(*arguments)["version"] == "v1"
    written = b"".join(path.read_bytes() for path in (here / "store").rglob("*") if path.is_file())
    assert seaweed.secret.encode() not in written


def test_bench_dedup_reads_prefixes_of_a_bucket(seaweed: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = seaweed.bucket(versioned=True)
    large = random.Random(0).randbytes(6_000_000)
    for day, content in (("1", large), ("2", large[:3_000_000] + b"!" + large[3_000_000:])):
        seaweed.client.put_object(Bucket=bucket, Key=f"{day}/model", Body=content)
        for number in range(20):
            seaweed.client.put_object(Bucket=bucket, Key=f"{day}/{number}", Body=f"{number}".encode())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret)
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweed.url)
    report = json_of("bench", "dedup", f"s3://{bucket}/1", f"s3://{bucket}/2", "--no-zstd")
    assert [item["files"] for item in report["versions"]] == [21, 21]
    ways = {item["name"]: item["stored_after_each_version"] for item in report["ways"]}
    small = sum(len(f"{number}") for number in range(20))
    assert ways["whole files"] == [6_000_000 + small, 12_000_001 + small]
    assert 6_000_001 + small <= ways["artstore"][1] < 6_600_000
