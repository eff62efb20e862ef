"""What runs keep, saved files and logged media, lies in the packs: durable, deduplicated, verified, freed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import artstore
from artstore import Api, Html, Run, Store
from artstore.catalog.connection import FILE
from artstore.errors import Damaged, InvalidPath, NotFound
from tests.support.cli_runner import json_of, output_of
from tests.support.files import noise, read_files, tree_of, write_files
from tests.support.store_checks import check_clean

pytestmark = pytest.mark.usefixtures("workdir")


def begin(id: str = "run", project: str = "p") -> Run:
    return artstore.init(project=project, id=id)


def content_of(path: str, run: str = "p/run") -> bytes:
    with Api().run(run).file(path).download(f"read-{time.monotonic_ns()}") as copy:
        return Path(copy.name).read_bytes()


def names_of(run: str = "p/run") -> list[str]:
    return [file.name for file in Api().run(run).files()]


def files_in(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def spoil(store: Path, content: bytes) -> None:
    for pack in (store / "packs").iterdir():
        data = pack.read_bytes()
        if content in data:
            pack.write_bytes(data.replace(content, bytes(len(content))))


# Where files lie


def test_logged_media_cost_no_file_each() -> None:
    with begin() as run:
        run.log({"page": Html("page 0")})
        store = run.store.path
    before = files_in(store)
    with begin("many") as run:
        for number in range(500):
            run.log({"page": Html(f"page {number}")})
    assert files_in(store) <= before + 2
    assert len(names_of("p/many")) == 500
    (first, *_), last = Api().run("p/many").scan_history(), Api().run("p/many").summary["page"]
    assert b"page 0" in content_of(first["page"]["path"], "p/many")
    assert b"page 499" in content_of(last["path"], "p/many")


def test_a_row_of_the_history_is_never_there_without_its_media() -> None:
    with begin() as run:
        run.log({"page": Html("now")})
        ends = time.monotonic() + 20
        while not (rows := list(Api().run("p/run").scan_history())) and time.monotonic() < ends:
            time.sleep(0.02)
        assert b"now" in content_of(rows[0]["page"]["path"])


def test_media_that_are_logged_faster_than_they_are_stored_do_not_fill_the_memory() -> None:
    with begin() as run:
        for number in range(3):
            run.log({"page": Html(f"{number} " + "x" * 9_000_000)})
        assert len(names_of()) >= 2
    assert len(names_of()) == 3


def test_equal_content_is_stored_once_across_runs_and_artifacts() -> None:
    write_files(Path(), {"weights": noise(50_000)})
    for id in ("a", "b"):
        with begin(id) as run:
            run.save("weights")
            run.log_artifact("weights", name="model", type="model")
    usage = run.store.usage()
    assert (usage.content_bytes, usage.run_files, usage.run_bytes) == (50_000, 2, 100_000)
    assert re.search(r"^ *100\.0 kB  2 files of runs, when written to a folder$", output_of("du"), re.MULTILINE)
    assert (json_of("du")["run_files"], json_of("du")["run_bytes"]) == (2, 100_000)
    assert run.store.reclaimable_bytes("p/model:v0") == 0
    run.store.delete("p/model:v0", delete_aliases=True)
    assert content_of("weights", "p/a") == content_of("weights", "p/b") == noise(50_000)
    check_clean(run.store)


def test_runs_of_one_id_in_two_projects_share_no_files() -> None:
    for project in ("p", "q"):
        write_files(Path(), {f"{project}.txt": project.encode()})
        with begin("same", project) as run:
            run.save(f"{project}.txt")
            write_files(Path(run.dir), {"log.txt": project.encode()})
    assert names_of("p/same") == ["log.txt", "p.txt"]
    assert content_of("log.txt", "p/same") == b"p"
    Api().run("q/same").delete()
    assert names_of("p/same") == ["log.txt", "p.txt"]


def test_the_folder_of_a_run_is_stored_when_the_run_ends() -> None:
    outside = write_files(Path("outside"), {"far.bin": b"far"})
    with begin() as run:
        folder = write_files(Path(run.dir), {"a.txt": b"a", "deep/b.txt": b"b", "x:y": b"odd"})
        (folder / "link").symlink_to(outside.resolve() / "far.bin")
        assert names_of() == ["a.txt", "deep/b.txt", "x:y"]
        assert content_of("deep/b.txt") == b"b"
    assert not folder.exists()
    assert {name: content_of(name) for name in names_of()} == {
        "a.txt": b"a",
        "deep/b.txt": b"b",
        "link": b"far",
        "x:y": b"odd",
    }


def test_links_that_are_no_files_of_a_run_are_named_when_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    checkpoints = write_files(Path("checkpoints"), {"weights": b"1"})
    write_files(Path("."), {"saved": b"2"})
    with begin() as run:
        folder = Path(run.dir)
        (folder / "checkpoints").symlink_to(checkpoints.resolve())
        (folder / "nowhere").symlink_to("gone")
        (folder / "near").symlink_to(checkpoints.resolve() / "weights")
        run.save("saved")
    assert "links to folders or to nothing: checkpoints, nowhere in its folder" in capfd.readouterr().err
    assert sorted(names_of()) == ["near", "saved"]
    assert (checkpoints / "weights").read_bytes() == b"1"


def test_a_file_that_cannot_be_stored_stays_in_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with begin() as run:
        folder = write_files(Path(run.dir), {"good": b"good"})
        os.symlink(run.store.path / FILE, folder / "catalog")
        (folder / "odd\udcff").write_bytes(b"odd")
    assert names_of() == ["good"]
    assert os.listdir(folder) == ["odd\udcff"]
    assert "those that are left are in" in capsys.readouterr().err


def test_a_file_is_replaced_and_its_content_freed() -> None:
    with begin() as run:
        for number in range(3):
            write_files(Path(), {"log": noise(200_000, number)})
            run.save("log", policy="now")
    assert content_of("log") == noise(200_000, 2)
    assert run.store.usage().content_bytes == 200_000
    check_clean(run.store)


def test_a_deleted_run_or_file_frees_its_content() -> None:
    write_files(Path(), {"one": noise(30_000, 1), "two": noise(30_000, 2)})
    with begin() as run:
        run.save("*o*")
        run.log({"page": Html("page")})
    store, public = run.store, Api().run("p/run")
    public.file("one").delete()
    assert 30_000 <= store.usage().content_bytes < 31_000
    public.delete()
    assert store.usage().content_bytes == 0
    assert not any((store.path / "packs").iterdir())
    with pytest.raises(NotFound):
        public.file("two").download()
    check_clean(store)


def test_a_run_that_starts_over_loses_its_media_and_keeps_what_it_saved() -> None:
    write_files(Path(), {"model": b"weights"})
    with begin() as run:
        run.save("model")
        run.log({"page": Html("page")})
    with begin() as run:
        pass
    assert names_of() == ["model"]
    check_clean(run.store)


# What keeps them safe


def test_they_are_in_backups_which_are_restored_over_a_store_with_folders_of_runs() -> None:
    write_files(Path(), {"model": noise(10_000)})
    with begin() as run:
        run.save("model")
        path = run.store.path
    run.store.backup("backup")
    with begin("open") as other:
        write_files(Path(other.dir), {"f": b"f"})
    Api().run("p/run").delete()
    artstore.finish()
    run.store.close()
    Store.restore("backup", path, replace=True)
    assert content_of("model") == noise(10_000)
    with Store.open("backup") as backup:
        assert backup.verify().ok


def test_gc_removes_the_folders_of_deleted_runs_and_keeps_those_of_unknown_ones() -> None:
    folders = []
    for uid in ("deleted", "unknown"):
        with begin(uid) as run:
            folders.append(Path(run.dir))
    store = run.store
    for folder in (*folders, store.path / "runs" / "deleted", store.path / "runs" / "other"):
        write_files(folder, {"f": b"f"})
    Api().run("p/deleted").delete()
    # As a deletion leaves them that is killed before it has removed them.
    write_files(folders[0], {"f": b"f"})
    write_files(store.path / "runs" / "deleted", {"f": b"f"})
    unknown = folders[1].rename(folders[1].with_name("7-deleted"))
    store.gc()
    assert not folders[0].exists() and not (store.path / "runs" / "deleted").exists()
    assert read_files(unknown) == read_files(store.path / "runs" / "other") == {"f": b"f"}


def test_damage_is_named_never_served_and_repaired() -> None:
    write_files(Path("good"), {"model": noise(10_000)})
    with begin() as run:
        run.save("good/model", base_path="good")
    store = run.store
    spoil(store.path, noise(10_000))
    (finding,) = store.verify().findings
    assert finding.harms == (("run p/run", "model"),)
    with pytest.raises(Damaged):
        Api().run("p/run").file("model").download("out")
    assert not Path("out/model").exists()
    assert store.repair("good").healed == 1
    assert content_of("model") == noise(10_000)
    store.gc()
    check_clean(store)


def test_nothing_is_written_or_read_outside(tmp_path: Path) -> None:
    secret = write_files(tmp_path / "secret", {"key": b"secret"})
    with begin() as run:
        write_files(Path(run.dir), {"f": b"f"})
        store = run.store
    for number in (2, 3):
        with begin(f"run{number}"):
            pass
    folder = store.runs.files.folder(store.runs.find("p/run2", "p"))
    os.symlink(secret, folder)
    (store.path / "runs").symlink_to(tmp_path)
    inside = store.runs.files.folder(store.runs.find("p/run3", "p"))
    inside.mkdir(parents=True)
    (inside / "key").symlink_to(secret / "key")
    assert (names_of("p/run2"), names_of("p/run3")) == ([], [])
    store.gc()
    assert (names_of("p/run2"), names_of("p/run3")) == ([], [])
    assert tree_of(secret).keys() == {"key"}
    with store.db.writing() as connection:
        connection.execute("update run_files set path = '../../out'")
    with pytest.raises(InvalidPath, match="stays inside"):
        Api().run("p/run").files()


KILLED = """
import os, sys, time, artstore
run = artstore.init(project="p", id="run")
open(os.path.join(run.dir, "log.txt"), "w").write("log")
open("model.pt", "w").write("weights")
run.save("model.pt")
for number in range(10**9):
    run.log({"page": artstore.Html(f"page {number}")})
    print(number, flush=True)
    time.sleep(0.01)
