"""Processes of multiprocessing, some of them killed, and of Ray upsert to one version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from artstore import Api, Store
from artstore.data_types import PartitionedTable
from tests.support import upsert_race
from tests.support.files import tree_of
from tests.support.programs import script_output
from tests.support.store_checks import check_clean, check_no_locks
from tests.support.upsert_race import GROUP, content
from tests.support.wandb_fixtures import entry_paths

pytestmark = pytest.mark.usefixtures("workdir")


def run_race(kind: str, writers: int, files: int, at_once: int, killed: int) -> dict[str, list[str]]:
    numbers = map(str, (writers, files, at_once, killed))
    done = subprocess.run(
        [sys.executable, upsert_race.__file__, kind, "store", *numbers], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    upserts: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return upserts


def check_race(upserts: dict[str, list[str]], *, at_once: int, writers: int) -> None:
    """Finish the version and check it: it has every acknowledged upsert, and of the others all files or none."""
    with Store.open("store") as store:
        (pending,) = store.pending()
        assert (pending.distributed_id, pending.entries) >= (GROUP, len(upserts["done"]))
        assert len(pending.runs) <= writers
        store.gc()
        version = store.finish(pending)
        paths = {entry.path for entry in store.entries(version)}
        assert paths >= set(upserts["done"])
        extra = paths - set(upserts["done"])
        assert extra <= set(upserts["begun"])
        assert len(extra) % at_once == 0
        assert len(store.runs.producers(version)) == len(pending.runs)
        store.get(version, "out")
        for path in paths:
            assert Path("out", path).read_bytes() == content(path)
        assert len(tree_of(Path("out"))) == version.entries == len(paths)
        assert store.pending() == []
        check_clean(store)
    check_no_locks(Path("store"))


@pytest.mark.parametrize("kind", ["spawn", "fork"])
def test_processes_of_multiprocessing_upsert_to_one_version(kind: str) -> None:
    upserts = run_race(kind, writers=3, files=12, at_once=3, killed=0)
    assert len(upserts["done"]) == 36
    check_race(upserts, at_once=3, writers=3)


FORKED = """
import os, sys
import artstore

with artstore.init(group="night") as run:
    children = []
    for number in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            artifact = artstore.Artifact("animals", "dataset")
            with artifact.new_file(f"part-{number}") as file:
                file.write("part")
            run.upsert_artifact(artifact)
            sys.exit(0)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    run.finish_artifact(artstore.Artifact("animals", "dataset"))
"""


def test_forked_children_upsert_through_the_run_of_their_parent() -> None:
    script_output(FORKED, options=["-W", "error"])
    version = Api().artifact("animals:v0")
    assert entry_paths(version) == ["part-0", "part-1", "part-2"]
    assert [edge.kind for edge in version.lineage().edges] == ["produced"]


def test_sixteen_processes_with_some_killed_leave_exactly_what_was_acknowledged() -> None:
    upserts = run_race("fork", writers=16, files=400, at_once=40, killed=4)
    assert 4_800 <= len(upserts["done"]) < 6_400
    check_race(upserts, at_once=40, writers=16)


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_sixteen_processes_that_upsert_file_by_file_leave_exactly_what_was_acknowledged() -> None:
    upserts = run_race("spawn", writers=16, files=1000, at_once=1, killed=6)
    assert 10_000 <= len(upserts["done"]) < 16_000
    check_race(upserts, at_once=1, writers=16)


# Ray

RAY = """
import os, sys
import artstore as wandb
import time

# We will use ray to launch our runs in parallel
import ray

ray.init(num_cpus=2, include_dashboard=False, address="local", _temp_dir=sys.argv[1])

artifact_type = "dataset"
artifact_name = "parallel-artifact"
table_name = "distributed_table"
parts_path = "parts"
num_parallel = 5

# Each batch of parallel writers should have its own
# unique group name.
group_name = "writer-group-{}".format(round(time.time()))


@ray.remote
def train(i):
    with wandb.init(group=group_name) as run:
        artifact = wandb.Artifact(name=artifact_name, type=artifact_type)

        # Add data to a wandb table. In this case we use example data
        table = wandb.Table(columns=["a", "b", "c"], data=[[i, i * 2, 2**i]])

        # Add the table to folder in the artifact
        artifact.add(table, "{}/table_{}".format(parts_path, i))

        # Upserting the artifact creates or appends data to the artifact
        run.upsert_artifact(artifact)


# Launch your runs in parallel
result_ids = [train.remote(i) for i in range(num_parallel)]

# Join on all the writers to make sure their files have
# been added before finishing the artifact.
ray.get(result_ids)

# Once all the writers are finished, finish the artifact
# to mark it ready.
with wandb.init(group=group_name) as run:
    artifact = wandb.Artifact(artifact_name, type=artifact_type)

    # Create a "PartitionTable" pointing to the folder of tables
    # and add it to the artifact.
    artifact.add(wandb.data_types.PartitionedTable(parts_path), table_name)

    # Finish artifact finalizes the artifact, disallowing future "upserts"
    # to this version.
    run.finish_artifact(artifact)

# A store that the workers would not find by the working folder, and a cluster started before it: docs/parallel.md.


@ray.remote
def elsewhere():
    with wandb.init(group="elsewhere") as run:
        artifact = wandb.Artifact("other", type="dataset")
        with artifact.new_file("file") as file:
            file.write("content")
        run.upsert_artifact(artifact)
        return str(run.store.path)


with wandb.init(group="elsewhere", store=sys.argv[2]) as run:
    handed = {"env_vars": {"ARTSTORE_DIR": os.environ["ARTSTORE_DIR"]}}
    assert ray.get(elsewhere.options(runtime_env=handed).remote()) == sys.argv[2]
    run.finish_artifact(wandb.Artifact("other", type="dataset"))
"""


@pytest.fixture
def short_folder() -> Iterator[str]:
    """A folder with a short path, which the sockets of Ray need."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_ray_sample_makes_one_version_of_five_runs(workdir: Path, short_folder: str) -> None:
    (workdir / "sample.py").write_text(RAY)
    other = workdir / "somewhere" / "else"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [sys.executable, "sample.py", short_folder, str(other)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    version = Api().artifact("parallel-artifact:v0")
    writers = Api().runs()
    assert len(writers) == 6
    assert {run.state for run in writers} == {"finished"}
    assert len({run.group for run in writers}) == 1
    lineage = version.lineage()
    assert {(edge.kind, edge.source, edge.target) for edge in lineage.edges} == {
        ("produced", f"uncategorized/{run.id}", "uncategorized/parallel-artifact:v0") for run in writers
    }
    assert {node.id for node in lineage.nodes} == {
        "uncategorized/parallel-artifact:v0",
        *(f"uncategorized/{run.id}" for run in writers),
    }
    assert sorted(version.manifest.entries) == [
        "distributed_table.partitioned-table.json",
        *(f"parts/table_{i}.table.json" for i in range(5)),
    ]
    table = version.get("distributed_table")
    assert isinstance(table, PartitionedTable)
    assert [row for _, row in table.iterrows()] == [[i, i * 2, 2**i] for i in range(5)]
    with Store.open(other) as store:
        assert [entry.path for entry in store.entries("other:v0")] == ["file"]
        assert len(store.runs.producers(store.version("other:v0"))) == 2
