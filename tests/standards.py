"""What OpenLineage 2-0-2 and PROV-JSON (W3C submission of 2013) ask of a document, written as JSON Schemas.

They are written from the rules of the specifications, and are stricter in one way: what we never write is not allowed.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

_TEXT = {"type": "string", "minLength": 1}
_URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    } | more


def _facets(**known: dict[str, Any]) -> dict[str, Any]:
    """Facets carry who wrote them and by which schema; those that are our own begin with our name."""
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
OPENLINEAGE_EVENT = {"oneOf": [_RUN_EVENT, _object({**_EVENT, "dataset": _DATASET})]}

_NAME = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+:[^\s:]+$"}
_VALUE = {
    "oneOf": [
        {"type": ["string", "number", "boolean"]},
        _object({"$": _TEXT}, {"type": _NAME, "lang": _TEXT}),
    ]
}
_ATTRIBUTES = {"anyOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1}]}


def _records(required: dict[str, Any], optional: dict[str, Any] | None = None, key: str = _NAME["pattern"]) -> Any:
    """Records by their names, with attributes beside what PROV gives a meaning."""
    record = _object(required, optional, patternProperties={"^(?!prov:)[A-Za-z0-9_-]+:": _ATTRIBUTES})
    return {"type": "object", "patternProperties": {key: record}, "additionalProperties": False}


_LABELLED = {"prov:label": _ATTRIBUTES, "prov:type": _ATTRIBUTES}
_RELATION = r"^_:\w+$"
PROV_JSON = _object(
    {"prefix": {"type": "object", "patternProperties": {r"^[A-Za-z0-9_-]+$": _URI}, "additionalProperties": False}},
    {
        "entity": _records({}, _LABELLED),
        "activity": _records({}, {**_LABELLED, "prov:startTime": _TIME, "prov:endTime": _TIME}),
        "agent": _records({}, _LABELLED),
        "used": _records(
            {"prov:activity": _NAME}, {"prov:entity": _NAME, "prov:time": _TIME, "prov:role": _ATTRIBUTES}, _RELATION
        ),
        "wasGeneratedBy": _records(
            {"prov:entity": _NAME}, {"prov:activity": _NAME, "prov:time": _TIME, "prov:role": _ATTRIBUTES}, _RELATION
        ),
        "wasDerivedFrom": _records({"prov:generatedEntity": _NAME, "prov:usedEntity": _NAME}, key=_RELATION),
        "wasInvalidatedBy": _records(
            {"prov:entity": _NAME}, {"prov:activity": _NAME, "prov:time": _TIME}, key=_RELATION
        ),
        "wasAssociatedWith": _records({"prov:activity": _NAME}, {"prov:agent": _NAME}, key=_RELATION),
    },
)


def faults(schema: dict[str, Any], document: Any) -> list[str]:
    """What is wrong with a document, with where it is."""
    Draft202012Validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]
