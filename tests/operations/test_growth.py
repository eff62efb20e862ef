"""Twice the input is twice the work, counted in steps of SQLite, statements and calls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artstore import Api, Artifact, Store, Version
from artstore.core import manifest
from artstore.errors import NotFound
from tests.support.counted_work import calls, sqlite_steps, statements
from tests.support.files import commit_folder, write_files
from tests.support.wandb_fixtures import log_version

pytestmark = pytest.mark.usefixtures("workdir")

AT_MOST = 2.3


@pytest.fixture
def opened() -> Iterator[Store]:
    with Store.init("store") as store:
        yield store


def version_of(opened: Store, name: str = "animals") -> Version:
    draft = opened.draft(name, "dataset")
    opened.add_bytes(draft, b"meow", "cat.txt")
    return opened.commit(draft)


def labels(number: int) -> list[str]:
    return [f"label-{i}" for i in range(number)]


def remove_aliases(opened: Store, version: Version, number: int) -> None:
    opened.describe(version, add_aliases=labels(number))
    opened.describe(version, remove_aliases=labels(number))


def change_aliases_among_protected(opened: Store, version: Version, number: int) -> None:
    opened.describe_collection(version.collection, protected_aliases=[f"protected-{i}" for i in range(number)])
    opened.describe(version, add_aliases=labels(number))


CHANGES: dict[str, Callable[[Store, Version, int], object]] = {
    "aliases removed": remove_aliases,
    "aliases of a link removed": lambda opened, version, number: remove_aliases(
        opened, opened.link(version, "wandb-registry-model/animals"), number
    ),
    "aliases set where others are protected": change_aliases_among_protected,
    "tags removed": lambda opened, version, number: (
        opened.describe(version, add_tags=labels(number)),
        opened.describe(version, remove_tags=labels(number)),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_twice_as_many_labels_in_one_change_are_twice_the_work(what: str, opened: Store) -> None:
    def work(number: int) -> int:
        version = version_of(opened, f"with-{number}")
        return sqlite_steps(opened, lambda: CHANGES[what](opened, version, number))

    few, many = work(100), work(200)
    assert many < AT_MOST * few


ONE_BY_ONE: dict[str, Callable[[Store, Version, str], object]] = {
    "aliases": lambda opened, version, label: opened.describe(version, add_aliases=[label]),
    "aliases by name": lambda opened, version, label: opened.describe(f"{version.name}", add_aliases=[label]),
    "tags": lambda opened, version, label: opened.describe(version, add_tags=[label]),
    "aliases of a link": lambda opened, version, label: opened.describe(
        f"wandb-registry-model/{version.collection}:v0", add_aliases=[label]
    ),
}


@pytest.mark.parametrize("what", ONE_BY_ONE)
def test_one_label_more_does_not_read_those_that_are_there(what: str, opened: Store) -> None:
    def work(number: int) -> int:
        version = version_of(opened, f"with-{number}")
        link = opened.link(version, f"wandb-registry-model/with-{number}")
        opened.describe(version, add_aliases=labels(number), add_tags=labels(number))
        opened.describe(link, add_aliases=labels(number))
        ONE_BY_ONE[what](opened, version, "one")
        return sqlite_steps(opened, lambda: ONE_BY_ONE[what](opened, version, "one more"))

    assert work(400) < 1.2 * work(100)


def test_labels_that_another_process_changed_meanwhile_are_read_again(opened: Store) -> None:
    version = version_of(opened)
    assert opened.describe(version, add_aliases=["b"], add_tags=["t"]).aliases == ("latest", "b")
    with Store.open("store") as other:
        other.describe("animals:v0", add_aliases=["a"], remove_aliases=["b"])
        other.describe("animals:v0", add_tags=["s"])
    changed = opened.describe(version, add_aliases=["c"])
    assert (changed.aliases, changed.tags) == (("latest", "a", "c"), ("s", "t"))
    assert changed == opened.version("animals:v0")
    draft = opened.draft("animals", "dataset")
    opened.add_bytes(draft, b"woof", "dog.txt")
    opened.commit(draft, aliases=["a"])
    assert opened.describe(version, add_aliases=["d"]).aliases == ("c", "d")


def test_a_change_that_fails_leaves_the_labels_as_they_were(opened: Store) -> None:
    version = version_of(opened)
    opened.describe(version, add_aliases=["a"])
    with pytest.raises(NotFound):
        opened.describe(version, add_aliases=["b"], remove_tags=["none"])
    assert opened.describe(version, add_aliases=["c"]).aliases == ("latest", "a", "c")
    assert opened.describe(version, add_aliases=["d", "a"], remove_aliases=["d"]).aliases == ("latest", "a", "c")


class CountedAlias(str):
    """An alias that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedAlias.compared += 1
        return str.__eq__(self, other)


