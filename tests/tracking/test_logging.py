"""What runs log is committed beside them, in the order of the calls, and what cannot be is never passed over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import artstore
from artstore import Artifact, Run, UsageError
from artstore.errors import DiskFull, InvalidInput, NotFound, StoreError, WrongType
from tests.support.programs import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    monkeypatch.setenv("ARTSTORE_DIR", str(tmp_path / "store"))
    yield Place(tmp_path)
    while artstore.run is not None:
        artstore.run.finish()


def begin(id: str = "r", **given: object) -> Run:
    found: Run = artstore.init(id=id, **given)  # type: ignore[arg-type]
    return found


def made(name: str, content: object = "x", type: str = "dataset") -> Artifact:
    artifact = Artifact(name, type)
    with artifact.new_file("file.txt") as file:
        file.write(str(content))
    return artifact


def close_and_check(place: Place, run: Run) -> None:
    run.store.close()
    place.check()


def test_a_loop_makes_versions_in_the_order_of_the_calls(place: Place) -> None:
    with begin() as run:
        for index in range(50):
            run.log_artifact(made("a", index))
        used = run.use_artifact("a:latest")
        assert used.version == "v49"
        assert Path(used.file(place.folder / "out")).read_text() == "49"
    assert place.contents("a") == [str(index) for index in range(50)]
    assert place.produced() == [f"a:v{index}" for index in range(50)]
    close_and_check(place, run)


def test_artifacts_of_several_names_keep_their_order_among_each_other(place: Place) -> None:
    with begin() as run:
        for index in range(20):
            run.log_artifact(made("ab"[index % 2], index))
    assert place.produced() == [f"{'ab'[index % 2]}:v{index // 2}" for index in range(20)]


def test_each_thread_finds_its_own_calls_in_order(place: Place) -> None:
    run = begin()

    def log(thread: int) -> None:
        for index in range(10):
            logged = run.log_artifact(made("a", f"{thread} {index}"))
            found = run.use_artifact("a:latest")
            assert int(logged.wait().version[1:]) <= int(found.version[1:])

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    run.finish()
    found = [content.split() for content in place.contents("a")]
    assert len(found) == 40
    for thread in range(4):
        assert [index for number, index in found if number == str(thread)] == [str(index) for index in range(10)]
    close_and_check(place, run)


def test_two_runs_of_one_process_log_to_one_collection_without_holes(place: Place) -> None:
    one, two = begin("one"), begin("two", reinit="create_new")
    for index in range(10):
        (one, two)[index % 2].log_artifact(made("a", index))
    one.finish()
    assert artstore.run is two
    two.finish()
    assert sorted(place.contents("a")) == [str(index) for index in range(10)]
    assert sorted(place.produced("one") + place.produced("two")) == [f"a:v{index}" for index in range(10)]
    close_and_check(place, one)


def without_base(run: Run) -> Artifact:
    """A draft of a version that is gone."""
    base = run.log_artifact(made("base")).wait()
    draft = base.new_draft()
    base.delete(delete_aliases=True)
    return draft


def test_what_went_wrong_surfaces_at_wait_and_then_no_more(place: Place) -> None:
    run = begin()
    logged = run.log_artifact(without_base(run))
    for _ in range(2):
        with pytest.raises(NotFound, match="base:v0, which this draft started from, was deleted"):
            logged.wait()
    run.finish()
    assert place.look().state == "finished"


def test_what_nobody_waited_for_surfaces_at_the_end_and_fails_the_run(place: Place) -> None:
    run = begin()
    wrong = without_base(run)
    other = without_base(run)
    run.log_artifact(made("before"))
    run.log_artifact(wrong)
    run.log_artifact(other)
    run.log_artifact(made("after"))
    with pytest.raises(NotFound, match="was deleted") as caught:
        run.finish()
    assert any("besides, base was not logged" in note for note in caught.value.__notes__)
    assert (place.look().state, place.look().exit_code) == ("failed", 1)
    assert place.produced()[-2:] == ["before:v0", "after:v0"]
    close_and_check(place, run)


def test_what_nobody_waited_for_is_a_note_on_the_error_that_ends_a_block(place: Place) -> None:
    with pytest.raises(ZeroDivisionError) as caught, begin() as run:
        run.log_artifact(without_base(run))
        raise ZeroDivisionError
    assert "was deleted" in caught.value.__notes__[0]
    assert place.look().state == "failed"


@pytest.mark.parametrize(
    ("block", "code"),
    [("    sys.exit(0)", 1), ("    sys.exit(4)", 4), ("    pass", 1), ("sys.exit(4)", 4), ("pass", 0)],
)
def test_what_nobody_waited_for_is_said_however_the_program_leaves(place: Place, block: str, code: int) -> None:
    lines = [
        "base = run.log_artifact(made('base')).wait()",
        "draft = base.new_draft(); base.delete(delete_aliases=True); run.log_artifact(draft)",
    ]
    begin = (
        "with artstore.init(id='r') as run:\n" if block.startswith(" ") else "run = artstore.init(id='r')\nif run:\n"
    )
    ended = place.run(begin + "".join(f"    {line}\n" for line in lines) + block)
    assert ended.code == code, ended.err
    assert "base:v0, which this draft started from, was deleted" in ended.err
    assert (place.look().state, place.look().exit_code) == ("failed", code or 1)


def test_another_type_across_processes_surfaces_at_wait(place: Place) -> None:
    run = begin()
    others_are_done = threading.Event()
    run._recorder.submit(others_are_done.wait)
    logged = run.log_artifact(made("a"))
    with pytest.raises(WrongType):
        run.log_artifact(made("a", type="model"))
    assert place.run("artstore.init(id='other').log_artifact(made('a', type='model')).wait()").code == 0
    others_are_done.set()
    with pytest.raises(WrongType):
        logged.wait()
    run.finish()
    assert (place.produced(), place.produced("other")) == ([], ["a:v0"])
    close_and_check(place, run)


def test_a_full_disk_surfaces_at_wait_and_with_room_the_run_goes_on(tmp_path: Path, place: Place) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 << 20},mode=0755", "artstore-test", disk], check=True)
    try:
        run = begin(store=disk / "store")
        run.log_artifact(made("a", 0)).wait()
        kept = made("a", 1)
        filler = disk / "filler"
        status = os.statvfs(disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize)
        logged = run.log_artifact(kept)
        with pytest.raises(DiskFull, match="free some"):
            logged.wait()
        filler.unlink()
        run.log_artifact(made("a", 2)).wait()
        run.finish()
        run.store.close()
        place.store = disk / "store"
        assert (place.look().state, place.contents("a")) == ("finished", ["0", "2"])
        place.check()
        artstore.tracking.open_stores.close()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_store_that_is_removed_under_a_run_is_said_at_wait_and_at_the_end(place: Place) -> None:
    run = begin()
    run.log_artifact(made("a", 0)).wait()
    draft = made("a", 1)
    shutil.rmtree(place.store)
    logged = run.log_artifact(draft)
    with pytest.raises((StoreError, FileNotFoundError)):
        logged.wait()
    run.log({"loss": 1})
    with pytest.raises(StoreError, match="was removed or replaced while it was open"):
        run.finish()
    run.finish()


def test_what_a_finished_run_is_asked_for_is_refused(place: Place) -> None:
    run = begin()
    run.finish()
    draft = made("a")
    for refused in (lambda: run.log_artifact(draft), lambda: run.log({"loss": 1}), lambda: run.use_artifact("a:v0")):
        with pytest.raises(UsageError, match="run r is finished"):
            refused()


def test_an_artifact_that_is_still_being_made_when_its_run_finishes_is_refused(place: Place) -> None:
    run = begin()
    asked, finished = threading.Event(), threading.Event()
    said: list[UsageError] = []

    class Slow:
        """A path that takes its time."""

        def __fspath__(self) -> str:
            asked.set()
            finished.wait()
            return __file__

    def log() -> None:
        try:
            run.log_artifact(Slow())
        except UsageError as error:
            said.append(error)

    thread = threading.Thread(target=log)
    thread.start()
    asked.wait()
    run.finish()
    finished.set()
    thread.join()
    assert "run r is finished" in str(said[0])
    assert place.produced() == []


def test_the_last_summary_is_kept_however_it_meets_the_writing(place: Place) -> None:
    run = begin()

    class Late:
        """A number that changes the summary while it is read."""

        def item(self) -> int:
            run.summary["last"] = "new"
            return 1

    run.summary["last"] = "old"
    run.summary["late"] = Late()
    while "late" not in place.look().summary:
        pass
    run.finish()
    assert place.look().summary == {"last": "new", "late": 1}


def test_values_that_no_text_can_hold_do_not_take_the_others_along(place: Place) -> None:
    run = begin(config={"path": "caf\udce9"})
    run.log({"loss": 1, "broken": "\udc80", "name\0": "nul\0"})
    run.summary["draft"] = Artifact("never-logged", "dataset")
    with pytest.raises(InvalidInput, match="the notes of a run is text in UTF-8"):
        run.notes = "\udc80"
    run.finish()
    assert place.look().config == {"path": "caf\udce9"}
    assert place.look().summary == {
        "loss": 1,
        "broken": "\udc80",
        "name\0": "nul\0",
        "draft": "<Artifact never-logged>",
    }


def test_an_artifact_in_the_summary_is_written_as_the_version_it_becomes(place: Place) -> None:
    with begin() as run:
        for index in range(20):
            run.log_artifact(made("before", index))
        run.summary["model"] = artifact = made("a")
        run.log_artifact(artifact)
        run.log({"loss": 1})
    assert place.look().summary["model"]["sequenceName"] == "a"


def test_metrics_are_seen_by_others_while_artifacts_wait(place: Place) -> None:
    run = begin()
    run.log({"loss": 1})
    before = run.log_artifact(made("a", "first"))
    while place.look().summary != {"loss": 1}:
        last = run.log_artifact(made("a", "more"))
        before.wait()
        before = last
    run.finish()


def test_many_metrics_are_all_kept_in_order(place: Place) -> None:
    with begin() as run:
        for index in range(20_000):
            run.log({"index": index})
    assert [row["index"] for row in place.look().scan_history()] == list(range(20_000))


def test_a_store_that_is_closed_while_a_run_commits_keeps_whole_what_was_committed(place: Place) -> None:
    run = begin()
    logged = [run.log_artifact(made("a", index)) for index in range(50)]
    logged[0].wait()
    run.store.close()
    with pytest.raises((StoreError, InvalidInput)):
        run.finish()
    contents = place.contents("a")
    assert contents == [str(index) for index in range(len(contents))]
    assert place.produced() == [f"a:v{index}" for index in range(len(contents))]
    place.check()


def test_the_handler_of_a_signal_may_log_whatever_it_interrupts(place: Place) -> None:
    run = begin()
    handled: list[Artifact] = []
    ready, over = threading.Event(), threading.Event()

    def handle(*_: object) -> None:
        handled.append(run.log_artifact(made("signal", f"signal {len(handled)}")))
        ready.set()

    def poke() -> None:
        while not over.wait(0.002):
            ready.clear()
            os.kill(os.getpid(), signal.SIGUSR1)
            ready.wait()

    before = signal.signal(signal.SIGUSR1, handle)
    poking = threading.Thread(target=poke)
    poking.start()
    try:
        for index in range(100):
            run.log({"index": index})
            run.log_artifact(made("a", index))
    finally:
        over.set()
        poking.join()
        signal.signal(signal.SIGUSR1, before)
    run.finish()
    assert place.contents("a") == [str(index) for index in range(100)]
    assert place.contents("signal") == [f"signal {index}" for index in range(len(handled))]
    assert len(handled) > 0
    close_and_check(place, run)
