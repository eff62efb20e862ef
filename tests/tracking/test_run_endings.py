"""A run ends with its process: everything logged is stored in order, and the run has the right state."""

from __future__ import annotations

import signal

import pytest

from tests.support.programs import ProgramFolder, writer_at_work

BEGIN = "run = artstore.init(id='r')\n"
LOG_TEN = "for index in range(10): run.log_artifact(new_draft('a', index))\n"
TEN = [str(index) for index in range(10)]


def check_state(programs: ProgramFolder, state: str, exit_code: int | None, contents: list[str]) -> None:
    run = programs.public_run()
    assert (run.state, run.exit_code) == (state, exit_code)
    assert programs.contents("a") == contents
    assert programs.produced() == [f"a:v{number}" for number in range(len(contents))]
    programs.check()


@pytest.mark.parametrize(
    ("last_line", "code", "state"),
    [
        ("", 0, "finished"),
        ("run.finish()", 0, "finished"),
        ("run.finish(exit_code=7)", 0, "failed"),
        ("sys.exit(0)", 0, "finished"),
        ("sys.exit(3)", 3, "failed"),
        ("sys.exit('no')", 1, "failed"),
        ("raise ValueError('no')", 1, "failed"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "failed"),
        ("exit(3)", 3, "failed"),
        ("quit()", 0, "finished"),
        ("threading.Thread(target=sys.exit, args=(3,)).start()", 0, "finished"),
    ],
)
def test_a_run_that_was_not_finished_ends_like_its_program(
    programs: ProgramFolder, last_line: str, code: int, state: str
) -> None:
    result = programs.run(BEGIN + LOG_TEN + last_line)
    assert result.code == code, result.err
    exit_code = 7 if "exit_code=7" in last_line else 1 if code < 0 else code
    check_state(programs, state, exit_code, TEN)


@pytest.mark.parametrize(
    ("last_line", "code", "state", "exit_code"),
    [
        ("pass", 0, "finished", 0),
        ("sys.exit(0)", 0, "finished", 0),
        ("raise SystemExit(3)", 3, "failed", 3),
        ("raise ValueError('no')", 1, "failed", 1),
    ],
)
def test_a_with_block_ends_its_run_by_how_it_is_left(
    programs: ProgramFolder, last_line: str, code: int, state: str, exit_code: int
) -> None:
    lines = [*LOG_TEN.splitlines(), "say(artstore.Api().run('r').state)", last_line]
    result = programs.run("with artstore.init(id='r') as run:\n" + "\n".join(f"    {line}" for line in lines))
    assert (result.code, result.out) == (code, ["running"]), result.err
    check_state(programs, state, exit_code, TEN)


def test_a_run_that_logged_nothing_ends_with_its_process(programs: ProgramFolder) -> None:
    result = programs.run(BEGIN)
    assert (result.code, programs.states()) == (0, {"r": "finished"})
    assert "Traceback" not in result.err


def test_a_run_is_running_for_others_until_it_is_finished(programs: ProgramFolder) -> None:
    program = programs.start(
        BEGIN + "say('begun'); sys.stdin.readline(); run.finish(); say('over'); sys.stdin.readline()"
    )
    program.expect("begun")
    assert (programs.public_run().state, programs.public_run().ended_at) == ("running", None)
    program.send_line()
    program.expect("over")
    assert programs.public_run().state == "finished"
    program.send_line()
    assert program.wait().code == 0


def test_sigterm_during_commits_commits_what_was_logged_and_fails_the_run(programs: ProgramFolder) -> None:
    assert programs.run("artstore.init(id='before').finish()").code == 0
    program = programs.start(BEGIN + "sys.stdin.readline()\n" + LOG_TEN + "say('logged'); sys.stdin.readline()")
    with writer_at_work(programs.store):
        pass
    program.send_line()
    program.expect("logged")
    program.signal(signal.SIGTERM)
    assert program.wait().code == 128 + signal.SIGTERM
    check_state(programs, "failed", 128 + signal.SIGTERM, TEN)


def test_sigterm_does_not_cancel_a_waiting_commit(programs: ProgramFolder) -> None:
    program = programs.start(BEGIN + "say('begun'); sys.stdin.readline()\n" + LOG_TEN + "say('logged'); run.finish()")
    program.expect("begun")
    with writer_at_work(programs.store):
        program.send_line()
        program.expect("logged")
        program.signal(signal.SIGTERM)
    assert program.wait().code == 128 + signal.SIGTERM
    check_state(programs, "failed", 128 + signal.SIGTERM, TEN)


def test_a_second_sigterm_ends_the_process_immediately_and_the_run_has_crashed(programs: ProgramFolder) -> None:
    ends = "import atexit; atexit.register(say, 'ends')\n"
    program = programs.start(BEGIN + ends + "say('begun'); sys.stdin.readline()\n" + LOG_TEN + "signal.pause()")
    program.expect("begun")
    with writer_at_work(programs.store):
        program.send_line()
        program.signal(signal.SIGTERM)
        program.expect("ends")
        program.signal(signal.SIGTERM)
        assert program.wait().code == -signal.SIGTERM
    assert programs.public_run().state == "crashed"
    programs.check()


