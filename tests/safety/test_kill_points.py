"""Each kind of step at which tests kill or pause a process occurs when artstore works, so no rename hides one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support import child_tasks
from tests.support.files import noise, write_files
from tests.support.kill_points import TaskRunner

KINDS = {
    *("open", "close", "write", "pwrite", "pwritev", "fsync", "ftruncate", "truncate", "unlink"),
    *("rename", "replace", "link", "symlink", "mkdir", "utime"),
    *("flock", "fstat", "punch", "sql"),
}


def test_each_kind_of_step_is_seen(runner: TaskRunner, tmp_path: Path) -> None:
    shared, punched = noise(900_000, "shared"), {name: noise(200_000, name) for name in ("b", "c")}
    both = write_files(tmp_path / "both", {"a": shared, **punched})
    kept = write_files(tmp_path / "kept", {"a": shared})
    (kept / "link").symlink_to("a")
    after = write_files(tmp_path / "after", {"c": punched["c"]})
    tasks: list[tuple[Callable[..., None], dict[str, object]]] = [
        (child_tasks.create, {}),
        (child_tasks.commit, {"source": both, "name": "both"}),
        (child_tasks.commit, {"source": kept, "name": "kept"}),
        (child_tasks.commit, {"source": after, "name": "after"}),
        (child_tasks.delete, {"name": "both:v0"}),
        (child_tasks.get, {"name": "kept:v0", "root": tmp_path / "out"}),
        (child_tasks.get, {"name": "kept:v0", "root": write_files(tmp_path / "there", {"a": b"old"})}),
        (child_tasks.backup, {"to": tmp_path / "backup"}),
        (child_tasks.delete, {"name": "after:v0"}),
        (child_tasks.delete, {"name": "kept:v0"}),
    ]
    seen: set[str] = set()
    for task, arguments in tasks:
        seen.update(runner.complete(task, store=tmp_path / "store", **arguments).steps)
    assert KINDS - seen == set()
