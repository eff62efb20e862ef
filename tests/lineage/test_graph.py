"""The lineage graph holds everything that was used and logged, in full and as a summary."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import artstore
from artstore import Api, Artifact, Store
from artstore.errors import ArtifactNotLoggedError, InvalidInput, UsageError
from artstore.lineage.graph import CollectionNode, JobNode, RunNode, VersionNode
from artstore.lineage.lineage import Lineage
from tests.support.lineage_pipeline import edges, new_artifact, nodes, start_run

UP_TO_FEATURES_V1 = {
    "ingest-1 -produced-> raw:v1",
    "ingest-2 -produced-> raw:v1",
    "raw:v1 -used-> clean-1",
    "raw:v1 -used-> clean-2",
    "clean-1 -produced-> clean:v1",
    "clean-2 -produced-> clean:v1",
    "clean:v1 -used-> features-1",
    "clean:v1 -used-> features-2",
    "features-1 -produced-> features:v1",
    "features-2 -produced-> features:v1",
}


def find_artifact(store_path: Path, name: str) -> Artifact:
    return Api(store=store_path).artifact(name if "/" in name else f"pipe/{name}")


# A pipeline of five stages that ran three times


def test_upstream_is_everything_that_a_version_came_from(pipeline_store: Path) -> None:
    assert edges(find_artifact(pipeline_store, "model:v2").lineage("upstream")) == UP_TO_FEATURES_V1 | {
        "features:v1 -used-> train-2",
        "features:v1 -references-> model:v2",
        "train-2 -produced-> model:v2",
    }
    assert edges(find_artifact(pipeline_store, "report:v0").lineage("upstream")) == {
        "ingest-0 -produced-> raw:v0",
        "raw:v0 -used-> clean-0",
        "clean-0 -produced-> clean:v0",
        "clean:v0 -used-> features-0",
        "features-0 -produced-> features:v0",
        "features:v0 -used-> train-0",
        "features:v0 -references-> model:v0",
        "train-0 -produced-> model:v0",
        "features:v0 -used-> evaluate-0",
        "model:v0 -used-> evaluate-0",
        "evaluate-0 -produced-> report:v0",
    }


def test_downstream_is_everything_made_from_a_version(pipeline_store: Path) -> None:
    assert edges(find_artifact(pipeline_store, "features:v1").lineage("downstream")) == {
        f"{edge[0]} -{edge[1]}-> {edge[2]}"
        for turn in (1, 2)
        for edge in (
            ("features:v1", "used", f"train-{turn}"),
            ("features:v1", "references", f"model:v{turn}"),
            (f"train-{turn}", "produced", f"model:v{turn}"),
            ("features:v1", "used", f"evaluate-{turn}"),
            (f"model:v{turn}", "used", f"evaluate-{turn}"),
            (f"evaluate-{turn}", "produced", f"report:v{turn}"),
        )
    }


def test_both_is_upstream_and_downstream_without_siblings(pipeline_store: Path) -> None:
    graph = find_artifact(pipeline_store, "model:v1").lineage()
    assert graph.start == "pipe/model:v1"
    assert edges(graph) == UP_TO_FEATURES_V1 | {
        "features:v1 -used-> train-1",
        "features:v1 -references-> model:v1",
        "train-1 -produced-> model:v1",
        "features:v1 -used-> evaluate-1",
        "model:v1 -used-> evaluate-1",
        "evaluate-1 -produced-> report:v1",
    }
    assert nodes(graph).isdisjoint({"model:v2", "train-2", "report:v2", "raw:v0"})


def test_depth_counts_hops_between_versions_and_runs(pipeline_store: Path) -> None:
    model = find_artifact(pipeline_store, "model:v2")
    assert nodes(model.lineage("upstream", depth=0)) == {"model:v2"}
    assert nodes(model.lineage("upstream", depth=1)) == {"model:v2", "train-2", "features:v1"}
    assert nodes(model.lineage("upstream", depth=2)) == {
        "model:v2",
        "train-2",
        "features:v1",
        "features-1",
        "features-2",
    }
    assert nodes(model.lineage(depth=1)) == {"model:v2", "train-2", "features:v1", "evaluate-2"}
    assert edges(model.lineage(depth=50)) == edges(model.lineage())


def test_a_run_has_lineage_too(pipeline_store: Path) -> None:
    run = Api(store=pipeline_store).run("pipe/train-2")
    assert edges(run.lineage(depth=1)) == {
        "features:v1 -used-> train-2",
        "features:v1 -references-> model:v2",
        "train-2 -produced-> model:v2",
    }
    assert run.lineage().start == "pipe/train-2"


def test_nodes_have_the_fields_of_versions_and_runs(pipeline_store: Path) -> None:
    nodes_by_id = {node.id: node for node in find_artifact(pipeline_store, "model:v2").lineage("upstream").nodes}
    model, train = nodes_by_id["pipe/model:v2"], nodes_by_id["pipe/train-2"]
    assert isinstance(model, VersionNode) and isinstance(train, RunNode)
    assert (model.kind, model.name, model.type, model.state) == ("version", "model:v2", "model", "committed")
    assert (model.aliases, model.size, model.digest) == (
        ("latest", "round-2"),
        9,
        find_artifact(pipeline_store, "model:v2").digest,
    )
    assert (train.kind, train.job_type, train.state, train.name) == ("run", "train", "finished", "train-2")
    assert train.ended_at is not None and train.started_at < model.created_at < train.ended_at
    roles = {
        edge.role
        for edge in find_artifact(pipeline_store, "model:v2").lineage("upstream").edges
        if edge.target == "pipe/train-2"
    }
    assert roles == {"training"}


def test_the_summary_shows_collections_and_job_types_with_their_counts(pipeline_store: Path) -> None:
    graph = find_artifact(pipeline_store, "features:v1").lineage().summary()
    assert edges(graph) == {
        "job ingest -produced-> raw x2",
        "raw -used-> job clean x2",
        "job clean -produced-> clean x2",
        "clean -used-> job features x2",
        "job features -produced-> features x2",
        "features -used-> job train x2",
        "features -references-> model x2",
        "job train -produced-> model x2",
        "features -used-> job evaluate x2",
        "model -used-> job evaluate x2",
        "job evaluate -produced-> report x2",
    }
    by_id = {node.id: node for node in graph.nodes}
    assert by_id["pipe/model"] == CollectionNode("pipe/model", "pipe", "model", "model", versions=2)
    assert by_id["pipe/raw"] == CollectionNode("pipe/raw", "pipe", "raw", "dataset", versions=1)
    assert by_id["pipe job train"] == JobNode("pipe job train", "pipe", "train", runs=2)
    assert graph.start == "pipe/features"
    assert edges(graph.summary()) == {line.partition(" x2")[0] for line in edges(graph)}


# Special cases


def test_a_run_that_uses_and_logs_one_collection_is_a_cycle_in_the_summary_only(store_path: Path) -> None:
    with start_run(store_path, "first", "grow") as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    for turn in ("second", "third"):
        with start_run(store_path, turn, "grow") as run:
            run.use_artifact("data:latest")
            run.log_artifact(new_artifact("data", "dataset", turn))
    graph = find_artifact(store_path, "data:v0").lineage()
    assert edges(graph) == {
        "first -produced-> data:v0",
        "data:v0 -used-> second",
        "second -produced-> data:v1",
        "data:v1 -used-> third",
        "third -produced-> data:v2",
    }
    assert edges(graph.summary()) == {"job grow -produced-> data x3", "data -used-> job grow x2"}
    assert graph.summary().to_text().splitlines() == [
        "collection pipe/data  (dataset, 3 versions)",
        "upstream:",
        "└─ produced by job pipe/grow  (3 runs) (3 times)",
        "   └─ used collection pipe/data  (dataset, 3 versions) (2 times) ... see above",
        "downstream:",
        "└─ used by job pipe/grow  (3 runs) (2 times)",
        "   └─ produced collection pipe/data  (dataset, 3 versions) (3 times) ... see above",
    ]
    assert graph.summary().to_svg().count("<path") == 3


def test_a_run_that_logs_the_version_that_it_used_is_a_cycle(store_path: Path) -> None:
    with start_run(store_path, "makes", "make") as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    with start_run(store_path, "checks", "check") as run:
        run.use_artifact("data:latest")
        run.log_artifact(new_artifact("data", "dataset", "1"))
    graph = find_artifact(store_path, "data:v0").lineage()
    expected = {"makes -produced-> data:v0", "data:v0 -used-> checks", "checks -produced-> data:v0"}
    assert edges(graph) == expected
    assert edges(find_artifact(store_path, "data:v0").lineage("downstream", depth=40)) == expected - {
        "makes -produced-> data:v0"
    }
    assert graph.to_text().count("data:v0") == 3
    assert graph.to_svg().count("<rect") == 3


def test_deleted_versions_stay_as_tombstones(store_path: Path) -> None:
    with start_run(store_path, "makes", "make") as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    with start_run(store_path, "trains", "train") as run:
        run.use_artifact("data:latest")
        run.log_artifact(new_artifact("model", "model", "1"))
    data = find_artifact(store_path, "data:v0")
    data.delete(delete_aliases=True)
    graph = find_artifact(store_path, "model:v0").lineage()
    tombstone = next(node for node in graph.nodes if node.id == "pipe/data:v0")
    assert isinstance(tombstone, VersionNode)
    assert (tombstone.state, tombstone.aliases, tombstone.size) == ("deleted", (), 1)
    assert tombstone.deleted_at is not None
    assert "data:v0 -used-> trains" in edges(graph)
    assert "used pipe/data:v0  (dataset, deleted)" in graph.to_text()
    assert 'label="data:v0\\ndataset, deleted", shape=box, style=dashed' in graph.to_dot()
    assert "class n1 deleted" in graph.to_mermaid()
    assert '<g class="gone">' in graph.to_svg()
    assert edges(data.lineage("downstream")) == {"data:v0 -used-> trains", "trains -produced-> model:v0"}


def test_versions_without_a_run_have_lineage_by_reference(store_path: Path) -> None:
    with Store.init(store_path) as opened:
        dataset = opened.draft("data", "dataset", project="pipe")
        entry = opened.add_bytes(dataset, b"1", "data.txt")
        version = opened.commit(dataset)
        model = opened.draft("model", "model", project="pipe")
        opened.add_entry(model, entry, version, "data.txt")
        opened.commit(model)
    assert edges(find_artifact(store_path, "model").lineage()) == {"data:v0 -references-> model:v0"}
    assert edges(find_artifact(store_path, "data").lineage("downstream")) == {"data:v0 -references-> model:v0"}


def test_a_run_whose_process_is_dead_is_shown_as_crashed(store_path: Path) -> None:
    with start_run(store_path, "makes", "make") as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    with closing(sqlite3.connect(store_path / "artstore.db")) as connection, connection:
        connection.execute("update runs set state = 'running', session = '00000000deadbeef', ended_at = null")
    graph = find_artifact(store_path, "data:v0").lineage()
    assert [node.state for node in graph.nodes if isinstance(node, RunNode)] == ["crashed"]
    assert [event["eventType"] for event in graph.to_openlineage()] == ["START", "ABORT"]


def test_lineage_of_a_draft_or_without_a_valid_direction_is_refused(pipeline_store: Path) -> None:
    with pytest.raises(ArtifactNotLoggedError):
        Artifact("draft", "dataset").lineage()
    with pytest.raises(InvalidInput, match="no direction 'sideways': use one of upstream, downstream, both"):
        find_artifact(pipeline_store, "model").lineage("sideways")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 or more hops, not -1"):
        find_artifact(pipeline_store, "model").lineage(depth=-1)


def test_a_summary_has_no_openlineage_and_no_prov(pipeline_store: Path) -> None:
    summary = find_artifact(pipeline_store, "model").lineage().summary()
    with pytest.raises(UsageError, match="OpenLineage describes single runs"):
        summary.to_openlineage()
    with pytest.raises(UsageError, match="PROV describes single runs"):
        summary.to_prov()


# A graph of 10,000 runs


@pytest.fixture(scope="module")
def large_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with 10,000 runs in a row: run i used data:v(i-1) and data:v(i-3), and produced data:v(i)."""
    store_path = tmp_path_factory.mktemp("large") / "store"
    with Store.init(store_path) as opened:
        draft = opened.draft("data", "dataset", project="pipe")
        opened.add_bytes(draft, b"1", "a")
        opened.commit(draft)
    with closing(sqlite3.connect(store_path / "artstore.db")) as connection, connection:
        connection.execute(
            """
            with recursive numbers (n) as (values (1) union all select n + 1 from numbers where n < 9999)
            insert into versions (collection, number, digest, manifest, entries, size, created_at)
            select collection, n, digest, manifest, entries, size, printf('2026-%05d', n) from versions, numbers
            """
        )
        connection.execute(
            """
            insert into runs (project, uid, name, job_type, state, started_at)
            select 1, 'run-' || number, 'run', 'grow', 'finished', created_at from versions order by number
            """
        )
        connection.execute("insert into products (run, version, at) select id, id, created_at from versions")
        for back in (1, 3):
            connection.execute(
                "insert into uses (run, version, at) select id, id - ?, created_at from versions where id > ?",
                (back, back),
            )
    return store_path


