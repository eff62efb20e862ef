"""The addresses of pages. A name that people choose is never the last part, because `.json` may follow that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from artstore.core.versions import Version
from artstore.lineage.graph import CollectionNode, JobNode, Node, RunNode, VersionNode


def run(project: str, uid: str, page: str = "overview", **query: Any) -> str:
    """Return the address of a run, or of a page about one of its files: `file`, `content`, `sandbox` or `mask`."""
    return f"/runs/{_part(project)}/{_part(uid)}/{page}{_query(query.items())}"


def collection(project: str, name: str, page: str = "versions") -> str:
    """Return the address of a collection, or of a form for it: `edit` or `delete`."""
    return f"/artifacts/{_part(project)}/{_part(name)}/{page}"


def version(project: str, name: str, number: int | str, page: str = "", **query: Any) -> str:
    """Return the address of a version, or of a page below it: `file`, `content` or `sandbox`."""
    below = f"/{page}" if page else ""
    return f"/artifacts/{_part(project)}/{_part(name)}/v{number}{below}{_query(query.items())}"


def of_version(found: Version) -> str:
    """Return the address of a version, in the collection in which it was committed."""
    return version(found.project, found.collection, found.number)


def lineage(of: str = "", run: str = "", **query: Any) -> str:
    """Return the address of the lineage around a version, `project/animals:v0`, or a run, `project/id`."""
    return "/lineage" + _query([("of", of), ("run", run), *query.items()])


def compare_runs(paths: Iterable[str]) -> str:
    """Return the address of the comparison of runs, each `project/id`."""
    return "/compare/runs" + _query(("run", path) for path in paths)


def compare_versions(old: str, new: str) -> str:
    """Return the address of the comparison of two versions, each `project/animals:v0`."""
    return "/compare/versions" + _query([("old", old), ("new", new)])


def compare_tables(old: str, new: str, path: str) -> str:
    """Return the address of the comparison of one table in two versions, row by row."""
    return "/compare/tables" + _query([("old", old), ("new", new), ("path", path)])


def of_node(node: Node) -> str:
    """Return the address of the page about a node of a lineage graph; of a job type, its runs."""
    if isinstance(node, VersionNode):
        return version(node.project, node.collection, node.number)
    if isinstance(node, RunNode):
        return run(node.project, node.uid)
    if isinstance(node, CollectionNode):
        return collection(node.project, node.name)
    assert isinstance(node, JobNode)
    return "/runs" + _query([("project", node.project), ("q", f'job_type="{node.job_type}"' if node.job_type else "")])


def changed(path: str, query: Iterable[tuple[str, str]], **changes: Any) -> str:
    """Return the address of the same page with parameters set, or removed by None; a list sets one several times."""
    kept = [(key, value) for key, value in query if key not in changes]
    new = [(key, one) for key, value in changes.items() for one in (value if isinstance(value, list) else [value])]
    return path + _query([*kept, *new])


def _part(name: str) -> str:
    return quote(name, safe="")


def _query(pairs: Iterable[tuple[str, Any]]) -> str:
    given = [(key, str(value)) for key, value in pairs if value not in (None, "")]
    return "?" + urlencode(given) if given else ""
