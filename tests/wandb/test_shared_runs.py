"""Runs that several processes write (`mode="shared"`), and runs whose machines are taken away."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import artstore
from artstore import Api, Run
from tests.support.cli_runner import json_of

pytestmark = pytest.mark.usefixtures("workdir")

WORKER = """
import artstore, sys
rank = int(sys.argv[1])
settings = artstore.Settings(mode="shared", x_primary=rank == 0, x_label=f"rank_{rank}")
with artstore.init(project="p", id="run", config={f"rank{rank}": rank}, settings=settings) as run:
    print("begun", flush=True)
    sys.stdin.readline()
    for number in range(20):
        run.log({"loss": number, f"only{rank}": number})
        run.log({f"at{rank}": number}, step=1000 + number, commit=True)
    run.summary[f"done{rank}"] = True
    run.log({"page": artstore.Html(f"of {rank}")})
"""
KILLED = """
import artstore, time
run = artstore.init(project="p", id="run")
run.mark_preempting()
print("marked", flush=True)
time.sleep(60)
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=pipe, stdout=pipe, text=True)


def join(*, primary: bool = False) -> Run:
    settings = artstore.Settings(x_primary=primary)
    return artstore.init(project="p", id="run", mode="shared", reinit="create_new", settings=settings)


def test_processes_that_share_a_run_lose_nothing_of_each_other() -> None:
    workers = [start(WORKER, str(rank)) for rank in range(3)]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "begun\n"
    for worker in workers[::-1]:
        worker.communicate("go\n", timeout=60)
        assert worker.returncode == 0
        assert Api().run("p/run").state == ("running" if worker is not workers[0] else "finished")
    public = Api().run("p/run")
    rows = list(public.scan_history())
    steps = [row["_step"] for row in rows]
    assert steps == sorted(set(steps))
    for rank in range(3):
        assert [row[f"only{rank}"] for row in rows if f"only{rank}" in row] == list(range(20))
        assert [row[f"at{rank}"] for row in rows if f"at{rank}" in row] == list(range(20))
        assert public.summary[f"done{rank}"] and public.config[f"rank{rank}"] == rank
    assert sorted(row["loss"] for row in rows if "loss" in row) == sorted([*range(20)] * 3)
    assert next(row for row in rows if row["_step"] == 1005).keys() >= {"at0", "at1", "at2"}
    assert len(public.files()) == 3


def test_the_primary_process_keeps_the_run_alive_and_ends_it() -> None:
    worker = join()
    primary = join(primary=True)
    assert (worker.id, worker.resumed, primary.resumed) == ("run", False, False)
    worker.log({"a": 1})
    worker.finish(exit_code=1)
    assert Api().run("p/run").state == "running"
    primary.log({"b": 2})
    primary.finish()
    assert Api().run("p/run").state == "finished"
    assert [sorted(key for key in row if key[0] != "_") for row in Api().run("p/run").scan_history()] == [["a"], ["b"]]


def test_what_a_process_logs_after_the_end_of_the_run_is_kept() -> None:
    primary, worker = join(primary=True), join()
    Path(worker.dir, "late.txt").write_text("late")
    primary.finish()
    worker.log({"late": 1})
    worker.finish()
    assert Api().run("p/run").summary == {"late": 1}
    assert (Api().run("p/run").state, [file.name for file in Api().run("p/run").files()]) == ("finished", ["late.txt"])


def test_keys_are_changed_and_removed_one_by_one() -> None:
    first, second = join(primary=True), join()
    first.summary.update({"mine": 1, "gone": 1, "nothing": None})
    first.finish()
    second.summary["theirs"] = 2
    second.finish()
    third = join(primary=True)
    del third.summary["gone"]
    third.finish()
    assert Api().run("p/run").summary == {"mine": 1, "nothing": None, "theirs": 2}


def test_a_run_that_does_not_share_is_refused_while_another_has_it() -> None:
    with join(primary=True), pytest.raises(artstore.errors.UsageError, match="is running"):
        artstore.init(project="p", id="run", reinit="create_new")


def test_a_preempted_run_is_preempted() -> None:
    program = start(KILLED)
    assert program.stdout is not None and program.stdout.readline() == "marked\n"
    assert Api().run("p/run").state == "running"
    program.send_signal(signal.SIGKILL)
    program.communicate()
    assert Api().run("p/run").state == "preempted"
    assert [run["id"] for run in json_of("runs", "--state", "preempted")] == ["run"]
    assert [run.id for run in Api().runs("p", {"state": "preempted"})] == ["run"]
    with artstore.init(project="p", id="run", resume="allow"):
        assert Api().run("p/run").state == "running"
    assert Api().run("p/run").state == "finished"


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "preempted")])
def test_a_run_that_expected_preemption_ends_by_its_exit_code(code: int, state: str) -> None:
    run = artstore.init(project="p", id="run")
    run.mark_preempting()
    run.finish(exit_code=code)
    assert Api().run("p/run").state == state
    assert run.store.sql("select state from artifact_runs") == [{"state": state}]
    assert run.store.verify().ok


def test_a_row_without_a_step_follows_one_that_named_its_step() -> None:
    with join(primary=True) as run:
        run.log({"a": 1}, step=5)
        run.log({"b": 2}, step=6)
        run.log({"c": 3})
        run.log({"d": 4})
    rows = list(Api().run("p/run").scan_history())
    assert [key for row in rows for key in "abcd" if key in row] == ["a", "b", "c", "d"]