def test_two_hops_in_a_graph_of_ten_thousand_runs_find_the_neighbours(large_store: Path) -> None:
    graph = find_artifact(large_store, "data:v5000").lineage(depth=2)
    assert edges(graph) == {
        "data:v4999 -used-> run-5000",
        "data:v4997 -used-> run-5000",
        "run-5000 -produced-> data:v5000",
        "data:v5000 -used-> run-5001",
        "data:v5000 -used-> run-5003",
        "run-5001 -produced-> data:v5001",
        "run-5003 -produced-> data:v5003",
    }


def test_a_graph_of_ten_thousand_runs_is_found_whole_also_with_a_limit(large_store: Path) -> None:
    last = find_artifact(large_store, "data:v9999")
    whole = last.lineage("upstream")
    assert (len(whole.nodes), len(whole.edges)) == (20_000, 10_000 + 9_999 + 9_997)
    # The farthest is the run that produced v1: 3,332 times back by three and twice by one, two hops each, and one hop.
    assert edges(last.lineage("upstream", 6669)) == edges(whole)
    nearly = last.lineage("upstream", 6668)
    assert nodes(whole) - nodes(nearly) == {"run-1"}
    assert edges(whole) - edges(nearly) == {"data:v0 -used-> run-1", "run-1 -produced-> data:v1"}