def test_sigterm_after_the_run_ends_the_process_normally(programs: ProgramFolder) -> None:
    program = programs.start(BEGIN + "run.finish(); say('over'); sys.stdin.readline()")
    program.expect("over")
    program.signal(signal.SIGTERM)
    assert program.wait().code == -signal.SIGTERM
    assert programs.public_run().state == "finished"


def test_an_existing_handler_of_sigterm_is_kept(programs: ProgramFolder) -> None:
    result = programs.run(
        "signal.signal(signal.SIGTERM, lambda *_: say('mine'))\n" + BEGIN + "os.kill(os.getpid(), signal.SIGTERM)"
    )
    assert (result.code, result.out, programs.public_run().state) == (0, ["mine"], "finished")


@pytest.mark.parametrize("waiting", ["last.wait()", "run.finish()", "run.use_artifact('a:latest')"])
def test_an_interrupt_while_waiting_loses_nothing(programs: ProgramFolder, waiting: str) -> None:
    program = programs.start(
        BEGIN
        + "say('begun'); sys.stdin.readline()\n"
        + LOG_TEN
        + f"last = run.log_artifact(new_draft('a', 'last')); say('logged'); {waiting}"
    )
    program.expect("begun")
    with writer_at_work(programs.store):
        program.send_line()
        program.expect("logged")
        program.signal(signal.SIGINT)
    result = program.wait()
    assert result.code == -signal.SIGINT
    assert "KeyboardInterrupt" in result.err
    check_state(programs, "failed", 1, [*TEN, "last"])


def test_a_program_can_continue_after_an_interrupted_finish(programs: ProgramFolder) -> None:
    program = programs.start(
        BEGIN
        + "say('begun'); sys.stdin.readline()\n"
        + LOG_TEN
        + "try:\n    say('logged'); run.finish()\nexcept KeyboardInterrupt: say('interrupted')\n"
        + "run.log({'loss': 1}); run.log_artifact(new_draft('a', 'more')).wait(); run.finish()"
    )
    program.expect("begun")
    with writer_at_work(programs.store):
        program.send_line()
        program.expect("logged")
        program.signal(signal.SIGINT)
        program.expect("interrupted")
    assert program.wait().code == 0
    check_state(programs, "finished", 0, [*TEN, "more"])
    assert programs.public_run().summary == {"loss": 1}


@pytest.mark.parametrize("commits", [0, 1, 3])
def test_sigkill_leaves_committed_versions_and_a_crashed_run(programs: ProgramFolder, commits: int) -> None:
    program = programs.start(
        BEGIN + f"for index in range({commits}): run.log_artifact(new_draft('a', index)).wait()\n"
        "say('committed'); sys.stdin.readline()"
    )
    program.expect("committed")
    assert programs.states() == {"r": "running"}
    program.signal(signal.SIGKILL)
    assert program.wait().code == -signal.SIGKILL
    assert programs.run("artstore.init(id='next').finish()").code == 0
    assert programs.states() == {"r": "crashed", "next": "finished"}
    if commits:
        check_state(programs, "crashed", None, TEN[:commits])


def test_sigkill_loses_at_most_what_was_logged_in_the_last_second(programs: ProgramFolder) -> None:
    log = "run.config.update({'late': late}); run.log({'loss': late}); "
    wait = "import time; time.sleep(2); "
    kill = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
    result = programs.run(BEGIN + "late = 0\n" + log + log + wait + "late = None; run.log({'loss': 9}); " + kill)
    assert result.code == -signal.SIGKILL, result.err
    run = programs.public_run()
    assert run.state == "crashed"
    assert [row["loss"] for row in run.scan_history()][:2] == [0, 0]
    assert (run.config["late"], run.summary["loss"] in (0, 9)) == (0, True)
    resumed = programs.run("run = artstore.init(id='r', resume='must'); print(run.step)")
    assert resumed.out in (["2"], ["3"]), resumed.err


def test_sigkill_before_a_commit_leaves_no_remains(programs: ProgramFolder) -> None:
    program = programs.start(
        BEGIN + "run.log_artifact(new_draft('a', 0)).wait(); say('committed'); sys.stdin.readline()\n"
        "pending = run.log_artifact(new_draft('a', 1)); say('logged'); pending.wait()"
    )
    program.expect("committed")
    with writer_at_work(programs.store):
        program.send_line()
        program.expect("logged")
        program.signal(signal.SIGKILL)
        assert program.wait().code == -signal.SIGKILL
    check_state(programs, "crashed", None, ["0"])


