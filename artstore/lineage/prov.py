"""Export a lineage graph as W3C PROV in its JSON form: versions are entities, runs are activities, users are agents.

References between versions are derivations; a deleted version was invalidated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from artstore.lineage.graph import DELETED, PRODUCED, USED, Edge, Graph, RunNode, VersionNode

Document = dict[str, dict[str, Any]]


def export(graph: Graph) -> Document:
    """Return the document as plain data."""
    namespace = f"artstore://{graph.store}"
    document: dict[str, dict[str, Any]] = defaultdict(dict)
    document["prefix"] = {
        "artstore": f"{namespace}/terms/",
        "version": f"{namespace}/versions/",
        "run": f"{namespace}/runs/",
        "user": f"{namespace}/users/",
    }
    names = {node.id: _name(node) for node in graph.nodes if isinstance(node, VersionNode | RunNode)}
    for node in graph.nodes:
        if isinstance(node, VersionNode):
            document["entity"][names[node.id]] = _entity(node)
            if node.state == DELETED:
                invalidation = {"prov:entity": names[node.id], "prov:time": node.deleted_at}
                document["wasInvalidatedBy"][f"_:d{len(document['wasInvalidatedBy'])}"] = invalidation
        elif isinstance(node, RunNode):
            document["activity"][names[node.id]] = _activity(node)
            if node.user:
                agent = f"user:{_local(node.user)}"
                document["agent"][agent] = {"prov:label": node.user, "prov:type": _qualified("prov:Person")}
                association = {"prov:activity": names[node.id], "prov:agent": agent}
                document["wasAssociatedWith"][f"_:a{len(document['wasAssociatedWith'])}"] = association
    for index, edge in enumerate(graph.edges):
        relation, ends = _relation(edge, names)
        document[relation][f"_:e{index}"] = ends
    return dict(document)


def _name(node: VersionNode | RunNode) -> str:
    if isinstance(node, RunNode):
        return f"run:{_local(node.project)}/{_local(node.uid)}"
    return f"version:{_local(node.project)}/{_local(node.collection)}/v{node.number}"


def _local(text: str) -> str:
    return quote(text, safe="")


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _entity(node: VersionNode) -> dict[str, Any]:
    return {
        "prov:label": node.name,
        "artstore:type": node.type,
        "artstore:digest": node.digest,
        "artstore:entries": node.entries,
        "artstore:size": node.size,
        "artstore:state": node.state,
        **({"artstore:alias": list(node.aliases)} if node.aliases else {}),
    }


def _activity(node: RunNode) -> dict[str, Any]:
    return {
        "prov:label": node.name,
        "prov:startTime": node.started_at,
        **({"prov:endTime": node.ended_at} if node.ended_at else {}),
        "artstore:state": node.state,
        **{f"artstore:{key}": value for key, value in _optional(node)},
    }


def _optional(node: RunNode) -> Iterator[tuple[str, Any]]:
    git = node.git or {}
    facts = {
        "jobType": node.job_type,
        "group": node.group,
        "gitCommit": git.get("commit"),
        "gitBranch": git.get("branch"),
        "gitRemote": git.get("remote"),
        "gitDirty": git.get("dirty"),
    }
    yield from ((key, value) for key, value in facts.items() if value is not None)


def _relation(edge: Edge, names: dict[str, str]) -> tuple[str, dict[str, Any]]:
    source, target = names[edge.source], names[edge.target]
    if edge.kind == USED:
        role = {"prov:role": edge.role} if edge.role else {}
        return "used", {"prov:activity": target, "prov:entity": source, "prov:time": edge.at, **role}
    if edge.kind == PRODUCED:
        return "wasGeneratedBy", {"prov:entity": target, "prov:activity": source, "prov:time": edge.at}
    return "wasDerivedFrom", {"prov:generatedEntity": target, "prov:usedEntity": source}
