"""`artstore bench dedup` predicts the space that data would take, and leaves the data unchanged."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from artstore import Store
from artstore.bench import sources
from artstore.bench.dedup import measure
from artstore.bench.sources import Sources
from artstore.runtime.progress import SILENT
from tests.support import remote_places
from tests.support.cli_runner import json_of, output_of, put_two_versions, run
from tests.support.files import noise, tree_of
from tests.support.programs import run_python
from tests.support.servers import WebApp

pytestmark = pytest.mark.usefixtures("workspace")

LARGE = 18_000_000
WAYS = [
    *("whole files", "fixed 64 KiB", "fixed 256 KiB", "fixed 1 MiB"),
    *("by content 16 KiB", "by content 256 KiB", "by content 1 MiB", "artstore"),
]


def write_folder(folder: str, **files: bytes) -> str:
    """Create a folder with files; return its name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        Path(folder, name).write_bytes(content)
    return folder


def measured(*arguments: str) -> dict[str, Any]:
    """The ways by their names, each with what every version added; and everything else under its own name."""
    report = json_of("bench", "dedup", *arguments)
    return {
        **report,
        **{
            way["name"]: [b - a for a, b in zip([0, *after], after, strict=False)]
            for way in report["ways"]
            for after in [way["stored_after_each_version"]]
        },
    }