def test_threads_can_log_after_the_main_thread_has_ended(programs: ProgramFolder) -> None:
    result = programs.run(
        BEGIN
        + "def log():\n"
        + "    threading.main_thread().join()\n"
        + "    for index in range(10): run.log_artifact(new_draft('a', index))\n"
        + "    say(run.use_artifact('a:latest').version); run.log({'loss': 1})\n"
        + "threading.Thread(target=log).start()"
    )
    assert (result.code, result.out) == (0, ["v9"]), result.err
    check_state(programs, "finished", 0, TEN)
    assert programs.public_run().summary == {"loss": 1}


def test_atexit_functions_can_log(programs: ProgramFolder) -> None:
    result = programs.run(
        "import atexit\n"
        + BEGIN
        + "atexit.register(lambda: (run.log({'loss': 1}), say(run.log_artifact(new_draft('a', 0)).wait().version)))"
    )
    assert (result.code, result.out) == (0, ["v0"]), result.err
    check_state(programs, "finished", 0, ["0"])


def test_each_of_several_open_runs_ends_with_the_process(programs: ProgramFolder) -> None:
    result = programs.run(
        "for id in 'abc': artstore.init(id=id, reinit='create_new').log_artifact(new_draft(id))\nsay(artstore.run.id)"
    )
    assert (result.code, result.out) == (0, ["c"])
    assert programs.states() == {"a": "finished", "b": "finished", "c": "finished"}
    assert [programs.produced(id) for id in "abc"] == [["a:v0"], ["b:v0"], ["c:v0"]]


def test_the_environment_names_the_store_of_the_newest_open_run_and_is_restored(
    programs: ProgramFolder,
) -> None:
    result = programs.run(
        "def there(): say(os.path.basename(os.environ['ARTSTORE_DIR']))\n"
        "a = artstore.init(id='a', store='one'); b = artstore.init(id='b', store='two', reinit='create_new')\n"
        "there(); a.finish(); there(); b.finish(); there()\n"
        "a = artstore.init(id='c', store='one'); b = artstore.init(id='d', store='two', reinit='create_new')\n"
        "b.finish(); there(); a.finish(); there()"
    )
    assert result.out == ["two", "two", "store", "one", "store"], result.err


@pytest.mark.parametrize(
    ("folder", "start"),
    [
        ("large", "threading.Thread(target=log).start(); began.wait()"),
        ("small", "threading.Thread(target=log).start(); began.wait()"),
        ("small", "concurrent.futures.ThreadPoolExecutor().submit(log)"),
    ],
    ids=["large files in a thread", "small files in a thread", "small files in a pool"],
)
def test_work_of_a_thread_is_finished_while_the_main_thread_ends(
    programs: ProgramFolder, folder: str, start: str
) -> None:
    made = {
        "large": "    for number in range(6): put(number, os.urandom(40 << 20 if number % 3 == 0 else 3 << 20))\n",
        "small": "    for number in range(8000): put(number, b'%d' % number)\n",
    }
    result = programs.run(
        "import concurrent.futures\n"
        "began = threading.Event()\n"
        "class Told:\n"
        "    def begin(self, *_): pass\n"
        "    def advance(self, amount): amount and began.set()\n"
        "    def end(self): pass\n"
        "def put(name, data):\n"
        "    with open(f'folder/{name}', 'wb') as file: file.write(data)\n"
        "def log():\n"
        "    os.mkdir('folder')\n"
        + made[folder]
        + "    with artstore.Store.init(os.environ['ARTSTORE_DIR']) as store:\n"
        "        draft = store.draft('a', 'dataset')\n"
        "        store.add_dir(draft, 'folder', progress=Told())\n"
        "        version = store.commit(draft)\n"
        "        say(version.entries == store.get(version, 'out').written)\n" + start
    )
    assert (result.code, result.out) == (0, ["True"]), result.err
    for path in (programs.folder / "folder").iterdir():
        assert (programs.folder / "out" / path.name).read_bytes() == path.read_bytes()


def test_large_and_many_files_are_logged_after_the_main_thread_has_ended(programs: ProgramFolder) -> None:
    result = programs.run(
        BEGIN
        + "def log():\n"
        + "    threading.main_thread().join()\n"
        + "    os.mkdir('folder')\n"
        + "    with open('folder/large', 'wb') as file: file.write(os.urandom(70 << 20))\n"
        + "    for number in range(7000):\n"
        + "        with open(f'folder/{number}', 'w') as file: file.write(str(number))\n"
        + "    say(run.log_artifact('folder', name='a', type='dataset').wait().file_count)\n"
        + "    artstore.Api().artifact('a:v0').download('out')\n"
        + "threading.Thread(target=log).start()"
    )
    assert (result.code, result.out) == (0, ["7001"]), result.err
    assert programs.produced() == ["a:v0"]
    for name in ("large", "0", "6999"):
        assert (programs.folder / "out" / name).read_bytes() == (programs.folder / "folder" / name).read_bytes()
    programs.check()
