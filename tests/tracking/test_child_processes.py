"""Processes started or forked by a program with an open run end their own runs and leave the others alone."""

from __future__ import annotations

import signal

import pytest

from tests.support.programs import ProgramFolder

BEGIN = "run = artstore.init(id='r'); run.log_artifact(new_draft('ours', 0))\n"
FORK = "child = os.fork()\nif child == 0:\n"
WAIT = "say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])); run.log_artifact(new_draft('ours', 1))\n"


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("os._exit(5)", 5),
        ("sys.exit(5)", 5),
        ("raise ValueError('of the child')", 1),
        ("run.finish(); os._exit(0)", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_a_forked_child_leaves_the_run_to_its_parent(programs: ProgramFolder, deed: str, code: int) -> None:
    result = programs.run(BEGIN + FORK + f"    {deed}\nsay(artstore.Api().run('r').state)\n" + WAIT)
    assert (result.code, result.out) == (0, ["running", str(code)]), result.err
    assert (programs.public_run().state, programs.produced()) == ("finished", ["ours:v0", "ours:v1"])
    programs.check()


@pytest.mark.parametrize("leave", ["sys.exit(0)", "raise ValueError('of the child')", "", "os._exit(0)"])
def test_versions_that_a_forked_child_logs_with_the_run_of_its_parent_are_kept(
    programs: ProgramFolder, leave: str
) -> None:
    wait = ".wait()" if leave == "os._exit(0)" else ""
    result = programs.run(
        BEGIN
        + "run.log({'early': 1})\n"
        + FORK
        + f"    run.log_artifact(new_draft('theirs', 0)); run.log_artifact(new_draft('theirs', 1)){wait}; {leave}\n"
        + "else:\n"
        + "    os.waitpid(child, 0); run.log_artifact(new_draft('ours', 1)); run.log({'late': 2})\n"
    )
    assert result.code == 0, result.err
    assert programs.public_run().state == "finished"
    assert sorted(programs.produced()) == ["ours:v0", "ours:v1", "theirs:v0", "theirs:v1"]
    assert (programs.contents("ours"), programs.contents("theirs")) == (["0", "1"], ["0", "1"])
    assert [(row["_step"], row.get("early"), row.get("late")) for row in programs.public_run().scan_history()] == [
        (0, 1, None),
        (1, None, 2),
    ]
    programs.check()


def test_a_failed_log_of_a_forked_child_is_reported(programs: ProgramFolder) -> None:
    result = programs.run(
        BEGIN
        + "base = run.log_artifact(new_draft('base')).wait()\n"
        + FORK
        + "    draft = base.new_draft(); base.delete(delete_aliases=True); run.log_artifact(draft); sys.exit(0)\n"
        + WAIT
    )
    assert "base:v0, which this draft started from, was deleted" in result.err
    assert (programs.public_run().state, programs.produced()) == (
        "finished",
        ["ours:v0", "base:v0", "ours:v1"],
    )


@pytest.mark.parametrize(("leave", "state"), [("sys.exit(0)", "finished"), ("raise ValueError()", "failed")])
def test_a_forked_child_can_start_its_own_run(programs: ProgramFolder, leave: str, state: str) -> None:
    result = programs.run(
        BEGIN + FORK + f"    artstore.init(id='c').log_artifact(new_draft('theirs', 0)); {leave}\n" + WAIT
    )
    assert result.code == 0, result.err
    assert programs.states() == {"r": "finished", "c": state}
    assert (programs.produced("r"), programs.produced("c")) == (["ours:v0", "ours:v1"], ["theirs:v0"])
    programs.check()


def test_a_forked_child_loses_no_commit_after_its_parent_has_closed_the_store(
    programs: ProgramFolder,
) -> None:
    result = programs.run(
        BEGIN
        + "run.use_artifact('ours:latest')\n"
        + "to_parent, to_child = os.pipe(), os.pipe()\n"
        + FORK
        + "    own = artstore.init(id='c'); own.log_artifact(new_draft('theirs', 0)).wait()\n"
        + "    os.write(to_parent[1], b'.'); os.read(to_child[0], 1)\n"
        + "    own.log_artifact(new_draft('theirs', 1)).wait(); os.kill(os.getpid(), signal.SIGKILL)\n"
        + "os.read(to_parent[0], 1); run.finish(); run.store.close()\n"
        + "os.write(to_child[1], b'.'); os.waitpid(child, 0)\n"
    )
    assert result.code == 0, result.err
    assert programs.states() == {"r": "finished", "c": "crashed"}
    assert programs.produced("c") == ["theirs:v0", "theirs:v1"]
    assert programs.contents("theirs") == ["0", "1"]
    programs.check()


def test_children_forked_while_threads_log_neither_hang_nor_lose_versions(programs: ProgramFolder) -> None:
    result = programs.run(
        BEGIN
        + "over = threading.Event()\n"
        + "def metrics():\n"
        + "    while not over.wait(0.001): run.log({'loss': 1})\n"
        + "def artifacts():\n"
        + "    while not over.is_set(): run.log_artifact(new_draft('ours', 'more')).wait()\n"
        + "def runs():\n"
        + "    while not over.is_set(): artstore.Api().runs('uncategorized'); run.use_artifact('ours:latest')\n"
        + "threads = [threading.Thread(target=each) for each in (metrics, artifacts, runs)]\n"
        + "for each in threads: each.start()\n"
        + "for number in range(8):\n"
        + "    child = os.fork()\n"
        + "    if child == 0:\n"
        + "        import faulthandler; faulthandler.dump_traceback_later(30, exit=True)\n"
        + "        if number % 2: artstore.init(id=f'c{number}')\n"
        + "        (artstore.run or run).log_artifact(new_draft('theirs', number)); sys.exit(0)\n"
        + "    say(os.waitpid(child, 0)[1])\n"
        + "over.set()\n"
    )
    assert (result.code, result.out) == (0, ["0"] * 8), result.err
    assert programs.states() == dict.fromkeys(("r", "c1", "c3", "c5", "c7"), "finished")
    assert sorted(programs.contents("theirs")) == [str(number) for number in range(8)]
    programs.check()


CHILDREN = """
def own(id, code):
    run = artstore.init(id=id)
    run.log({'loss': 1})
    for index in range(3): run.log_artifact(new_draft(id, index))
    if code == 1: raise ValueError(id)
    sys.exit(code)

def never():
    pass

if __name__ == '__main__':
    kind = multiprocessing.get_context(KIND)
    run = artstore.init(id='r')
    run.log_artifact(new_draft('ours', 0))
    deeds = [(never, ())] + [(own, (f'c{code}', code)) for code in (0, 1, 4)]
    started = [kind.Process(target=deed, args=arguments) for deed, arguments in deeds]
    for each in started: each.start()
    for each in started: each.join()
    say(*(each.exitcode for each in started))
"""


@pytest.mark.parametrize("kind", ["fork", "forkserver", "spawn"])
def test_processes_of_multiprocessing_end_their_own_runs(programs: ProgramFolder, kind: str) -> None:
    result = programs.run(CHILDREN.replace("KIND", repr(kind)))
    assert (result.code, result.out) == (0, ["0 0 1 4"]), result.err
    assert programs.states() == {"r": "finished", "c0": "finished", "c1": "failed", "c4": "failed"}
    assert [programs.public_run(id).exit_code for id in ("c0", "c1", "c4")] == [0, 1, 4]
    for id in ("c0", "c1", "c4"):
        assert programs.contents(id) == ["0", "1", "2"]
        assert programs.public_run(id).summary == {"loss": 1}
    programs.check()


def test_a_terminated_process_of_multiprocessing_fails_only_its_own_run(
    programs: ProgramFolder,
) -> None:
    result = programs.run(
        "def own(begun): artstore.init(id='c').log_artifact(new_draft('theirs', 0)); begun.set(); signal.pause()\n"
        "def never(begun): begun.set(); signal.pause()\n"
        "if __name__ == '__main__':\n"
        "    kind = multiprocessing.get_context('fork'); run = artstore.init(id='r')\n"
        "    for deed in (own, never):\n"
        "        begun = kind.Event(); child = kind.Process(target=deed, args=(begun,)); child.start()\n"
        "        begun.wait(); child.terminate(); child.join(); say(child.exitcode)\n"
    )
    assert (result.code, result.out) == (0, [str(128 + signal.SIGTERM), str(-signal.SIGTERM)]), result.err
    assert programs.states() == {"r": "finished", "c": "failed"}
    assert programs.contents("theirs") == ["0"]
    programs.check()