def test_an_insertion_costs_little_with_content_defined_pieces_and_much_with_fixed_ones() -> None:
    before = noise(LARGE)
    after = before[: LARGE // 2] + noise(1024, 1) + before[LARGE // 2 :]
    report = measured(write_folder("one", model=before), write_folder("two", model=after), "--no-zstd")
    assert report["whole files"] == [LARGE, LARGE + 1024]
    for name in ("fixed 64 KiB", "fixed 256 KiB", "fixed 1 MiB"):
        assert report[name][0] == LARGE
        assert LARGE // 2 <= report[name][1] <= LARGE // 2 + 1024 + 2**20
    for name, most in (("by content 16 KiB", 2**18), ("artstore", 2**20), ("by content 256 KiB", 2**22)):
        assert report[name][0] == LARGE
        assert 1024 <= report[name][1] < most


def test_a_second_version_that_is_equal_costs_nothing() -> None:
    content = {"large": noise(9_000_000), "small": b"meow", "empty": b"", "text": b"one,two,three\n" * 20_000}
    report = measured(write_folder("one", **content), write_folder("two", **content))
    size = sum(map(len, content.values()))
    assert report["versions"] == [{"label": label, "files": 4, "size": size} for label in ("one", "two")]
    for name in WAYS:
        assert report[name][1] == 0
    for way in report["ways"]:
        first, second = way["zstd"]["stored_after_each_version"]
        assert 0 < first == second <= way["stored"]


def test_equal_files_and_equal_pieces_within_a_version_count_once() -> None:
    report = measured(write_folder("one", a=bytes(2**20), b=bytes(2**20), c=noise(100)), "--no-zstd")
    assert report["whole files"] == [2**20 + 100]
    assert report["fixed 64 KiB"] == [2**16 + 100]
    assert report["size"] == 2**21 + 100


def test_the_row_of_artstore_equals_the_size_of_a_real_store(workspace: Path) -> None:
    large = noise(10_000_000)
    edges = {f"n{size}": noise(size, size) for size in (0, 1, 16_384, 32_768, 65_535, 65_536, 65_537, 262_144, 8 << 20)}
    write_folder("one", large=large, **edges)
    write_folder("two", large=large[:3_000_000] + b"whiskers" + large[3_000_000:], **edges)
    write_folder("three", large=large[2_000_000:], other=b"meow" * 50_000)
    totals = []
    with Store.init(workspace / "store") as store:
        for folder in ("one", "two", "three"):
            draft = store.draft("animals", "dataset")
            store.add_dir(draft, folder)
            store.commit(draft)
            totals.append(store.usage().content_bytes)
        assert store.usage().version_bytes == json_of("bench", "dedup", "one", "two", "three", "--no-zstd")["size"]
    for paths in (["one", "two", "three"], ["store"]):
        *_, ours = json_of("bench", "dedup", *paths, "--no-zstd")["ways"]
        assert (ours["name"], ours["stored_after_each_version"]) == ("artstore", totals)


def test_compressed_pieces_are_counted_only_where_that_pays() -> None:
    report = json_of("bench", "dedup", write_folder("one", noise=noise(3_000_000), text=b"meow purr hiss\n" * 200_000))
    for way in report["ways"]:
        assert 3_000_000 < way["zstd"]["stored"] < 3_200_000
        assert way["stored"] > 3_000_000
    noisy = json_of("bench", "dedup", write_folder("two", noise=noise(3_000_000)))
    assert {way["zstd"]["stored"] for way in noisy["ways"]} == {3_000_000}


def test_the_json_has_all_that_the_tables_show() -> None:
    report = json_of("bench", "dedup", "animals", "animals")
    assert set(report) == {"versions", "size", "ways", "seconds", "notes"}
    assert [way["name"] for way in report["ways"]] == WAYS
    assert [way["piece_size"] for way in report["ways"]][:2] == [None, 65_536]
    assert [way["kind"] for way in report["ways"]][::7] == ["whole", "artstore"]
    for way in report["ways"]:
        for part in (way, way["zstd"]):
            assert part["stored"] == part["stored_after_each_version"][-1] == 300_000
            assert part["ratio"] == 2.0
            assert part["bytes_per_second"] > 0
        assert way["pieces"] >= 2
    assert {way["zstd"] for way in json_of("bench", "dedup", "animals", "--no-zstd")["ways"]} == {None}


def test_the_last_line_is_the_answer() -> None:
    before = noise(4_000_000)
    write_folder("one", model=before)
    write_folder("two", model=before[:2_000_000] + b"!" + before[2_000_000:])
    output = output_of("bench", "dedup", "one", "two", "--no-zstd")
    assert "2 versions, 2 files, 8.0 MB read" in output
    assert all(name in output for name in WAYS) and "what each version adds" in output
    last = output.splitlines()[-1]
    assert last.startswith("artstore would store these in 4.") and "where storing whole files takes 8.0 MB: 4" in last
    assert output.splitlines()[0].endswith(" s")
    same = output_of("bench", "dedup", "animals")
    assert "what each version adds" not in same
    assert same.splitlines()[-1] == (
        "artstore would store this in 300.0 kB, where storing whole files takes 300.0 kB: the same; "
        "with zstd 300.0 kB, the same."
    )


def test_of_many_versions_the_first_and_last_are_shown() -> None:
    output = output_of("bench", "dedup", *["animals"] * 25, "--no-zstd")
    assert "... 5 more (--json)" in output and output.count("animals") == 20


def test_the_chart_names_every_series(workspace: Path) -> None:
    output_of("bench", "dedup", "animals", "animals", "--plot", "growth.svg")
    output_of("bench", "dedup", "animals", "--plot", "one.svg")
    for name, more in (("growth.svg", "artstore, zstd"), ("one.svg", "with zstd")):
        texts = {element.text for element in ElementTree.parse(workspace / name).iter()}
        assert {*WAYS, more} <= texts
    assert "does not exist" in run("bench", "dedup", "animals", "--plot", "nowhere/x.svg").stderr


# Sources of data


def test_single_files_are_consecutive_versions() -> None:
    write_folder("files", one=noise(100_000), two=noise(100_000), three=noise(100_000, 1))
    report = measured("files/one", "files/two", "files/three")
    assert report["artstore"] == [100_000, 0, 100_000]


def test_a_folder_is_read_as_put_reads_it(workspace: Path) -> None:
    output_of("init")
    write_folder("animals/deep/down", rat=noise(50_000, 3))
    (workspace / "animals" / "link").symlink_to("cat.jpg")
    write_folder("elsewhere", fox=noise(10_000, 4))
    (workspace / "animals" / "outside").symlink_to(workspace / "elsewhere" / "fox")
    output_of("put", ".", "--name", "all", "--type", "dataset")
    report = json_of("bench", "dedup", ".")
    assert report["size"] == json_of("show", "all")["size"]


def test_the_versions_of_a_collection_are_read_from_a_store(workspace: Path) -> None:
    put_two_versions()
    report = measured(".artstore", "--name", "animals")
    assert [version["label"] for version in report["versions"]] == ["animals:v0", "animals:v1"]
    assert report["artstore"] == report["whole files"] == [300_000, 300_000]
    assert measured(".artstore")["artstore"] == report["artstore"]
    output_of("put", "animals", "--name", "others", "--type", "dataset", "--project", "zoo")
    asked = run("bench", "dedup", ".artstore").stderr
    assert "has 2 collections: pass one of them as --name (uncategorized/animals, zoo/others)" in asked
    assert json_of("bench", "dedup", ".artstore", "--name", "zoo/others")["size"] == 600_000
    assert "pass 'zoo/others'" in run("bench", "dedup", ".artstore", "--name", "zoo/others:v0").stderr
    assert "no artifact 'fox' in project 'zoo'" in run("bench", "dedup", ".artstore", "--name", "zoo/fox").stderr


def test_references_of_a_version_are_left_out_with_a_note(workspace: Path) -> None:
    put_two_versions()
    uri = (workspace / "animals" / "cat.jpg").as_uri()
    output_of("ref", uri, "--name", "linked", "--type", "dataset")
    result = run("bench", "dedup", ".artstore", "--name", "linked")
    assert (result.exit_code, "'linked' holds no stored files" in result.stderr) == (2, True)


def test_remote_objects_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    place = remote_places.memory()
    content = {"a": noise(3_000_000), "b": noise(500_000, 1), "c": b"", "d": noise(700_000, 2)}
    for key, part in content.items():
        place.put(f"one/{key}", part)
        place.put(f"two/{key}", part)
    report = measured(f"{place.prefix}one", f"{place.prefix}two")
    assert [part["size"] for part in report["versions"]] == [4_200_000] * 2
    assert (report["artstore"], report["notes"]) == ([4_200_000, 0], [])
    cut = measured(f"{place.prefix}one/", "--limit", "3.2MB")
    assert cut["versions"] == [{"label": f"{place.prefix}one/", "files": 2, "size": 3_200_000}]
    assert cut["notes"] == [
        f"{place.prefix}one/: only its first 3,200,000 bytes were read; a higher --limit reads more"
    ]
    monkeypatch.setattr(sources, "REMOTE_LIMIT", 1_000_000)
    result = run("bench", "dedup", f"{place.prefix}one/a")
    assert "only its first 1,000,000 bytes were read" in result.stderr
    gone = run("bench", "dedup", f"{place.prefix}three")
    assert (gone.exit_code, "neither an object" in gone.stderr) == (2, True)


def test_a_large_object_on_a_web_server_is_streamed(web_app: WebApp) -> None:
    place = remote_places.web(web_app)
    content = noise(20_000_000)
    place.put("model", content)
    write_folder("local", model=content)
    report = measured("local", f"{place.prefix}model")
    assert report["artstore"] == [len(content), 0]


def test_the_limit_is_noted_for_an_object_of_unknown_size(web_app: WebApp) -> None:
    place = remote_places.web(web_app, "chunked")
    place.put("model", noise(300_000))
    report = json_of("bench", "dedup", f"{place.prefix}model", "--limit", "100kB")
    assert report["size"] == 100_000
    assert report["notes"] == [
        f"{place.prefix}model: its size is unknown; at most 100,000 bytes of it were read (--limit)"
    ]


def test_a_limit_reads_the_first_files_of_a_folder_and_the_beginning_of_one() -> None:
    report = json_of("bench", "dedup", "animals", "--limit", "250kB")
    assert report["versions"] == [{"label": "animals", "files": 2, "size": 250_000}]
    assert report["notes"] == ["animals: only the first 250,000 of 300,000 bytes were read (--limit)"]
    assert json_of("bench", "dedup", "animals", "--limit", "1GiB")["notes"] == []


# Nothing is written, and errors


def test_nothing_is_written_anywhere(workspace: Path) -> None:
    put_two_versions()
    before = tree_of(workspace)
    output_of("bench", "dedup", "animals", "animals")
    output_of("bench", "dedup", ".artstore")
    assert tree_of(workspace) == before


def test_a_read_only_folder_is_read(workspace: Path) -> None:
    for path in (workspace / "animals", workspace):
        path.chmod(0o555)
    try:
        output = run_python(
            "import sys; from artstore.cli import main; main()", "bench", "dedup", workspace / "animals"
        )
    finally:
        workspace.chmod(0o755)
    assert "artstore would store this in 300.0 kB" in output


def test_an_unreadable_file_is_named_before_anything_is_measured(workspace: Path) -> None:
    (workspace / "animals" / "dog.jpg").chmod(0)
    program = (
        "import sys\nfrom artstore.bench import dedup\nfrom artstore.bench.sources import Sources\n"
        "with Sources(None, None, dedup.SILENT) as sources:\n"
        "    try:\n        dedup.measure(sources.find(sys.argv[1]))\n"
        "    except OSError as error:\n        print(error)"
    )
    assert f"cannot read {str(workspace / 'animals' / 'dog.jpg')!r}: Permission denied" in run_python(
        program, workspace / "animals"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "'nowhere' cannot be read: No such file or directory"),
        (["animals", "empty"], "'empty' holds no files"),
        (["hollow"], "all files are empty"),
        (["hollow/pipe"], "neither a file nor a folder"),
        (["pipes"], "it is neither a file, a folder nor a link"),
        (["bare"], "has no versions: put something there first"),
        (["file:///nowhere/at/all"], "neither an object 'file:///nowhere/at/all' nor"),
        (["nosuch://host/x"], "no driver knows nosuch://"),
        (["https://u:S3CRET@h/x"], "a user and password in it"),
        (["animals", "--limit", "lots"], "'lots' is not a size: use 4096, 64KiB or 1.5GB"),
        (["animals", "--plot", "chart.png"], "'chart.png' is not the name of an SVG file"),
        (["animals", "--limit", "0"], "'0' is not a size"),
        ([], "Missing argument"),
    ],
)
def test_an_error_says_why_data_cannot_be_measured(workspace: Path, arguments: list[str], message: str) -> None:
    (workspace / "empty").mkdir()
    write_folder("hollow", nothing=b"")
    write_folder("pipes")
    Store.init(workspace / "bare").close()
    for pipe in ("pipes/pipe", "hollow/pipe"):
        if "hollow" not in arguments:
            os.mkfifo(pipe)
    result = run("bench", "dedup", *arguments)
    assert (result.exit_code, message in result.stderr, "S3CRET" in result.output) == (2, True, False), result.stderr


def test_without_its_library_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert "pip install 'artstore[bench]'" in run("bench", "dedup", "animals").stderr
    assert json.loads(output_of("bench", "dedup", "animals", "--no-zstd", "--json"))["size"] == 300_000


def test_memory_does_not_grow_with_the_data(workspace: Path) -> None:
    with (workspace / "large").open("wb") as large:
        large.truncate(150_000_000)
    with Sources(None, None, SILENT) as opened:
        tracemalloc.start()
        try:
            outcome = measure(opened.find("large"), compress=False)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert outcome.size == 150_000_000
    assert peak < 100_000_000
