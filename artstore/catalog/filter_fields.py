"""The fields that listings can be filtered and ordered by, under W&B's names and artstore's own."""

from __future__ import annotations

from artstore.catalog import latest
from artstore.catalog.filters import Fields
from artstore.core.names import REGISTRY

_TAGS = "(select json_group_array(t.name) from tags as t where t.version = v.id)"
_TIMES = frozenset({"created_at", "createdAt", "updated_at", "updatedAt", "ended_at", "heartbeat_at", "heartbeatAt"})
_SECONDS = "round(86400 * (julianday(coalesce(runs.ended_at, 'now')) - julianday(runs.started_at)), 3)"
_HEARTBEAT = """coalesce(runs.ended_at, (
    select strftime('%Y-%m-%dT%H:%M:%f000Z', h.data ->> '$._timestamp', 'unixepoch') from history as h
    where h.run = runs.id order by h.step desc limit 1
), runs.started_at)"""

RUNS = Fields(
    "runs",
    plain={
        "name": "runs.uid",
        "id": "runs.uid",
        "display_name": "runs.name",
        "displayName": "runs.name",
        "project": "projects.name",
        "state": "artstore_observed_state(runs.state, runs.session, runs.preempting)",
        "job_type": "runs.job_type",
        "jobType": "runs.job_type",
        "group": "runs.run_group",
        "notes": "runs.notes",
        "user": "runs.environment ->> '$.user'",
        "username": "runs.environment ->> '$.user'",
        "host": "runs.environment ->> '$.host'",
        "exit_code": "runs.exit_code",
        "duration": _SECONDS,
        "created_at": "runs.started_at",
        "createdAt": "runs.started_at",
        "ended_at": "runs.ended_at",
        "heartbeat_at": _HEARTBEAT,
        "heartbeatAt": _HEARTBEAT,
    },
    words={"tags": "runs.tags"},
    documents={
        "config": "runs.config",
        "summary_metrics": "runs.summary",
        "summary": "runs.summary",
        "metadata": "runs.environment",
    },
    times=_TIMES,
)

_COMMON = {
    "description": "v.description",
    "size": "v.size",
    "file_count": "v.entries",
    "created_at": "v.created_at",
    "createdAt": "v.created_at",
}
BASE = """(
    select base_projects.name || '/' || base_collections.name || ':v' || base.number from versions as base
    join collections as base_collections on base_collections.id = base.collection
    join projects as base_projects on base_projects.id = base_collections.project
    where base.id = v.base
)"""
"""SQL: the version from which the version `v` was made, as `project/animals:v0`."""
_ALIASES = """(
    select json_group_array(known.name) from (
        select a.name as name from {aliases} as a where a.{of} = {row}.id
        union all
        select 'latest' where {row}.number = {latest}
    ) as known
)"""
ALIASES = _ALIASES.format(aliases="aliases", of="version", row="v", latest=latest.version_number("v.collection"))
"""SQL: the aliases of the version `v` as a JSON list, including `latest`."""
_LINK_ALIASES = _ALIASES.format(aliases="link_aliases", of="link", row="l", latest=latest.link_number("l.collection"))

VERSIONS = Fields(
    "versions",
    plain={"version_index": "v.number", "version": "'v' || v.number", **_COMMON},
    words={"tag": _TAGS, "tags": _TAGS, "alias": ALIASES, "aliases": ALIASES},
    documents={"metadata": "v.metadata"},
    times=_TIMES,
)

LINKS = Fields(
    "links",
    plain={"version_index": "l.number", "version": "'v' || l.number", **_COMMON},
    words={"tag": _TAGS, "tags": _TAGS, "alias": _LINK_ALIASES, "aliases": _LINK_ALIASES},
    documents={"metadata": "v.metadata"},
    times=_TIMES,
)

COLLECTIONS = Fields(
    "collections",
    plain={
        "name": "c.name",
        "type": "c.type",
        "description": "c.description",
        "created_at": "c.created_at",
        "createdAt": "c.created_at",
    },
    words={"tag": "c.tags", "tags": "c.tags"},
    times=_TIMES,
)

_REGISTERED = """coalesce(
    projects.created_at, (select min(created_at) from collections where project = projects.id), ''
)"""

REGISTRIES = Fields(
    "registries",
    plain={
        "name": f"substr(projects.name, {len(REGISTRY) + 1})",
        "full_name": "projects.name",
        "description": "coalesce(projects.description, '')",
        **dict.fromkeys(("created_at", "createdAt"), _REGISTERED),
        **dict.fromkeys(("updated_at", "updatedAt"), f"coalesce(projects.updated_at, {_REGISTERED})"),
    },
    times=_TIMES,
)
