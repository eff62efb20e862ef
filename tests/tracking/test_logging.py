"""Runs commit in the background in the order of the calls, and no failure is lost."""

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
from tests.support.programs import ProgramFolder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProgramFolder]:
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    monkeypatch.setenv("ARTSTORE_DIR", str(tmp_path / "store"))
    yield ProgramFolder(tmp_path)
    while artstore.run is not None:
        artstore.run.finish()


def start_run(id: str = "r", **arguments: object) -> Run:
    run: Run = artstore.init(id=id, **arguments)  # type: ignore[arg-type]
    return run


def new_draft(name: str, content: object = "x", type: str = "dataset") -> Artifact:
    artifact = Artifact(name, type)
    with artifact.new_file("file.txt") as file:
        file.write(str(content))
    return artifact


def close_and_check(programs: ProgramFolder, run: Run) -> None:
    run.store.close()
    programs.check()


def test_a_loop_makes_versions_in_the_order_of_the_calls(programs: ProgramFolder) -> None:
    with start_run() as run:
        for index in range(50):
            run.log_artifact(new_draft("a", index))
        used = run.use_artifact("a:latest")
        assert used.version == "v49"
        assert Path(used.file(programs.folder / "out")).read_text() == "49"
    assert programs.contents("a") == [str(index) for index in range(50)]
    assert programs.produced() == [f"a:v{index}" for index in range(50)]
    close_and_check(programs, run)


def test_artifacts_of_several_names_keep_their_order(programs: ProgramFolder) -> None:
    with start_run() as run:
        for index in range(20):
            run.log_artifact(new_draft("ab"[index % 2], index))
    assert programs.produced() == [f"{'ab'[index % 2]}:v{index // 2}" for index in range(20)]


def test_each_thread_logs_in_the_order_of_its_calls(programs: ProgramFolder) -> None:
    run = start_run()

    def log(thread: int) -> None:
        for index in range(10):
            logged = run.log_artifact(new_draft("a", f"{thread} {index}"))
            found = run.use_artifact("a:latest")
            assert int(logged.wait().version[1:]) <= int(found.version[1:])

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for logger in threads:
        logger.start()
    for logger in threads:
        logger.join()
    run.finish()
    found = [content.split() for content in programs.contents("a")]
    assert len(found) == 40
    for thread in range(4):
        assert [index for number, index in found if number == str(thread)] == [str(index) for index in range(10)]
    close_and_check(programs, run)


def test_two_runs_of_one_process_log_to_one_collection_without_gaps(programs: ProgramFolder) -> None:
    one, two = start_run("one"), start_run("two", reinit="create_new")
    for index in range(10):
        (one, two)[index % 2].log_artifact(new_draft("a", index))
    one.finish()
    assert artstore.run is two
    two.finish()
    assert sorted(programs.contents("a")) == [str(index) for index in range(10)]
    assert sorted(programs.produced("one") + programs.produced("two")) == [f"a:v{index}" for index in range(10)]
    close_and_check(programs, one)


def draft_without_base(run: Run) -> Artifact:
    """Return a draft whose base version is deleted."""
    base = run.log_artifact(new_draft("base")).wait()
    draft = base.new_draft()
    base.delete(delete_aliases=True)
    return draft


def test_a_failure_is_raised_by_wait_and_only_once(programs: ProgramFolder) -> None:
    run = start_run()
    logged = run.log_artifact(draft_without_base(run))
    for _ in range(2):
        with pytest.raises(NotFound, match="base:v0, which this draft started from, was deleted"):
            logged.wait()
    run.finish()
    assert programs.public_run().state == "finished"


def test_an_unawaited_failure_is_raised_at_the_end_and_fails_the_run(programs: ProgramFolder) -> None:
    run = start_run()
    wrong = draft_without_base(run)
    other = draft_without_base(run)
    run.log_artifact(new_draft("before"))
    run.log_artifact(wrong)
    run.log_artifact(other)
    run.log_artifact(new_draft("after"))
    with pytest.raises(NotFound, match="was deleted") as caught:
        run.finish()
    assert any("besides, base was not logged" in note for note in caught.value.__notes__)
    assert (programs.public_run().state, programs.public_run().exit_code) == ("failed", 1)
    assert programs.produced()[-2:] == ["before:v0", "after:v0"]
    close_and_check(programs, run)