def test_saving_one_alias_more_does_not_compare_all_with_all() -> None:
    log_version("animals")
    artifact: Artifact = Api().artifact("animals:v0")
    artifact.aliases.extend(map(CountedAlias, labels(100)))
    artifact.save()
    artifact.aliases = [*map(CountedAlias, artifact.aliases), "one more"]
    CountedAlias.compared = 0
    artifact.save()
    assert "one more" in Api().artifact("animals:v0").aliases
    assert CountedAlias.compared < 1000


def test_setting_an_alias_reads_those_of_the_version_once(opened: Store) -> None:
    def reads(deed: Callable[[], object]) -> int:
        return sum("from aliases where version" in statement for statement in statements(opened, deed))

    version = version_of(opened)
    assert reads(lambda: opened.describe("animals:v0", add_aliases=["best"])) == 1
    assert reads(lambda: opened.describe(version, add_aliases=["best", "other"])) == 0


def test_versions_that_were_read_share_their_aliases(opened: Store) -> None:
    version_of(opened)
    opened.describe("animals:v0", add_aliases=["a" + "lias of some length"])
    first, second = (opened.version("animals:v0") for _ in range(2))
    assert [id(alias) for alias in first.aliases] == [id(alias) for alias in second.aliases]


def work_of_adding_again(opened: Store, folder: Path, number: int) -> int:
    """Return the work of adding files one by one that the stat cache knows."""
    write_files(folder, {f"{i}.txt": b"%d of %d" % (i, number) for i in range(number)})
    # The stat cache remembers a file once the clock of the file system has ticked.
    time.sleep(0.2)
    before = in_stat_cache(opened)
    commit_folder(opened, folder, f"of-{number}")
    assert in_stat_cache(opened) == before + number
    draft = opened.draft("animals", "dataset")
    return sqlite_steps(opened, lambda: [opened.add_file(draft, folder / f"{i}.txt") for i in range(number)])


def in_stat_cache(opened: Store) -> int:
    row = opened.db.connection.execute("select sum(length(files)) / 8 from stat_blocks").fetchone()
    return int(row[0] or 0)


def test_files_added_one_by_one_are_looked_up_one_by_one(opened: Store, workdir: Path) -> None:
    few, many = (work_of_adding_again(opened, workdir / f"{number}", number) for number in (100, 200))
    assert many < AT_MOST * few


