"""In a store with twice as much of everything, each operation is at most twice the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from artstore import Store
from artstore.core.runs import RunRecord
from benchmarks import stores
from tests.support.counted_work import calls, sqlite_steps

FEW, MANY = 100, 200
AT_MOST = 2.3
REGISTRY = "wandb-registry-model"


def grown(path: Path, number: int) -> Store:
    """Return a store with so many versions, links, runs and edges, and rows in the history of one run."""
    opened = Store.init(path)
    stores.many_runs(opened, number)
    opened.link("data:v0", f"{REGISTRY}/data", aliases=["first"])
    with opened.db.writing() as connection:
        connection.execute(
            """
            insert into links (collection, number, version, created_at)
            select links.collection, versions.number, versions.id, links.created_at
            from links join versions on versions.number > 0
            """
        )
        connection.execute("insert into link_aliases select collection, 'a' || number, id from links where number > 0")
        connection.execute("update collections set next_number = ? where portfolio", (number + 1,))
    run = a_run(opened)
    opened.runs.write(run, {}, [(step, f'{{"loss": {step}, "accuracy": {step / 2}}}') for step in range(10 * number)])
    return opened


def a_run(opened: Store) -> RunRecord:
    """Return the run with a history."""
    return opened.runs.page()[0]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Store]]:
    folder = tmp_path_factory.mktemp("grown")
    opened = {number: grown(folder / f"{number}", number) for number in (FEW, MANY)}
    yield opened
    for store in opened.values():
        store.close()


READS: dict[str, Callable[[Store], object]] = {
    "ls": lambda opened: opened.summaries(),
    "log": lambda opened: list(opened.versions("data")),
    "log of links": lambda opened: list(opened.versions("data", project=REGISTRY)),
    "runs": lambda opened: opened.runs.page(),
    "du": lambda opened: opened.usage(),
    "the shares of versions": lambda opened: opened.shares(list(opened.versions("data"))),
    "the lineage of the newest version": lambda opened: opened.lineage("data:latest", direction="upstream"),
    "the lineage of the first version": lambda opened: opened.lineage("data:v0"),
    "the runs that used a version": lambda opened: opened.runs.users(opened.version("data:v0")),
    "the history of a run": lambda opened: opened.runs.history(a_run(opened)),
    "the curves of a run": lambda opened: opened.runs.curves(a_run(opened)),
    "events": lambda opened: opened.events(),
    "verify": lambda opened: opened.verify(),
    "gc": lambda opened: opened.gc(),
}


def work(opened: Store, deed: Callable[[Store], object]) -> tuple[int, int]:
    """Return the steps of SQLite and the calls of Python, the second time: the first one imports modules."""
    deed(opened)
    return sqlite_steps(opened, lambda: deed(opened)), sum(calls(lambda: deed(opened)).values())


@pytest.mark.parametrize("what", READS)
def test_reading_twice_as_much_is_twice_the_work(what: str, sizes: Mapping[int, Store]) -> None:
    few, many = (work(sizes[number], READS[what]) for number in (FEW, MANY))
    assert many[0] < AT_MOST * few[0] and many[1] < AT_MOST * few[1]


@pytest.mark.parametrize("version", ["data:v50", "data:latest"])
@pytest.mark.parametrize("share", [Store.owned_bytes, Store.reclaimable_bytes])
def test_the_share_of_one_version_does_not_grow_with_the_number_of_versions(
    version: str, share: Callable[[Store, str], int], sizes: Mapping[int, Store]
) -> None:
    few, many = (sqlite_steps(sizes[number], lambda n=number: share(sizes[n], version)) for number in (FEW, MANY))  # type: ignore[misc]
    assert many < 1.2 * few


def test_a_backup_of_twice_as_much_is_twice_the_work(sizes: Mapping[int, Store], tmp_path: Path) -> None:
    few, many = (
        sqlite_steps(sizes[number], lambda number=number: sizes[number].backup(tmp_path / f"{number}"))  # type: ignore[misc]
        for number in (FEW, MANY)
    )
    assert many < AT_MOST * few


def test_one_run_more_does_not_look_at_the_others(sizes: Mapping[int, Store]) -> None:
    def one_more(opened: Store) -> int:
        run, version = a_run(opened), opened.version("data:v3")
        opened.runs.note_use(run, version)

        def go_on() -> None:
            opened.runs.note_use(run, opened.version("data:v5"))
            opened.runs.note_product(run, opened.version("data:v6"))
            opened.runs.write(run, {}, [(None, '{"loss": 0}')])

        return sqlite_steps(opened, go_on)

    assert one_more(sizes[MANY]) < 1.2 * one_more(sizes[FEW])


CHANGES: dict[str, Callable[[Store], object]] = {
    "unlink": lambda opened: opened.unlink(*opened.versions("data", project=REGISTRY), force=True),
    "delete": lambda opened: opened.delete(*list(opened.versions("data"))[1:], delete_aliases=True),
    "delete a collection": lambda opened: opened.delete_collection("data", force=True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_removing_twice_as_much_is_twice_the_work(what: str, tmp_path: Path) -> None:
    def steps(number: int) -> int:
        with grown(tmp_path / f"{number}", number) as opened:
            return sqlite_steps(opened, lambda: CHANGES[what](opened))

    assert steps(MANY) < AT_MOST * steps(FEW)


def test_the_newest_link_is_found_behind_many_that_were_removed(tmp_path: Path) -> None:
    def steps(number: int) -> int:
        with grown(tmp_path / f"{number}", number) as opened:
            opened.unlink(*list(opened.versions("data", project=REGISTRY))[:-1], force=True)
            return sqlite_steps(opened, lambda: opened.version(f"{REGISTRY}/data:latest"))

    assert steps(MANY) < 1.2 * steps(FEW)