"""


def test_a_killed_process_loses_at_most_the_last_second() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        seen = [(int(line), time.monotonic()) for line, _ in zip(program.stdout, range(200), strict=False)]
        program.send_signal(signal.SIGKILL)
        killed = time.monotonic()
    rows = list(Api().run("p/run").scan_history())
    assert len(rows) > max(number for number, at in seen if at < killed - 1.5)
    files = set(names_of())
    assert {row["page"]["path"] for row in rows} | {"log.txt", "model.pt"} == files
    assert content_of("log.txt") == b"log"
    with Store.open(".artstore") as store:
        assert store.gc(dry_run=True).run_files == store.gc().run_files == 1
        assert not any((store.path / "work").iterdir())
        assert content_of("log.txt") == b"log" and content_of("model.pt") == b"weights"
        check_clean(store)


FORKED = """
import os, artstore
with artstore.init(project="p", id="run") as run:
    run.log({"page": artstore.Html("of the parent")})
    child = os.fork()
    if child == 0:
        run.log({"more": artstore.Html("of the child")}, step=5)
    else:
        assert os.waitpid(child, 0)[1] == 0
"""


def test_a_child_that_is_forked_keeps_what_it_logs() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True)
    rows = list(Api().run("p/run").scan_history())
    assert [key for row in rows for key in row if key[0] != "_"] == ["page", "more"]
    assert sorted(names_of()) == sorted(row[key]["path"] for row in rows for key in row if key[0] != "_")


# Stores of earlier releases


def test_files_of_an_earlier_release_are_read_where_they_lie_and_stored_by_gc() -> None:
    write_files(Path(), {"model": b"newer"})
    for project in ("p", "q"):
        with begin("same", project) as run:
            pass
    with begin("same", "p") as run:
        run.save("model")
    store = run.store
    write_files(store.path / "runs" / "same", {"model": b"old", "media/images/a.png": b"png"})
    assert names_of("p/same") == names_of("q/same") == ["media/images/a.png", "model"]
    assert content_of("media/images/a.png", "q/same") == b"png"
    assert (content_of("model", "p/same"), content_of("model", "q/same")) == (b"newer", b"old")
    assert store.gc().run_files == 2
    assert not (store.path / "runs" / "same").exists()
    assert (content_of("model", "p/same"), content_of("model", "q/same")) == (b"newer", b"old")
    assert content_of("media/images/a.png", "p/same") == b"png"
    check_clean(store)


def test_a_backup_stores_what_an_earlier_release_left() -> None:
    with begin() as run:
        pass
    write_files(run.store.path / "runs" / "run", {"model": b"old"})
    run.store.backup("backup")
    shutil.rmtree(run.store.path)
    with Store.open("backup") as backup:
        found = backup.runs.find("p/run", "p")
        assert b"".join(backup.runs.files.read(found, "model")) == b"old"