def test_an_unawaited_failure_is_a_note_on_the_error_that_ends_a_block(programs: ProgramFolder) -> None:
    with pytest.raises(ZeroDivisionError) as caught, start_run() as run:
        run.log_artifact(draft_without_base(run))
        raise ZeroDivisionError
    assert "was deleted" in caught.value.__notes__[0]
    assert programs.public_run().state == "failed"


@pytest.mark.parametrize(
    ("block", "code"),
    [("    sys.exit(0)", 1), ("    sys.exit(4)", 4), ("    pass", 1), ("sys.exit(4)", 4), ("pass", 0)],
)
def test_an_unawaited_failure_is_printed_however_the_program_ends(
    programs: ProgramFolder, block: str, code: int
) -> None:
    lines = [
        "base = run.log_artifact(new_draft('base')).wait()",
        "draft = base.new_draft(); base.delete(delete_aliases=True); run.log_artifact(draft)",
    ]
    start = (
        "with artstore.init(id='r') as run:\n" if block.startswith(" ") else "run = artstore.init(id='r')\nif run:\n"
    )
    result = programs.run(start + "".join(f"    {line}\n" for line in lines) + block)
    assert result.code == code, result.err
    assert "base:v0, which this draft started from, was deleted" in result.err
    assert (programs.public_run().state, programs.public_run().exit_code) == ("failed", code or 1)


def test_another_type_across_processes_is_raised_by_wait(programs: ProgramFolder) -> None:
    run = start_run()
    others_are_done = threading.Event()
    run._background.submit(others_are_done.wait)
    logged = run.log_artifact(new_draft("a"))
    with pytest.raises(WrongType):
        run.log_artifact(new_draft("a", type="model"))
    assert programs.run("artstore.init(id='other').log_artifact(new_draft('a', type='model')).wait()").code == 0
    others_are_done.set()
    with pytest.raises(WrongType):
        logged.wait()
    run.finish()
    assert (programs.produced(), programs.produced("other")) == ([], ["a:v0"])
    close_and_check(programs, run)


def test_a_full_disk_is_raised_by_wait_and_with_space_the_run_continues(
    tmp_path: Path, programs: ProgramFolder
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 << 20},mode=0755", "artstore-test", disk], check=True)
    try:
        run = start_run(store=disk / "store")
        run.log_artifact(new_draft("a", 0)).wait()
        stored = new_draft("a", 1)
        filler = disk / "filler"
        status = os.statvfs(disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize)
        logged = run.log_artifact(stored)
        with pytest.raises(DiskFull, match="free some"):
            logged.wait()
        filler.unlink()
        run.log_artifact(new_draft("a", 2)).wait()
        run.finish()
        run.store.close()
        programs.store = disk / "store"
        assert (programs.public_run().state, programs.contents("a")) == ("finished", ["0", "2"])
        programs.check()
        artstore.tracking.open_stores.close()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_store_removed_during_a_run_is_an_error_at_wait_and_at_the_end(programs: ProgramFolder) -> None:
    run = start_run()
    run.log_artifact(new_draft("a", 0)).wait()
    draft = new_draft("a", 1)
    shutil.rmtree(programs.store)
    logged = run.log_artifact(draft)
    with pytest.raises((StoreError, FileNotFoundError)):
        logged.wait()
    run.log({"loss": 1})
    with pytest.raises(StoreError, match="was removed or replaced while it was open"):
        run.finish()
    run.finish()


def test_a_store_that_was_removed_is_closed(programs: ProgramFolder) -> None:
    """As at the end of a program with a store in a temporary folder."""
    run = start_run()
    run.log_artifact(new_draft("a", 0)).wait()
    draft = new_draft("b", 1)
    run.finish()
    shutil.rmtree(programs.store)
    artstore.tracking.open_stores.close()
    with pytest.raises(StoreError, match="was closed since files were added to b"):
        draft.add_file(__file__)


def test_a_finished_run_refuses_calls(programs: ProgramFolder) -> None:
    run = start_run()
    run.finish()
    draft = new_draft("a")
    for refused in (lambda: run.log_artifact(draft), lambda: run.log({"loss": 1}), lambda: run.use_artifact("a:v0")):
        with pytest.raises(UsageError, match="run r is finished"):
            refused()