def test_a_limit_counts_the_shortest_paths(large_store: Path) -> None:
    """Three versions back are two hops by `id - 3` and six hops by `id - 1`."""
    graph = find_artifact(large_store, "data:v9999").lineage("upstream", 200)
    farthest = min(node.number for node in graph.nodes if isinstance(node, VersionNode))
    assert farthest == 9999 - 3 * 100


def test_a_large_graph_is_summarised_in_a_notebook(large_store: Path) -> None:
    graph = find_artifact(large_store, "data:v9999").lineage("upstream")
    drawn = graph._repr_html_()
    assert drawn.startswith("<p>10,000 versions, 10,000 runs, summarized</p>")
    assert drawn.count("<rect") == 2
    assert graph.to_text().count("\n") == len(graph.edges) + 1


def test_the_drawing_in_a_notebook_fetches_nothing_and_escapes_names(store_path: Path) -> None:
    with artstore.init(project="pipe", id="x", name="<script>alert(1)</script>\x1b", store=store_path) as run:
        run.log_artifact(new_artifact("data", "dataset & more", "1"))
    graph: Lineage = find_artifact(store_path, "data").lineage()
    drawn = graph._repr_html_()
    assert "<script" not in drawn and "\x1b" not in drawn and "dataset &amp; more" in drawn
    assert "http" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert json.dumps(graph.to_json())
    assert repr(graph) == "<Lineage of pipe/data:v0: 2 nodes, 1 edges>"
