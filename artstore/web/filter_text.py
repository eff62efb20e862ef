"""The filter that people type above the table of runs: `config.lr<0.1 state=failed tags=good resnet`.

Terms are separated by spaces and must all hold. A word alone is looked for in names. A filter that begins with `{` is
one in W&B's syntax.
"""

from __future__ import annotations

import json
import re
from typing import Any

from artstore.errors import InvalidInput

FIELDS = (
    *("name", "id", "display_name", "project", "state", "job_type", "group", "notes", "user", "host", "exit_code"),
    *("duration", "created_at", "ended_at", "tags"),
)
"""The fields of runs that have a name of their own; any other name is a key of the config or of the summary."""
_DOCUMENTS = ("config.", "summary.", "summary_metrics.", "metadata.")
_TERM = re.compile(r"""\s*(?:([^\s"=<>!~]+)\s*(!=|<=|>=|=|<|>|~)\s*("[^"]*"|\S+)|("[^"]*"|\S+))""")
_OPERATORS = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "~": "$regex"}


def parse(text: str) -> dict[str, Any]:
    """Translate the text of a filter into W&B's syntax. Raises `InvalidInput`."""
    text = text.strip()
    if text.startswith("{"):
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidInput(f'not a filter: {error}: write JSON, as in {{"state": "finished"}}') from error
    return {"$and": [_condition(term) for term in _TERM.finditer(text)]} if text else {}


def _condition(term: re.Match[str]) -> dict[str, Any]:
    key, sign, value, word = term.groups()
    if word is not None:
        pattern = "(?i)" + re.escape(word.strip('"'))
        return {"$or": [{"display_name": {"$regex": pattern}}, {"id": {"$regex": pattern}}]}
    operator = _OPERATORS[sign]
    wanted: Any = value[1:-1] if value.startswith('"') or operator == "$regex" else _value(value)
    wanted = value.strip('"') if operator == "$regex" else wanted
    if key in FIELDS or key.startswith(_DOCUMENTS):
        return {key: {operator: wanted}}
    return {"$or": [{f"{document}.{key}": {operator: wanted}} for document in ("config", "summary")]}


def _value(text: str) -> Any:
    """Return a number, true, false or null; otherwise the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, list | dict) else value
