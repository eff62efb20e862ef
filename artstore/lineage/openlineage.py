"""Export a lineage graph as OpenLineage events, as each run would have sent them to a collector such as Marquez.

A run is a run of the job `project/job type`, a version is a dataset `project/name` with its `version` facet; both are
in the namespace of the store. An ended run has a START event and a COMPLETE, FAIL or ABORT event with everything that
it used and produced; a running one has a RUNNING event instead of the second. A version that no run of the graph used
or produced has a dataset event. Facts that the standard has no field for are in facets named `artstore_...`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from artstore.lineage.graph import PRODUCED, USED, Graph, RunNode, VersionNode

_SPEC = "https://openlineage.io/spec"
_CORE = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs"
_ENDED = {"finished": "COMPLETE", "failed": "FAIL", "crashed": "ABORT", "preempted": "ABORT"}

Event = dict[str, Any]


def export(graph: Graph, producer: str) -> list[Event]:
    """Return the events in the order of their times. `producer` is the URI of the program that sends them."""
    return sorted(_Export(graph, producer).events(), key=lambda event: str(event["eventTime"]))


class _Export:
    """The export of one graph."""

    def __init__(self, graph: Graph, producer: str) -> None:
        self._graph = graph
        self._producer = producer
        self._namespace = f"artstore://{graph.store}"
        self._versions = {node.id: node for node in graph.nodes if isinstance(node, VersionNode)}
        self._used: dict[str, list[str]] = defaultdict(list)
        self._produced: dict[str, list[str]] = defaultdict(list)
        self._references: dict[str, list[str]] = defaultdict(list)
        self._times: dict[str, list[str]] = defaultdict(list)
        for edge in graph.edges:
            if edge.at:
                self._times[edge.target if edge.kind == USED else edge.source].append(edge.at)
            if edge.kind == USED:
                self._used[edge.target].append(edge.source)
            elif edge.kind == PRODUCED:
                self._produced[edge.source].append(edge.target)
            else:
                self._references[edge.target].append(edge.source)

    def events(self) -> Iterator[Event]:
        of_runs = {id for versions_of in (self._used, self._produced) for ids in versions_of.values() for id in ids}
        for node in self._graph.nodes:
            if isinstance(node, RunNode):
                yield from self._run_events(node)
            elif isinstance(node, VersionNode) and node.id not in of_runs:
                yield {**self._base(node.created_at, "DatasetEvent"), "dataset": self._dataset(node.id)}

    def _run_events(self, run: RunNode) -> Iterator[Event]:
        yield self._run_event(run, "START", run.started_at)
        datasets = {
            "inputs": [self._dataset(version) for version in self._used[run.id]],
            "outputs": [self._dataset(version) for version in self._produced[run.id]],
        }
        kind = _ENDED.get(run.state, "RUNNING")
        yield {**self._run_event(run, kind, run.ended_at or self._last_seen(run)), **datasets}

    def _last_seen(self, run: RunNode) -> str:
        """Return the last time recorded for a run without an end."""
        return max([run.started_at, *self._times[run.id]])

    def _run_event(self, run: RunNode, kind: str, time: str) -> Event:
        return {
            **self._base(time, "RunEvent"),
            "eventType": kind,
            "run": {
                "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._namespace}/{run.id}")),
                "facets": {
                    "artstore_run": self._facet(
                        f"{_CORE}/RunFacet", id=run.uid, name=run.name, group=run.group, user=run.user, state=run.state
                    )
                },
            },
            "job": {
                "namespace": self._namespace,
                "name": f"{run.project}/{run.job_type}" if run.job_type else run.project,
                "facets": dict(self._job_facets(run)),
            },
        }

    def _dataset(self, id: str) -> dict[str, Any]:
        node = self._versions[id]
        return {
            "namespace": self._namespace,
            "name": f"{node.project}/{node.collection}",
            "facets": {
                "version": self._facet(
                    f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
                    datasetVersion=f"v{node.number}",
                ),
                "artstore_version": self._facet(
                    f"{_CORE}/DatasetFacet",
                    type=node.type,
                    digest=node.digest,
                    entries=node.entries,
                    size=node.size,
                    aliases=list(node.aliases),
                    state=node.state,
                    references=self._references[id],
                ),
            },
        }

    def _job_facets(self, run: RunNode) -> Iterator[tuple[str, dict[str, Any]]]:
        yield (
            "jobType",
            self._facet(
                f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
                processingType="BATCH",
                integration="ARTSTORE",
                jobType="RUN",
            ),
        )
        remote = run.git and run.git.get("remote")
        if run.git and remote and "://" in remote:
            code = {"repoUrl": remote, "version": run.git.get("commit"), "branch": run.git.get("branch")}
            yield (
                "sourceCodeLocation",
                self._facet(
                    f"{_SPEC}/facets/1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet",
                    type="git",
                    url=remote,
                    **{key: value for key, value in code.items() if value is not None},
                ),
            )

    def _base(self, time: str, kind: str) -> Event:
        return {"eventTime": time, "producer": self._producer, "schemaURL": f"{_CORE}/{kind}"}

    def _facet(self, schema: str, **values: Any) -> dict[str, Any]:
        return {"_producer": self._producer, "_schemaURL": schema, **values}
