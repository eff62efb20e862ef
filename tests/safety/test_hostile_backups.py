"""Backups that someone sends, as the source of repair and restore and as the target of the next backup.

Nothing outside them is touched, nothing hangs, no memory is claimed by their word, and no foreign exception is raised.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from artstore import Store
from tests.support.files import write_files
from tests.support.hostile_stores import BAIT, HOSTILE, NAMED, outside

PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from click.testing import CliRunner
from artstore.cli import verbs
for place in sys.argv[1:]:
    backup, target, store = place + "/sent/backup", place + "/target/backup", place + "/store"
    for verb in (
        ["backup", target],
        ["repair", "--from", backup, "--dry-run"],
        ["repair", "--from", backup],
        ["restore", backup, place + "/restored"],
        ["restore", backup, store, "--replace"],
        ["verify"],
        ["backup", backup],
    ):
        words = verb if verb[0] == "restore" else [*verb, "--store", store]
        result = CliRunner().invoke(verbs, words, prog_name="artstore")
        error = result.exception
        foreign = None if error is None or isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
        print(json.dumps([place, verb[0], result.exit_code, foreign, result.output[-1000:]]), flush=True)
"""
SAMPLE = [
    "pack name is a path",
    "pack is a link",
    "pack is a link to a file outside",
    "pack is a FIFO",
    "packs is a link",
    "locks is a link",
    "catalog is a link",
    "entry path leads up",
    "trigger that deletes",
    "versions is an endless view",
    "chunk of 2**40 bytes",
    "metadata of 5,000 levels",
]


LINKED = [kind for kind in SAMPLE if " is a link" in kind or " is a FIFO" in kind]
"""What both a backup over it and a restore from it must refuse, and name."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A damaged store, and a backup of it from before."""
    place = tmp_path_factory.mktemp("whole")
    files = write_files(place / "source", {"cat": b"meow" * 100, "dog": b"x" * 200_000})
    with Store.init(place / "store") as opened:
        for i in range(2):
            draft = opened.draft("animals", "dataset", metadata={"i": i})
            opened.add_dir(draft, files)
            opened.commit(draft)
            (files / "cat").write_bytes(b"purr" * 100)
        opened.backup(place / "sent" / "backup")
    for pack in (place / "store" / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        data[data.index(b"meow")] ^= 1
        pack.write_bytes(data)
    (place / "sent" / BAIT).write_bytes(b"artstore-pack-1\nbait")
    (place / "sent" / BAIT).chmod(0o600)
    return place


def owned(place: Path) -> tuple[Path, ...]:
    """Return what the verbs may change: the victim's stores, and the backups that were sent."""
    return place / "store", place / "restored", place / "sent" / "backup", place / "target" / "backup"


def attack(kinds: list[str], whole: Path, scratch: Path) -> None:
    places = {scratch / str(i): kind for i, kind in enumerate(kinds)}
    for place, kind in places.items():
        shutil.copytree(whole, place)
        (place / "sent" / "backup" / "locks").mkdir(exist_ok=True)
        for name in ("turn.lock", "clock"):
            (place / "sent" / "backup" / "locks" / name).touch()
        # The target of a backup is another one, as a backup mends what it is written over.
        shutil.copytree(place / "sent", place / "target")
        for parent in ("sent", "target"):
            HOSTILE[kind](place / parent / "backup")
    before = {place: outside(place, *owned(place)) for place in places}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, places)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30 + 15 * len(places),
        cwd=scratch,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 7 * len(places), (answers[-1:], done.stderr[-2000:])
    bad = [(places[Path(place)], *answer) for place, *answer in answers if answer[2] or "Traceback" in answer[3]]
    assert bad == []
    for place, kind in places.items():
        assert f"target/{BAIT}" in before[place]
        assert outside(place, *owned(place)) == before[place], kind
        if kind in LINKED:
            pattern = NAMED[kind].replace("store/", "backup/")
            for verb in ("backup", "restore"):
                said = [output for at, of, code, _, output in answers if (Path(at), of) == (place, verb) and code == 2]
                assert any(re.search(pattern, output) for output in said), (kind, verb, answers)


def test_a_hostile_backup_harms_nothing(whole: Path, tmp_path: Path) -> None:
    attack(SAMPLE, whole, tmp_path)


@pytest.mark.torture
def test_no_hostile_backup_harms_anything(whole: Path, tmp_path: Path) -> None:
    attack(list(HOSTILE), whole, tmp_path)
