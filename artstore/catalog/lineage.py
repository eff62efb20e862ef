"""The graph of runs and versions around one of them, found by recursive SQL.

A hop is one edge: two hops upstream of a version are the run that produced it and the versions which that run used.
The direction `both` gives the union of upstream and downstream: not what else was made from the same inputs. All
edges between the nodes are in the graph, so a run that uses and produces the same version is a cycle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from artstore.catalog import events, filter_fields, links
from artstore.catalog.connection import Connection
from artstore.core.runs import observed_state
from artstore.core.versions import LabelChange, Link
from artstore.errors import InvalidInput
from artstore.lineage.graph import (
    DIRECTIONS,
    PRODUCED,
    REFERENCES,
    USED,
    Direction,
    Edge,
    Graph,
    Node,
    RunNode,
    VersionNode,
)
from artstore.runtime.pause_gc import gc_paused

IsAlive = Callable[[str], bool]
"""Returns whether the process that holds a process lock still runs."""
_STRIDE = 16
"""How many hops one query takes at most."""


class NodeKey(NamedTuple):
    """A version or a run, by its number in the catalog."""

    is_run: bool
    id: int


_STEPS = {
    "upstream": """
        select 1, products.run, {deeper} from walk join products on products.version = walk.id
        where walk.is_run = 0 and {open}
        union
        select 0, dependencies.target, {deeper} from walk join dependencies on dependencies.version = walk.id
        where walk.is_run = 0 and {open}
        union
        select 0, uses.version, {deeper} from walk join uses on uses.run = walk.id
        where walk.is_run = 1 and {open}
    """,
    "downstream": """
        select 1, uses.run, {deeper} from walk join uses on uses.version = walk.id
        where walk.is_run = 0 and {open}
        union
        select 0, dependencies.version, {deeper} from walk join dependencies on dependencies.target = walk.id
        where walk.is_run = 0 and {open}
        union
        select 0, products.version, {deeper} from walk join products on products.run = walk.id
        where walk.is_run = 1 and {open}
    """,
}


@gc_paused()
def around(
    connection: Connection,
    start: NodeKey,
    direction: Direction,
    depth: int | None,
    *,
    is_alive: IsAlive,
) -> Graph:
    """Return the graph around a version or run, up to `depth` hops away, or all of it. Raises `InvalidInput`."""
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        raise InvalidInput(f"lineage has no direction {direction!r}: use one of {', '.join(DIRECTIONS)}")
    if depth is not None and depth < 0:
        raise InvalidInput(f"depth must be 0 or more hops, not {depth}: leave it out for the whole graph")
    keys = {start}
    for way in ("upstream", "downstream") if direction == "both" else (direction,):
        keys.update(_walk(connection, start, way, depth))
    names: dict[NodeKey, str] = {}
    nodes: list[Node] = []
    # In the order of the rows in the catalog: in any other, a large graph takes a third longer.
    in_order = sorted(keys)
    read = chain[tuple[NodeKey, Node]](
        _versions(connection, [key.id for key in in_order if not key.is_run]),
        _runs(connection, [key.id for key in in_order if key.is_run], is_alive),
    )
    for key, node in read:
        names[key] = node.id
        nodes.append(node)
    nodes.sort(key=_age)
    edges = tuple(_edges(connection, names))
    return Graph(store_uid(connection), names[start], direction, depth, tuple(nodes), edges)


def store_uid(connection: Connection) -> str:
    """Return the unique id of the store."""
    return str(connection.execute("select uid from store").fetchone()[0])


def _walk(connection: Connection, start: NodeKey, way: str, depth: int | None) -> set[NodeKey]:
    """Return the nodes that are reached from a node in one direction."""
    if depth is None:
        return set(_stride(connection, [start], way, None))
    distances: dict[NodeKey, int] = {start: 0}
    rim, walked = [start], 0
    while rim and walked < depth:
        stride = min(_STRIDE, depth - walked)
        reached = _stride(connection, rim, way, stride)
        new = {node: walked + hops for node, hops in reached.items() if node not in distances}
        distances.update(new)
        walked += stride
        rim = [node for node, hops in new.items() if hops == walked]
    return set(distances)


def _stride(connection: Connection, rim: list[NodeKey], way: str, most: int | None) -> dict[NodeKey, int]:
    """Return the nodes that are reached from some nodes within `most` hops, with their distances.

    Without a limit, all distances are 0: SQL then visits each node once. With a limit it visits a node once for each
    distance at which it is reached, so a long walk is split into strides.
    """
    deeper, still = ("0", ":most is null") if most is None else ("walk.hops + 1", "walk.hops < :most")
    query = f"""
        with recursive walk (is_run, id, hops) as (
            select value ->> 0, value ->> 1, 0 from json_each(:rim)
            union {_STEPS[way].format(deeper=deeper, open=still)}
        )
        select is_run, id, min(hops) from walk group by is_run, id
    """
    rows = connection.execute(query, {"rim": json.dumps([[int(key.is_run), key.id] for key in rim]), "most": most})
    return {NodeKey(bool(is_run), id): hops for is_run, id, hops in rows}


def _versions(connection: Connection, ids: list[int]) -> Iterator[tuple[NodeKey, VersionNode]]:
    query = f"""
        select v.id, projects.name, c.name, c.type, v.number, v.state, v.digest, v.entries, v.size,
            {filter_fields.ALIASES},
            v.created_at, v.deleted_at,
            {filter_fields.BASE}
        from json_each(?) as wanted
        join versions as v on v.id = wanted.value
        join collections as c on c.id = v.collection
        join projects on projects.id = c.project
    """
    wanted = json.dumps(ids)
    shown = _links(connection, wanted)
    for row in connection.execute(query, (wanted,)):
        id, project, collection, type, number, state, digest, entries, size, aliases, *dates, base = row
        yield (
            NodeKey(False, id),
            VersionNode(
                id=f"{project}/{collection}:v{number}",
                project=project,
                collection=collection,
                type=type,
                number=number,
                state=state,
                digest=connection.algorithm.text(digest),
                entries=entries,
                size=size,
                aliases=tuple(sorted(json.loads(aliases))),
                created_at=dates[0],
                deleted_at=dates[1],
                base=base,
                links=shown.get(id, ()),
            ),
        )


def _links(connection: Connection, ids: str) -> dict[int, tuple[str, ...]]:
    """Return where versions are linked, by their ids."""
    query = """
        select distinct links.version from json_each(?) as wanted
        join links on links.version = wanted.value and links.removed_at is null
    """
    linked = [version for (version,) in connection.execute(query, (ids,))]
    return {
        version: tuple(_link(connection, row.link) for row in links.of_version(connection, version))
        for version in linked
    }


def _link(connection: Connection, link: Link) -> str:
    name = f"{link.project}/{link.collection}:v{link.number}"
    newest = {change.alias: change for change in reversed(events.label_changes(connection, {name: link.created_at}))}
    aliases = [f"{alias}{_by(newest.get(alias))}" for alias in link.aliases]
    return f"{name} ({', '.join(aliases)})" if aliases else name


def _by(change: LabelChange | None) -> str:
    if change is None:
        return ""
    return f" since {change.at[:10]}" + (f" by {change.user}" if change.user else "")


def _runs(connection: Connection, ids: list[int], is_alive: IsAlive) -> Iterator[tuple[NodeKey, RunNode]]:
    query = """
        select runs.id, projects.name, runs.uid, runs.name, runs.job_type, runs.run_group, runs.state, runs.session,
            runs.preempting, runs.environment ->> '$.user', runs.environment -> '$.git', runs.started_at, runs.ended_at
        from json_each(?) as wanted
        join runs on runs.id = wanted.value
        join projects on projects.id = runs.project
    """
    for row in connection.execute(query, (json.dumps(ids),)):
        id, project, uid, name, job_type, group, state, process_lock, preempting, *others = row
        user, git, started_at, ended_at = others
        yield (
            NodeKey(True, id),
            RunNode(
                id=f"{project}/{uid}",
                project=project,
                uid=uid,
                name=name,
                job_type=job_type,
                group=group,
                state=observed_state(state, process_lock, preempting == 1, is_alive),
                user=user,
                git=json.loads(git) if git else None,
                started_at=started_at,
                ended_at=ended_at,
            ),
        )


def _age(node: Node) -> tuple[str, str]:
    began = node.started_at if isinstance(node, RunNode) else node.created_at if isinstance(node, VersionNode) else ""
    return began, node.id


_EDGES = (
    (
        USED,
        """
        select version, run, role, at from json_each(?) as wanted join uses on uses.run = wanted.value
        order by at, run, version
        """,
        "runs",
    ),
    (
        PRODUCED,
        """
        select run, version, null, at from json_each(?) as wanted join products on products.run = wanted.value
        order by at, run, version
        """,
        "runs",
    ),
    (
        REFERENCES,
        """
        select target, version, null, null from json_each(?) as wanted
        join dependencies on dependencies.version = wanted.value
        order by version, target
        """,
        "versions",
    ),
)


def _edges(connection: Connection, names: dict[NodeKey, str]) -> Iterator[Edge]:
    """Yield every edge between the nodes of the graph, by kind, and in the order in which they were recorded."""
    ids = {
        "runs": json.dumps([key.id for key in names if key.is_run]),
        "versions": json.dumps([key.id for key in names if not key.is_run]),
    }
    for kind, query, among in _EDGES:
        for source, target, role, at in connection.execute(query, (ids[among],)):
            ends = NodeKey(kind == PRODUCED, source), NodeKey(kind == USED, target)
            if ends[0] in names and ends[1] in names:
                yield Edge(kind, names[ends[0]], names[ends[1]], role, at)