def test_an_artifact_that_is_not_ready_when_its_run_finishes_is_refused(programs: ProgramFolder) -> None:
    run = start_run()
    asked, finished = threading.Event(), threading.Event()
    errors: list[UsageError] = []

    class Slow:
        """A path whose conversion is slow."""

        def __fspath__(self) -> str:
            asked.set()
            finished.wait()
            return __file__

    def log() -> None:
        try:
            run.log_artifact(Slow())
        except UsageError as error:
            errors.append(error)

    thread = threading.Thread(target=log)
    thread.start()
    asked.wait()
    run.finish()
    finished.set()
    thread.join()
    assert "run r is finished" in str(errors[0])
    assert programs.produced() == []


def test_the_last_summary_is_kept_when_it_changes_during_a_write(programs: ProgramFolder) -> None:
    run = start_run()

    class Late:
        """A number that changes the summary while it is written."""

        def item(self) -> int:
            run.summary["last"] = "new"
            return 1

    run.summary["last"] = "old"
    run.summary["late"] = Late()
    while "late" not in programs.public_run().summary:
        pass
    run.finish()
    assert programs.public_run().summary == {"last": "new", "late": 1}


def test_values_that_are_not_utf_8_do_not_affect_the_others(programs: ProgramFolder) -> None:
    run = start_run(config={"path": "caf\udce9"})
    run.log({"loss": 1, "broken": "\udc80", "name\0": "nul\0"})
    run.summary["draft"] = Artifact("never-logged", "dataset")
    with pytest.raises(InvalidInput, match="the notes of a run must be UTF-8 text"):
        run.notes = "\udc80"
    run.finish()
    assert programs.public_run().config == {"path": "caf\udce9"}
    assert programs.public_run().summary == {
        "loss": 1,
        "broken": "\udc80",
        "name\0": "nul\0",
        "draft": "<Artifact never-logged>",
    }


def test_an_artifact_in_the_summary_is_stored_as_its_version(programs: ProgramFolder) -> None:
    with start_run() as run:
        for index in range(20):
            run.log_artifact(new_draft("before", index))
        run.summary["model"] = artifact = new_draft("a")
        run.log_artifact(artifact)
        run.log({"loss": 1})
    assert programs.public_run().summary["model"]["sequenceName"] == "a"


def test_metrics_are_seen_by_others_while_artifacts_wait(programs: ProgramFolder) -> None:
    run = start_run()
    run.log({"loss": 1})
    before = run.log_artifact(new_draft("a", "first"))
    while programs.public_run().summary != {"loss": 1}:
        last = run.log_artifact(new_draft("a", "more"))
        before.wait()
        before = last
    run.finish()


def test_many_metrics_are_all_kept_in_order(programs: ProgramFolder) -> None:
    with start_run() as run:
        for index in range(20_000):
            run.log({"index": index})
    assert [row["index"] for row in programs.public_run().scan_history()] == list(range(20_000))


def test_a_store_closed_while_a_run_commits_keeps_whole_versions(
    programs: ProgramFolder,
) -> None:
    run = start_run()
    logged = [run.log_artifact(new_draft("a", index)) for index in range(50)]
    logged[0].wait()
    run.store.close()
    with pytest.raises((StoreError, InvalidInput)):
        run.finish()
    contents = programs.contents("a")
    assert contents == [str(index) for index in range(len(contents))]
    assert programs.produced() == [f"a:v{index}" for index in range(len(contents))]
    programs.check()


def test_a_signal_handler_may_log_whatever_it_interrupts(programs: ProgramFolder) -> None:
    run = start_run()
    handled: list[Artifact] = []
    ready, over = threading.Event(), threading.Event()

    def handle(*_: object) -> None:
        handled.append(run.log_artifact(new_draft("signal", f"signal {len(handled)}")))
        ready.set()

    def poke() -> None:
        # Each signal logs an artifact: on a busy machine, more of them would keep the main thread from its own work.
        for _ in range(200):
            if over.wait(0.002):
                break
            ready.clear()
            os.kill(os.getpid(), signal.SIGUSR1)
            ready.wait()

    before = signal.signal(signal.SIGUSR1, handle)
    poking = threading.Thread(target=poke)
    poking.start()
    try:
        for index in range(100):
            run.log({"index": index})
            run.log_artifact(new_draft("a", index))
    finally:
        over.set()
        # The system may hand a signal to another thread; then Python handles it once the main thread runs.
        while poking.is_alive():
            poking.join(0.01)
        signal.signal(signal.SIGUSR1, before)
    run.finish()
    assert programs.contents("a") == [str(index) for index in range(100)]
    assert programs.contents("signal") == [f"signal {index}" for index in range(len(handled))]
    assert len(handled) > 0
    close_and_check(programs, run)
