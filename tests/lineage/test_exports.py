"""Every export of lineage describes the same graph, and the readers of the standards accept it."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2 as openlineage
from openlineage.client.generated import dataset_version_dataset, job_type_job, source_code_location_job
from prov.model import ProvDerivation, ProvDocument, ProvGeneration, ProvInvalidation, ProvUsage

import artstore
from artstore import Api, Store
from artstore.lineage.lineage import Lineage
from tests.support.json_schemas import OPENLINEAGE_EVENT, PROV_JSON, violations
from tests.support.lineage_pipeline import edges, new_artifact, short, start_run


@pytest.fixture(scope="module")
def graph(pipeline_store: Path) -> Lineage:
    """The lineage of features:v1, with all 11 kinds of edges that the pipeline has."""
    return Api(store=pipeline_store).artifact("pipe/features:v1").lineage()


@pytest.fixture(params=["executions", "summary"])
def view(request: pytest.FixtureRequest, graph: Lineage) -> Lineage:
    """The graph of runs and versions, and its summary of collections and job types."""
    return graph if request.param == "executions" else graph.summary()


def edge(source: str, label: str, target: str) -> str:
    """Return an edge as `edges` writes it; `label` is the text at its arrow."""
    kind, _, often = label.partition(" ")
    return f"{short(source)} -{kind}-> {short(target)}{often and f' {often}'}"


def test_json_has_every_node_and_edge(view: Lineage) -> None:
    document = json.loads(json.dumps(view.to_json()))
    assert (document["start"], document["direction"], document["depth"]) == (view.start, "both", None)
    drawn = [
        (e["source"], e["kind"] if e["count"] == 1 else f"{e['kind']} x{e['count']}", e["target"])
        for e in document["edges"]
    ]
    assert {edge(*row) for row in drawn} == edges(view)
    by_id = {node["id"]: node for node in document["nodes"]}
    assert set(by_id) == {node.id for node in view.nodes}
    assert all(by_id[node.id].items() >= {"kind": node.kind, "name": node.name}.items() for node in view.nodes)


def test_json_has_all_fields_of_each_node(graph: Lineage) -> None:
    by_id = {node["id"]: node for node in graph.to_json()["nodes"]}
    assert {by_id["pipe/train-1"][key] for key in ("kind", "name", "job_type")} == {"run", "train-1", "train"}
    assert by_id["pipe/model:v1"]["aliases"] == ("round-1",)
    summed = {node["id"]: node for node in graph.summary().to_json()["nodes"]}
    assert (summed["pipe job train"]["runs"], summed["pipe/model"]["versions"]) == (2, 2)


def test_dot_has_every_edge_and_both_shapes(view: Lineage) -> None:
    lines = view.to_dot().splitlines()
    drawn = [re.fullmatch(r'  "(.*)" -> "(.*)" \[label="(\w+(?: x\d+)?)"(, style=dashed)?\];', line) for line in lines]
    assert {edge(match[1], match[3], match[2]) for match in drawn if match} == edges(view)
    assert all(match[3].startswith("references") == bool(match[4]) for match in drawn if match)
    shapes = dict(re.findall(r'^  "(.*)" \[label=".*", shape=(box|oval)', "\n".join(lines), re.MULTILINE))
    assert shapes == {node.id: "box" if node.kind in ("version", "collection") else "oval" for node in view.nodes}
    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")


def test_dot_describes_nodes(graph: Lineage) -> None:
    lines = [*graph.to_dot().splitlines(), *graph.summary().to_dot().splitlines()]
    assert '  "pipe/train-1" [label="train-1\\ntrain, finished", shape=oval];' in lines
    assert '  "pipe/features:v1" [label="features:v1\\ndataset", shape=box, penwidth=2];' in lines
    assert '  "pipe job train" [label="train\\n2 runs", shape=oval];' in lines


def test_mermaid_has_every_edge_between_the_right_boxes(view: Lineage) -> None:
    text = view.to_mermaid()
    assert text.startswith("flowchart LR\n")
    boxes = re.findall(r'^  (n\d+)(\[|\(\[)"(.*?)<br/>', text, re.MULTILINE)
    job = "job " if view.start == "pipe/features" else ""
    names = {box: f"{job}{name}" if shape == "([" else name for box, shape, name in boxes}
    drawn = re.findall(r"^  (n\d+) (?:-->|-\.->)\|([^|]+)\| (n\d+)$", text, re.MULTILINE)
    assert {edge(names[source], label, names[target]) for source, label, target in drawn} == edges(view)


def test_names_cannot_break_out_of_dot_and_mermaid(store_path: Path) -> None:
    with artstore.init(project='q"]; x', id="r", name='a"]\\\n--> b', job_type="<b>", store=store_path) as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    graph = Api(store=store_path).artifact('q"]; x/data').lineage()
    assert '"q\\"]; x/r" [label="a\\"]\\\\\\n--> b\\n<b>, finished", shape=oval];' in graph.to_dot()
    assert 'n0(["a#34;#93;#92;#10;--#62; b<br/>#60;b#62;, finished"])' in graph.to_mermaid()


def test_a_notebook_draws_a_box_for_each_node_and_an_arrow_for_each_edge(view: Lineage) -> None:
    svg_root = xml.fromstring(view._repr_html_())
    svg = "{http://www.w3.org/2000/svg}"
    [drawing] = svg_root.findall(f"{svg}svg")
    assert xml.tostring(drawing) == xml.tostring(xml.fromstring(view.to_svg()))
    boxes = {
        element.findtext(f"{svg}title", "").partition(" (")[0]: element.find(f"{svg}rect")
        for element in drawing.iter(f"{svg}g")
    }
    assert set(boxes) == {node.id for node in view.nodes}
    places = {(rect.get("x"), rect.get("y")) for rect in boxes.values() if rect is not None}
    assert len(places) == len(view.nodes)
    arrows = [path.findtext(f"{svg}title") for path in drawing.iter(f"{svg}path") if path.get("marker-end")]
    assert sorted(map(str, arrows)) == sorted(
        edge.kind + (f" x{edge.count}" if edge.count > 1 else "") for edge in view.edges
    )

    def x(id: str) -> float:
        rect = boxes[id]
        assert rect is not None
        return float(rect.get("x", ""))

    assert all(x(element.source) < x(element.target) for element in view.edges)


def test_the_tree_has_both_directions_and_shows_nothing_twice(graph: Lineage) -> None:
    assert str(graph).splitlines() == [
        "pipe/features:v1  (dataset)",
        "upstream:",
        "├─ produced by run pipe/features-1  (features, finished)",
        "│  └─ used pipe/clean:v1  (dataset)",
        "│     ├─ produced by run pipe/clean-1  (clean, finished)",
        "│     │  └─ used pipe/raw:v1  (dataset)",
        "│     │     ├─ produced by run pipe/ingest-1  (ingest, finished)",
        "│     │     └─ produced by run pipe/ingest-2  (ingest, finished)",
        "│     └─ produced by run pipe/clean-2  (clean, finished)",
        "│        └─ used pipe/raw:v1  (dataset) ... see above",
        "└─ produced by run pipe/features-2  (features, finished)",
        "   └─ used pipe/clean:v1  (dataset) ... see above",
        "downstream:",
        "├─ used by run pipe/train-1 as training  (train, finished)",
        "│  └─ produced pipe/model:v1  (model, round-1)",
        "│     └─ used by run pipe/evaluate-1  (evaluate, finished)",
        "│        └─ produced pipe/report:v1  (report)",
        "├─ used by run pipe/evaluate-1  (evaluate, finished) ... see above",
        "├─ used by run pipe/train-2 as training  (train, finished)",
        "│  └─ produced pipe/model:v2  (model, round-2)",
        "│     └─ used by run pipe/evaluate-2  (evaluate, finished)",
        "│        └─ produced pipe/report:v2  (report)",
        "├─ used by run pipe/evaluate-2  (evaluate, finished) ... see above",
        "├─ referenced by pipe/model:v1  (model, round-1) ... see above",
        "└─ referenced by pipe/model:v2  (model, round-2) ... see above",
    ]


def test_the_tree_of_a_summary_has_counts(graph: Lineage) -> None:
    assert str(graph.summary()).splitlines() == [
        "collection pipe/features  (dataset, 1 version)",
        "upstream:",
        "└─ produced by job pipe/features  (2 runs) (2 times)",
        "   └─ used collection pipe/clean  (dataset, 1 version) (2 times)",
        "      └─ produced by job pipe/clean  (2 runs) (2 times)",
        "         └─ used collection pipe/raw  (dataset, 1 version) (2 times)",
        "            └─ produced by job pipe/ingest  (2 runs) (2 times)",
        "downstream:",
        "├─ used by job pipe/train  (2 runs) (2 times)",
        "│  └─ produced collection pipe/model  (model, 2 versions) (2 times)",
        "│     └─ used by job pipe/evaluate  (2 runs) (2 times)",
        "│        └─ produced collection pipe/report  (report, 2 versions) (2 times)",
        "├─ used by job pipe/evaluate  (2 runs) (2 times) ... see above",
        "└─ referenced by collection pipe/model  (model, 2 versions) (2 times) ... see above",
    ]


# OpenLineage


def test_openlineage_events_follow_the_specification(graph: Lineage) -> None:
    events = graph.to_openlineage()
    assert [fault for event in events for fault in violations(OPENLINEAGE_EVENT, event)] == []
    no_run, no_time, no_uri = (copy.deepcopy(events[0]) for _ in range(3))
    del no_run["run"]["runId"]
    no_time["eventTime"] = "2026-13-45T99:99:99Z"
    no_uri["producer"] = "not a URI"
    assert all(violations(OPENLINEAGE_EVENT, broken) for broken in (no_run, no_time, no_uri))


def test_openlineage_has_the_start_and_end_of_each_run_in_order(graph: Lineage) -> None:
    events = graph.to_openlineage()
    assert [event["eventTime"] for event in events] == sorted(event["eventTime"] for event in events)
    runs: dict[str, list[str]] = {}
    for event in events:
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert list(runs.values()) == [["START", "COMPLETE"]] * 10
    assert {event["job"]["name"] for event in events} == {
        f"pipe/{stage}" for stage in ("ingest", "clean", "features", "train", "evaluate")
    }


def edges_of_events(events: list[dict[str, Any]]) -> set[str]:
    """Return the edges that events describe."""
    lines = set()
    for event in events:
        run = event["run"]["facets"]["artstore_run"]["id"]
        lines |= {f"{dataset_name(dataset)} -used-> {run}" for dataset in event.get("inputs", [])}
        lines |= {f"{run} -produced-> {dataset_name(dataset)}" for dataset in event.get("outputs", [])}
        for dataset in event.get("outputs", []):
            references = dataset["facets"]["artstore_version"]["references"]
            lines |= {
                f"{reference.removeprefix('pipe/')} -references-> {dataset_name(dataset)}" for reference in references
            }
    return lines


def dataset_name(dataset: dict[str, Any]) -> str:
    version = dataset["facets"]["version"]["datasetVersion"]
    return f"{dataset['name'].removeprefix('pipe/')}:{version}"


def test_openlineage_has_every_edge(graph: Lineage) -> None:
    assert edges_of_events(graph.to_openlineage()) == edges(graph)


def test_the_openlineage_client_accepts_the_events_and_their_schemas(graph: Lineage) -> None:
    facets = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet,
        "jobType": job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet,
    }

    def read(dataset: dict[str, Any], kind: type[Any]) -> Any:
        check_facets(dataset["facets"])
        return kind(namespace=dataset["namespace"], name=dataset["name"])

    def check_facets(present: dict[str, Any]) -> None:
        for name, facet in present.items():
            if name in facets:
                known = {key: value for key, value in facet.items() if not key.startswith("_")}
                assert facets[name](**known)._get_schema() == facet["_schemaURL"]

    for event in graph.to_openlineage():
        check_facets(event["job"]["facets"])
        known = openlineage.RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            eventType=openlineage.RunState[event["eventType"]],
            run=openlineage.Run(runId=event["run"]["runId"]),
            job=openlineage.Job(namespace=event["job"]["namespace"], name=event["job"]["name"]),
            inputs=[read(used, openlineage.InputDataset) for used in event.get("inputs", [])],
            outputs=[read(produced, openlineage.OutputDataset) for produced in event.get("outputs", [])],
        )
        assert known.schemaURL == event["schemaURL"]


def test_openlineage_has_failed_and_running_runs_and_versions_without_a_run(store_path: Path) -> None:
    with Store.init(store_path) as opened:
        draft = opened.draft("data", "dataset", project="pipe")
        opened.add_bytes(draft, b"1", "data.txt")
        opened.commit(draft)
    with pytest.raises(RuntimeError), start_run(store_path, "fails", "try") as run:
        run.use_artifact("data:latest")
        raise RuntimeError
    alone = Api(store=store_path).artifact("pipe/data").lineage("upstream").to_openlineage()
    assert [sorted(event) for event in alone] == [["dataset", "eventTime", "producer", "schemaURL"]]
    assert violations(OPENLINEAGE_EVENT, alone[0]) == []
    running = start_run(store_path, "goes-on", "try")
    running.use_artifact("data:latest")
    events = Api(store=store_path).artifact("pipe/data").lineage().to_openlineage()
    running.finish()
    assert [fault for event in events for fault in violations(OPENLINEAGE_EVENT, event)] == []
    kinds = [(event["run"]["facets"]["artstore_run"]["id"], event["eventType"]) for event in events]
    assert sorted(kinds) == [("fails", "FAIL"), ("fails", "START"), ("goes-on", "RUNNING"), ("goes-on", "START")]


# PROV


def test_prov_follows_the_schema_of_the_submission(graph: Lineage) -> None:
    document = graph.to_prov()
    assert violations(PROV_JSON, document) == []
    no_end, no_time, no_uri = (copy.deepcopy(document) for _ in range(3))
    del next(iter(no_end["used"].values()))["prov:entity"]
    next(iter(no_time["wasGeneratedBy"].values()))["prov:time"] = "yesterday"
    next(iter(no_uri["used"].values()))["prov:entity"] = "version:my zoo/data"
    assert all(violations(PROV_JSON, broken) for broken in (no_end, no_time, no_uri))


def test_the_prov_library_reads_every_edge(graph: Lineage) -> None:
    document = ProvDocument.deserialize(content=json.dumps(graph.to_prov()), format="json")
    assert document is not None

    def name(identifier: Any) -> str:
        kind, _, local = str(identifier).partition(":")
        path = local.removeprefix("pipe/")
        return path if kind == "run" else ":".join(path.rsplit("/", 1))

    read = set()
    for record in document.get_records():
        ends = [name(value) for _, value in record.formal_attributes[:2]]
        if isinstance(record, ProvUsage):
            read.add(f"{ends[1]} -used-> {ends[0]}")
        elif isinstance(record, ProvGeneration):
            read.add(f"{ends[1]} -produced-> {ends[0]}")
        elif isinstance(record, ProvDerivation):
            read.add(f"{ends[1]} -references-> {ends[0]}")
    assert read == edges(graph)


def test_prov_has_agents_and_deleted_versions(store_path: Path) -> None:
    with start_run(store_path, "makes", "make") as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    data = Api(store=store_path).artifact("pipe/data")
    data.delete(delete_aliases=True)
    exported = data.lineage().to_prov()
    assert violations(PROV_JSON, exported) == []
    assert [association["prov:activity"] for association in exported["wasAssociatedWith"].values()] == [
        "run:pipe/makes"
    ]
    assert exported["entity"]["version:pipe/data/v0"]["artstore:state"] == "deleted"
    document = ProvDocument.deserialize(content=json.dumps(exported), format="json")
    assert document is not None
    assert len(list(document.get_records(ProvInvalidation))) == 1


def test_names_are_escaped_in_the_uris_of_prov(store_path: Path) -> None:
    with artstore.init(project="my zoo", id="a b", store=store_path) as run:
        run.log_artifact(new_artifact("data", "dataset", "1"))
    document = Api(store=store_path).artifact("my zoo/data").lineage().to_prov()
    assert violations(PROV_JSON, document) == []
    assert list(document["activity"]) == ["run:my%20zoo/a%20b"]
