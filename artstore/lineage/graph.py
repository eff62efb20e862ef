"""The lineage graph as plain data: versions and runs, the edges between them, and a summary of both.

An edge points in the direction of the data: from a version to the run that used it, from a run to the version that it
produced, from a version to the version that references it. `id` names a node in its graph: `project/animals:v0`,
`project/run-id`, and in a summary `project/animals`, `project job train`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

from artstore.core.names import LATEST

Direction: TypeAlias = Literal["upstream", "downstream", "both"]
DIRECTIONS: tuple[Direction, ...] = ("upstream", "downstream", "both")
USED, PRODUCED, REFERENCES = "used", "produced", "references"
DELETED = "deleted"
NO_JOB_TYPE = "no job type"
_SIBLINGS = 5
"""From this number on, nodes of one collection or job type are drawn as one."""


@dataclass(frozen=True, slots=True)
class VersionNode:
    """One version; a deleted one has everything but its content. `size` is in bytes."""

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
    """The id of the version that it is based on."""
    links: tuple[str, ...] = ()
    """Where it is linked, with the aliases there, since when and by whom: `models/zoo:v0 (prod since 2026-11-27)`."""

    @property
    def name(self) -> str:
        """`animals:v0`."""
        return f"{self.collection}:v{self.number}"

    @property
    def short_labels(self) -> tuple[str, ...]:
        """The aliases, without `latest`, and whether it is linked, for a box without room for more."""
        return (*(alias for alias in self.aliases if alias != LATEST), *(["linked"] if self.links else []))

    @property
    def labels(self) -> tuple[str, ...]:
        """The aliases, without `latest`, and where it is linked."""
        return (*(alias for alias in self.aliases if alias != LATEST), *(f"linked as {link}" for link in self.links))

    @property
    def detail(self) -> str:
        """The line below the name."""
        return f"{self.type}, deleted" if self.state == DELETED else self.type


@dataclass(frozen=True, slots=True)
class RunNode:
    """One run. `git` has the commit, branch, remote and dirty flag of its code, if it was in a repository."""

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
        """The line below the name."""
        return ", ".join(filter(None, [self.job_type, self.state]))


@dataclass(frozen=True, slots=True)
class CollectionNode:
    """All versions of one collection in a graph."""

    kind: ClassVar[str] = "collection"
    id: str
    project: str
    name: str
    type: str
    versions: int

    @property
    def detail(self) -> str:
        """The line below the name."""
        return f"{self.type}, {self.versions} version{'s' if self.versions > 1 else ''}"


@dataclass(frozen=True, slots=True)
class JobNode:
    """All runs of one job type in a graph."""

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
        """The line below the name."""
        return f"{self.runs} run{'s' if self.runs > 1 else ''}"


Node: TypeAlias = VersionNode | RunNode | CollectionNode | JobNode


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge: `kind` is `used`, `produced` or `references`, `role` is the role in which a run used a version.

    `at` is when it was recorded; references have no time. In a summary, `count` edges are merged into one.
    """

    kind: str
    source: str
    target: str
    role: str | None = None
    at: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and the edges between them, around the node `start`. `store` is the id of the store."""

    store: str
    start: str
    direction: Direction
    depth: int | None
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def summarize(graph: Graph) -> Graph:
    """Group a graph by collections and job types: which job types turn which collections into which.

    A job type that uses and produces versions of one collection forms a cycle with it.
    """
    firsts: dict[str, Node] = {}
    counts: Counter[str] = Counter()
    group_of: dict[str, str] = {}
    for node in graph.nodes:
        id = group_of[node.id] = _group_id(node)
        firsts.setdefault(id, node)
        counts[id] += 1
    return replace(
        graph,
        start=group_of[graph.start],
        nodes=tuple(
            _counted(_group(node), id, counts[id]) if _is_single(node) else node for id, node in firsts.items()
        ),
        edges=_merged(graph.edges, group_of, plain=True),
    )


def cluster(graph: Graph, columns: Mapping[str, int], opened: Collection[str] = ()) -> Graph:
    """Draw siblings together: five or more nodes of one collection or job type in one column become one node.

    The node that the graph is around stays, and so do the members of the clusters in `opened`, named by their ids.
    """
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.id != graph.start and _is_single(node):
            members.setdefault(f"{_group_id(node)} #{columns[node.id]}", []).append(node)
    clusters: dict[str, Node] = {}
    cluster_of: dict[str, str] = {}
    for id, siblings in members.items():
        if len(siblings) >= _SIBLINGS and id not in opened:
            clusters[id] = _counted(_group(siblings[0]), id, len(siblings))
            cluster_of.update((node.id, id) for node in siblings)
    if not clusters:
        return graph
    single = [node for node in graph.nodes if node.id not in cluster_of]
    return replace(graph, nodes=(*single, *clusters.values()), edges=_merged(graph.edges, cluster_of))


def _is_single(node: Node) -> bool:
    return isinstance(node, VersionNode | RunNode)


def _counted(group: Node, id: str, count: int) -> Node:
    if isinstance(group, CollectionNode):
        return replace(group, id=id, versions=count)
    return replace(group, id=id, runs=count) if isinstance(group, JobNode) else group


def _group(node: Node) -> Node:
    if isinstance(node, VersionNode):
        return CollectionNode(_group_id(node), node.project, node.collection, node.type, 1)
    if isinstance(node, RunNode):
        return JobNode(_group_id(node), node.project, node.job_type, 1)
    return node


def _group_id(node: Node) -> str:
    if isinstance(node, VersionNode):
        return f"{node.project}/{node.collection}"
    return f"{node.project} job {node.job_type or ''}".rstrip() if isinstance(node, RunNode) else node.id


def _merged(edges: Iterable[Edge], groups: Mapping[str, str], *, plain: bool = False) -> tuple[Edge, ...]:
    """Return the edges between groups, each once with its count; `plain` ones have neither role nor time."""
    firsts: dict[tuple[str, str, str], Edge] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    for edge in edges:
        key = (edge.kind, groups.get(edge.source, edge.source), groups.get(edge.target, edge.target))
        firsts.setdefault(key, edge)
        counts[key] += 1
    return tuple(
        Edge(*key, count=counts[key]) if plain else Edge(*key, edge.role, edge.at, counts[key])
        for key, edge in firsts.items()
    )
