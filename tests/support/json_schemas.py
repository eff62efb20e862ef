"""The JSON Schemas of OpenLineage 2-0-2 and of PROV-JSON (W3C submission of 2013).

That of PROV-JSON is the published one, from the package `prov`. No package has that of OpenLineage: it is written here
from the specification, and is stricter in one way: it does not allow what artstore never writes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema.validators import validator_for

_TEXT = {"type": "string", "minLength": 1}
_URI = {"type": "string", "format": "uri"}
_TIME = {"type": "string", "format": "date-time"}
_UUID = {"type": "string", "format": "uuid"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    } | more


def _facets(**known: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of facets, which name their producer and schema; our own begin with `artstore_`."""
    base = {"_producer": _URI, "_schemaURL": {**_URI, "pattern": r"^https://openlineage\.io/spec/\S+#/\$defs/\w+$"}}
    custom = {"type": "object", "required": list(base), "properties": base}
    return {
        "type": "object",
        "properties": {name: _object({**base, **fields.pop("required")}, fields) for name, fields in known.items()},
        "patternProperties": {"^artstore_": custom},
        "additionalProperties": False,
    }


_DATASET = _object(
    {"namespace": _TEXT, "name": _TEXT}, {"facets": _facets(version={"required": {"datasetVersion": _TEXT}})}
)
_EVENT = {"eventTime": _TIME, "producer": _URI, "schemaURL": _URI}
_RUN_EVENT = _object(
    {
        **_EVENT,
        "run": _object({"runId": _UUID}, {"facets": _facets()}),
        "job": _object(
            {"namespace": _TEXT, "name": _TEXT},
            {
                "facets": _facets(
                    jobType={"required": {"processingType": _TEXT, "integration": _TEXT}, "jobType": _TEXT},
                    sourceCodeLocation={
                        "required": {"type": _TEXT, "url": _URI},
                        "repoUrl": _TEXT,
                        "version": _TEXT,
                        "branch": _TEXT,
                    },
                )
            },
        ),
    },
    {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "inputs": {"type": "array", "items": _DATASET},
        "outputs": {"type": "array", "items": _DATASET},
    },
)
OPENLINEAGE_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "oneOf": [_RUN_EVENT, _object({**_EVENT, "dataset": _DATASET})],
}

PROV_JSON = json.loads(files("prov").joinpath("tests/schemas/prov-json.schema.json").read_text(encoding="utf-8"))


def violations(schema: dict[str, Any], document: Any) -> list[str]:
    """Return the violations of a schema in a document, each with its path."""
    kind = validator_for(schema)
    kind.check_schema(schema)
    errors = kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]
