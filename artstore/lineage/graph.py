"""What is known of where things came from, as plain data: versions and runs, the edges between them, their summary.

An edge points the way that data went: from a version to the run that used it, from a run to the version that it
produced, from a version to the one that references it. `id` names a node in its graph: `project/animals:v0`,
`project/run-id`, and in a summary `project/animals`, `project job train`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

Direction: TypeAlias = Literal["upstream", "downstream", "both"]
DIRECTIONS: tuple[Direction, ...] = ("upstream", "downstream", "both")
USED, PRODUCED, REFERENCES = "used", "produced", "references"
DELETED = "deleted"
NO_JOB_TYPE = "no job type"


@dataclass(frozen=True, slots=True)
class VersionNode:
    """One version. Of one that was deleted everything but the content is still known. `size` is in bytes."""

    kind: ClassVar[str] = "version"
    id: str
    project: str
    collection: str
    type: str
    number: int
    state: str
    digest: str
    entries: int
    size: int
    aliases: tuple[str, ...]
    created_at: str
    deleted_at: str | None
    base: str | None
    """The id of the version that it was made from."""

    @property
    def name(self) -> str:
        """`animals:v0`."""
        return f"{self.collection}:v{self.number}"

    @property
    def detail(self) -> str:
        """What stands below the name."""
        return f"{self.type}, deleted" if self.state == DELETED else self.type


@dataclass(frozen=True, slots=True)
class RunNode:
    """One run. `git` tells the commit, branch, remote and dirtiness of the code, where they were found."""

    kind: ClassVar[str] = "run"
    id: str
    project: str
    uid: str
    name: str
    job_type: str | None
    group: str | None
    state: str
    user: str | None
    git: Mapping[str, Any] | None
    started_at: str
    ended_at: str | None

    @property
    def detail(self) -> str:
        """What stands below the name."""
        return ", ".join(filter(None, [self.job_type, self.state]))


@dataclass(frozen=True, slots=True)
class CollectionNode:
    """All versions of one name that a graph has."""

    kind: ClassVar[str] = "collection"
    id: str
    project: str
    name: str
    type: str
    versions: int

    @property
    def detail(self) -> str:
        """What stands below the name."""
        return f"{self.type}, {self.versions} version{'s' if self.versions > 1 else ''}"


@dataclass(frozen=True, slots=True)
class JobNode:
    """All runs of one job type that a graph has."""

    kind: ClassVar[str] = "job"
    id: str
    project: str
    job_type: str | None
    runs: int

    @property
    def name(self) -> str:
        """The job type."""
        return self.job_type or NO_JOB_TYPE

    @property
    def detail(self) -> str:
        """What stands below the name."""
        return f"{self.runs} run{'s' if self.runs > 1 else ''}"


Node: TypeAlias = VersionNode | RunNode | CollectionNode | JobNode


@dataclass(frozen=True, slots=True)
class Edge:
    """`kind` is `used`, `produced` or `references`; `role` what the run used the version as.

    `at` is when that was noted, which is not known of references. In a summary, `count` edges are one.
    """

    kind: str
    source: str
    target: str
    role: str | None = None
    at: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and the edges between them, seen from the node `start`. `store` is the id of the store."""

    store: str
    start: str
    direction: Direction
    depth: int | None
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def summary(graph: Graph) -> Graph:
    """The same by collections and job types: which kinds of work turn what into what.

    A collection whose versions a kind of work uses and produces stands in a cycle.
    """
    groups: dict[str, Node] = {}
    group_of: dict[str, str] = {}
    for node in graph.nodes:
        group = _group(node)
        known = groups.get(group.id)
        groups[group.id] = group if known is None else _one_more(known)
        group_of[node.id] = group.id
    return replace(
        graph,
        start=group_of[graph.start],
        nodes=tuple(groups.values()),
        edges=tuple(_merged(Edge(each.kind, group_of[each.source], group_of[each.target]) for each in graph.edges)),
    )


def _group(node: Node) -> Node:
    if isinstance(node, VersionNode):
        return CollectionNode(f"{node.project}/{node.collection}", node.project, node.collection, node.type, 1)
    if isinstance(node, RunNode):
        return JobNode(f"{node.project} job {node.job_type or ''}".rstrip(), node.project, node.job_type, 1)
    return node


def _one_more(group: Node) -> Node:
    if isinstance(group, CollectionNode):
        return replace(group, versions=group.versions + 1)
    return replace(group, runs=group.runs + 1) if isinstance(group, JobNode) else group


def _merged(edges: Iterable[Edge]) -> Iterable[Edge]:
    merged: dict[tuple[str, str, str], Edge] = {}
    for each in edges:
        key = (each.kind, each.source, each.target)
        known = merged.get(key)
        merged[key] = replace(known, count=known.count + 1) if known else each
    return merged.values()