def test_a_folder_of_many_groups_is_read_once(opened: Store, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SMALLEST": 4, "LARGEST": 12, "_LIMIT": (2**64 // 5).to_bytes(8, "big")}.items():
        monkeypatch.setattr(manifest, name, value)
    version = commit_folder(opened, write_files(workdir / "in", {f"{i}.txt": b"%d" % i for i in range(300)}))
    groups = opened.sql("select count(*) as number from version_groups")[0]["number"]
    assert isinstance(groups, int)
    assert groups > 3
    opened.get(version, "out")
    (workdir / "out" / "7.txt").unlink()
    results = []
    done = calls(lambda: results.append(opened.get(version, "out")))
    assert (results[0].written, results[0].kept) == (1, 299)
    assert done["scandir"] == 1


def test_a_folder_that_strays_leave_empty_is_read_once(opened: Store, workdir: Path) -> None:
    version = version_of(opened)
    opened.get(version, "out")
    write_files(workdir / "out", {f"a/b/{i}.txt": b"stray" for i in range(50)})
    done = calls(lambda: opened.remove_strays(version, "out"))
    assert os.listdir("out") == ["cat.txt"]
    assert done["scandir"] + done["listdir"] < 10


def test_an_upsert_of_references_runs_few_statements_while_others_wait(opened: Store, workdir: Path) -> None:
    folder = write_files(workdir / "in", {f"{i}.txt": b"%d" % i for i in range(300)})
    draft = opened.draft("animals", "dataset")
    opened.add_reference(draft, folder.as_uri() + "/")
    ran = statements(opened, lambda: opened.upsert(draft, "night"))
    assert sum(statement.lstrip().startswith("select") for statement in ran) < 50


def test_references_added_one_by_one_look_for_drivers_once(opened: Store, workdir: Path) -> None:
    folder = write_files(workdir / "in", {f"{i}.txt": b"%d" % i for i in range(10)})
    draft = opened.draft("animals", "dataset")
    done = calls(lambda: [opened.add_reference(draft, path.as_uri()) for path in folder.iterdir()])
    assert done["discover"] <= 1
    assert done["read_text"] <= 3


def test_files_that_are_referenced_are_looked_at_in_batches(opened: Store, workdir: Path) -> None:
    folder = write_files(workdir / "in", {f"{i}.txt": b"%d" % i for i in range(300)})
    draft = opened.draft("animals", "dataset")
    for path in folder.iterdir():
        opened.add_reference(draft, path.as_uri())
    version = opened.commit(draft)
    done = calls(lambda: opened.status(version))
    assert done["call_soon_threadsafe"] < 10
    assert done["submit"] == 0


def test_a_status_of_many_prefixes_compares_each_file_with_those_above_it(opened: Store, workdir: Path) -> None:
    def work(number: int) -> int:
        folder = write_files(workdir / f"{number}", {f"{i}/a.txt": b"%d" % i for i in range(number)})
        draft = opened.draft(f"of-{number}", "dataset")
        for path in folder.iterdir():
            opened.add_reference(draft, path.as_uri() + "/", name=path.name)
        version = opened.commit(draft)
        return sum(calls(lambda: opened.status(version)).values())

    few, many = work(50), work(100)
    assert many < AT_MOST * few


def test_space_is_given_back_by_pack_and_not_by_file(opened: Store) -> None:
    """Of a pack that nothing needs, no range is looked for; of another one, each range between two chunks once."""

    def work(number: int, *, kept: bool) -> int:
        folder = write_files(Path(f"source-{number}-{kept}"), {f"{i:04}": os.urandom(2_000) for i in range(number)})
        version = commit_folder(opened, folder, f"all-{number}-{kept}")
        if kept:
            draft = opened.draft(f"one-{number}", "dataset")
            opened.add_file(draft, folder / "0000")
            opened.commit(draft)
        found = statements(opened, lambda: opened.delete(version, delete_aliases=True))
        return sum(not statement.startswith("delete from free") for statement in found)

    work(10, kept=False)
    for kept in (False, True):
        assert abs(work(800, kept=kept) - work(200, kept=kept)) < 20


def test_checksums_of_rows_cost_a_commit_the_same_however_many_files_it_has(opened: Store) -> None:
    def work(number: int) -> int:
        folder = write_files(Path(f"source-{number}"), {f"{i:04}": os.urandom(100) for i in range(number)})
        draft = opened.draft(f"all-{number}", "dataset")
        opened.add_dir(draft, folder)
        found = statements(opened, lambda: opened.commit(draft))
        return sum("row_checksums" in statement or "changed_rows" in statement for statement in found)

    work(10)
    few, many = work(10), work(1000)
    # Each transaction asks once what it has changed, and many files may be published by one more.
    assert 0 < few <= many <= few + 2
