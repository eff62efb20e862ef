"""The config and the summary of a run: dicts whose keys are also attributes, and which report their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

from artstore.errors import ConfigError, NotJson
from artstore.runtime.arguments import checked


@checked
class RecordedDict(MutableMapping[str, Any]):
    """A dict that a run records: it calls `changed` after each change. `values.x` is `values["x"]`."""

    def __init__(self, changed: Callable[[], None], values: Mapping[str, Any] | None) -> None:
        self.__dict__["_values"] = dict(values or {})
        self.__dict__["_changed"] = changed

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[str(key)] = value
        self._changed()

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as a plain dict."""
        return dict(self._values)

    def __reduce__(self) -> tuple[Callable[..., RecordedDict], tuple[type[RecordedDict], dict[str, Any]]]:
        """Pickle as the values alone: a copy belongs to no run."""
        return _detached, (type(self), self._values)

    def __repr__(self) -> str:
        return repr(self._values)


@checked
class Summary(RecordedDict):
    """The results of a run: the last value of each key that was logged, and what was set here.

    >>> run.summary["best_accuracy"] = 0.93
    """

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        resolve: Callable[[Mapping[str, Any]], dict[str, Any]],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(changed, values)
        self.__dict__["_resolve"] = resolve

    def __setitem__(self, key: str, value: Any) -> None:
        self._values.update(self._resolve({str(key): value}))
        self._changed()

    def _set_resolved(self, key: str, value: Any) -> None:
        """Set a value that has been resolved, as `Run.log` does for each that it is given."""
        super().__setitem__(key, value)


@checked
class Config(RecordedDict):
    """The values that a run was started with.

    >>> run.config.epochs = 3
    >>> run.config.update({"epochs": 5}, allow_val_change=True)

    Setting a key again to another value raises `ConfigError`, unless `update` allows it. Values have JSON types: a
    tuple becomes a list, a number of NumPy one of Python.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        resolve: Callable[[str, Any], Any] = lambda key, value: value,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(changed, values)
        self.__dict__["_resolve"] = resolve
        self.__dict__["_locked"] = frozenset()

    def lock(self, values: Mapping[str, Any]) -> None:
        """Set the values that a sweep chose. Setting these keys afterwards has no effect, as in W&B."""
        self.update(values, allow_val_change=True)
        self.__dict__["_locked"] = frozenset(values)

    def __setitem__(self, key: str, value: Any) -> None:
        self._set(str(key), value, allow_val_change=False)

    def _set(self, key: str, value: Any, *, allow_val_change: bool) -> None:
        if key in self.__dict__.get("_locked", ()):
            return
        value = self._resolve(key, value)
        if not allow_val_change and key in self._values and self._values[key] != value:
            raise ConfigError(
                f"Attempted to change value of key {key!r} from {self._values[key]!r} to {value!r}. If you really want "
                "to do this, pass allow_val_change=True to config.update()"
            )
        super().__setitem__(key, value)

    def update(self, *given: Any, allow_val_change: bool = False, **more: Any) -> None:
        """Set keys from dicts, namespaces such as argparse's, or keyword arguments.

        Raises `ConfigError` if a key has another value already and `allow_val_change` is not set.
        """
        for values in (*given, more):
            for key, value in to_mapping(values).items():
                self._set(str(key), value, allow_val_change=allow_val_change)

    def setdefaults(self, given: Any) -> None:
        """Set the keys of a dict or namespace that are not set yet."""
        for key, value in to_mapping(given).items():
            if key not in self._values:
                self[str(key)] = value


def _detached(kind: type[RecordedDict], values: dict[str, Any]) -> RecordedDict:
    made = kind.__new__(kind)
    made.__dict__.update(_values=dict(values), _changed=_do_nothing, _resolve=_RESOLVE_DETACHED.get(kind))
    return made


def _do_nothing() -> None: ...


_RESOLVE_DETACHED: dict[type[RecordedDict], Callable[..., Any]] = {Summary: dict, Config: lambda key, value: value}


def to_mapping(given: Any) -> Mapping[str, Any]:
    """Return a config as a mapping: a dict, the flags of absl, or the attributes of a namespace or class.

    Raises `NotJson` for anything else.
    """
    if isinstance(given, ModuleType) and given.__name__ == "absl.flags":
        given = given.FLAGS
    if given is None:
        return {}
    if isinstance(given, RecordedDict):
        return given.as_dict()
    if isinstance(given, Mapping):
        return given
    if hasattr(given, "flag_values_dict"):
        flags: dict[str, Any] = given.flag_values_dict()
        return flags
    if isinstance(given, type):
        return {name: value for name, value in vars(given).items() if not name.startswith("__") and not callable(value)}
    if hasattr(given, "__dict__"):
        return dict(vars(given))
    raise NotJson(f"config must be a dict or a namespace, not {type(given).__name__}")
