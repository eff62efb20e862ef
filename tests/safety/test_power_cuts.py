"""After a power cut at any point, what was acknowledged is there, nothing is half done, and the store goes on.

Each deed is recorded, and its folder rebuilt as a cut may have left it (`tests.support.power_cuts`). What is there is
read without artstore, then with it. By default a sample of the cuts; the torture test tries all of them.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.support.budgets import BUDGET
from tests.support.deed_checks import Scene
from tests.support.deeds import DEEDS
from tests.support.figures import Figures, Record
from tests.support.files import read_files, write_files
from tests.support.kill_points import TaskRunner
from tests.support.power_cuts import BLOCK, Disk

SAMPLED = "log", "delete", "gc", "drafts", "backup", "restore", "repair"
NOT_DURABLE = "get", "get-again", "with-inputs", "verify"
"""Downloads are not durable, and verification writes nothing."""


def cut(scene: Scene, figures: Figures, seeds: int = 1, *, sampled: bool = False) -> None:
    """Cut the power after every call, or after three of them: the last one, and two that are drawn."""
    scene.renewed()
    disk, counting = Disk(scene.base), Disk(scene.base)
    trace = scene.record()
    changed = [counting.is_strict_changed for _ in counting.play(trace)]
    strict = {number for number, is_changed in enumerate(changed) if is_changed}
    lenient = set(range(len(changed)))
    if sampled:
        draw = random.Random(scene.name)
        strict, lenient = {max(strict), draw.choice(sorted(strict)[1:-1])}, {draw.randrange(len(changed))}
    for number, _ in enumerate(disk.play(trace)):
        kinds: list[tuple[str, random.Random | None]] = [("strict", None)] if number in strict else []
        if number in lenient:
            kinds += [("lenient", random.Random(f"{scene.name} {number} {seed}")) for seed in range(seeds)]
        for kind, chance in kinds:
            left = scene.folder / "left"
            shutil.rmtree(left, ignore_errors=True)
            disk.rebuild((*scene.deed.stores, *scene.deed.built), left, chance)
            figures.count(kind)
            try:
                scene.check(left, disk.acknowledged, scene.folder / "scratch")
            except Exception as error:
                figures.fail(f"{scene.name}, {kind} cut after call {number}", error)
    assert disk.acknowledged == len(scene.states) - 1
    assert disk.differences() == [], "the trace does not tell all"
    shutil.rmtree(scene.folder)


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sample(name: str, runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    cut(Scene(runner, name, tmp_path / name), figures, sampled=True)
    figures.report(record_property, f"cuts of the power during {name}")


def quoted(text: object) -> str:
    """Write a string as strace does with `-xx`."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in str(text).encode()) + '"'


def test_a_strict_cut_leaves_what_was_synced(tmp_path: Path) -> None:
    """The harness itself: data is durable by a sync of its file, a name by a sync of its folder."""
    base, trace = tmp_path / "base", tmp_path / "trace"
    write_files(base, {"s/old": b"old"})

    lines = [
        f"openat(AT_FDCWD, {quoted(f'{base}/s')}, O_RDONLY|O_DIRECTORY) = 3",
        f"openat(3, {quoted('new')}, O_WRONLY|O_CREAT, 0600) = 4",
        f"write(4, {quoted('synced')}, 6) = 6",
        "fsync(4) = 0",
        f"write(4, {quoted(' and not')}, 8) = 8",
        f"rename({quoted(f'{base}/s/old')}, {quoted(f'{base}/s/renamed')}) = 0",
        "fsync(3) = 0",
        f"openat(3, {quoted('unnamed')}, O_WRONLY|O_CREAT, 0600) = 5",
        "fsync(5) = 0",
        f"unlink({quoted(f'{base}/s/renamed')}) = 0",
    ]
    trace.write_text("".join(f"7 {line}\n" for line in lines))
    disk = Disk(base)
    left = []
    for number, _ in enumerate(disk.play(trace)):
        disk.rebuild(("s",), tmp_path / f"{number}", None)
        left.append(read_files(tmp_path / f"{number}" / "s"))
    before, after = {"old": b"old"}, {"renamed": b"old", "new": b"synced"}
    assert left == [before] * 5 + [after] * 4


def test_a_lenient_cut_leaves_every_combination_of_what_was_not_synced(tmp_path: Path) -> None:
    """The harness itself: blocks and names that were not synced survive one by one, and synced ones always."""
    base, trace = tmp_path / "base", tmp_path / "trace"
    write_files(base, {"s/blocks": b"0" * 3 * BLOCK, "s/gone": b""})
    lines = [
        f"openat(AT_FDCWD, {quoted(base / 's')}, O_RDONLY|O_DIRECTORY) = 3",
        f"openat(3, {quoted('blocks')}, O_RDWR) = 4",
        f"pwrite64(4, {quoted('1' * BLOCK)}, {BLOCK}, 0) = {BLOCK}",
        "fsync(4) = 0",
        f"unlink({quoted(base / 's' / 'gone')}) = 0",
        f"openat(3, {quoted('synced')}, O_WRONLY|O_CREAT, 0600) = 5",
        "fsync(3) = 0",
        *(f"pwrite64(4, {quoted('1' * BLOCK)}, {BLOCK}, {block * BLOCK}) = {BLOCK}" for block in (1, 2)),
        *(f"openat(3, {quoted(name)}, O_WRONLY|O_CREAT, 0600) = {number}" for number, name in ((6, "a"), (7, "b"))),
    ]
    trace.write_text("".join(f"7 {line}\n" for line in lines))
    disk = Disk(base)
    for _ in disk.play(trace):
        pass
    found_blocks, found_names = set(), set()
    for seed in range(200):
        left = tmp_path / f"{seed}"
        disk.rebuild(("s",), left, random.Random(seed))
        files = read_files(left / "s")
        data = files.pop("blocks")
        assert data == b"".join(data[start : start + 1] * BLOCK for start in range(0, 3 * BLOCK, BLOCK))
        found_blocks.add(data[::BLOCK])
        found_names.add(frozenset(files))
    assert found_blocks == {b"100", b"110", b"101", b"111"}
    assert found_names == {frozenset({"synced", *others}) for others in ((), "a", "b", "ab")}


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(DEEDS.keys() - set(NOT_DURABLE)))
def test_every_cut(name: str, runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    cut(Scene(runner, name, tmp_path / name), figures, BUDGET.chances)
    figures.report(record_property, f"cuts of the power during {name}")
