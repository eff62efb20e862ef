"""The config that a run begins with: a dict, a namespace or a file, with the defaults of `config-defaults.yaml`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from artstore.errors import InvalidInput, MissingLibrary, UsageError
from artstore.runtime import optional_imports, terminal
from artstore.tracking.config import to_mapping

_DEFAULTS = Path("config-defaults.yaml")


def read_config(given: Any, include: Iterable[str] | None, exclude: Iterable[str] | None) -> dict[str, Any]:
    """Return the config of a new run: what is given, and the defaults of the working folder for other keys.

    Raises `NotJson` for something that is not a config, `InvalidInput` for a file that cannot be read, and
    `UsageError` if both `include` and `exclude` are given.
    """
    if include is not None and exclude is not None:
        raise UsageError("Expected at most only one of config_exclude_keys or config_include_keys")
    values = {str(key): value for key, value in to_mapping(_load(given) if isinstance(given, str) else given).items()}
    if include is not None:
        values = {key: value for key, value in values.items() if key in set(include)}
    values = {key: value for key, value in values.items() if key not in set(exclude or ())}
    return {**_defaults(), **values}


def _defaults() -> Mapping[str, Any]:
    if not _DEFAULTS.is_file():
        return {}
    try:
        return _load(str(_DEFAULTS))
    except (InvalidInput, MissingLibrary) as error:
        # The file may be of another program.
        terminal.note(f"artstore: {_DEFAULTS} is not used: {error}")
        return {}


def _load(path: str) -> Mapping[str, Any]:
    """Read a JSON or YAML file, in which a value may be in a dict with the keys `value` and `desc`, as in W&B."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read the config from {path!r}: {error}") from error
    document = _parse(path, text)
    if not isinstance(document, Mapping):
        raise InvalidInput(f"the config in {path!r} must be a dict, not {type(document).__name__}")
    return {
        str(key): value["value"] if isinstance(value, Mapping) and "value" in value else value
        for key, value in document.items()
        if key != "wandb_version"
    }


def _parse(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if path.endswith(".json"):
            raise InvalidInput(f"cannot read the config from {path!r}: it is not JSON: {error}") from error
    yaml = optional_imports.need("yaml", "a config in YAML", "yaml")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"cannot read the config from {path!r}: it is neither JSON nor YAML: {error}") from error
