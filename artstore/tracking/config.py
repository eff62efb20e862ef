"""A run's config and summary: dicts whose keys are attributes as well, and that say when they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from artstore.errors import InvalidInput, NotJson


class Noted(MutableMapping[str, Any]):
    """A dict of what is said of a run. `noted.x` is `noted["x"]`."""

    def __init__(self, changed: Callable[[], None], values: Mapping[str, Any] | None = None) -> None:
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
        """A copy as a plain dict."""
        return dict(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


class Summary(Noted):
    """What a run comes to: the last value of each thing logged, unless it was set by hand."""


class Config(Noted):
    """What a run was started with.

    A key that is set keeps its value, unless `update` is told otherwise: `config.update(d, allow_val_change=True)`.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        resolve: Callable[[str, Any], Any],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(changed, values)
        self.__dict__["_resolve"] = resolve

    def __setitem__(self, key: str, value: Any) -> None:
        self._set(str(key), value, allow_val_change=False)

    def _set(self, key: str, value: Any, *, allow_val_change: bool) -> None:
        value = self._resolve(key, value)
        if not allow_val_change and key in self._values and self._values[key] != value:
            raise InvalidInput(
                f"Attempted to change value of key {key!r} from {self._values[key]!r} to {value!r}. If you really want "
                "to do this, pass allow_val_change=True to config.update()"
            )
        super().__setitem__(key, value)

    def update(self, *given: Any, allow_val_change: bool = False, **more: Any) -> None:
        """Set many keys at once, from a dict, a namespace or keyword arguments."""
        for values in (*given, more):
            for key, value in mapping(values).items():
                self._set(str(key), value, allow_val_change=allow_val_change)

    def setdefaults(self, given: Any) -> None:
        """Set those keys that are not set."""
        for key, value in mapping(given).items():
            if key not in self._values:
                self[str(key)] = value


def mapping(given: Any) -> Mapping[str, Any]:
    """Read a config from a dict or from anything that has its values as attributes, such as argparse's namespace."""
    if given is None:
        return {}
    if isinstance(given, Noted):
        return given.as_dict()
    if isinstance(given, Mapping):
        return given
    if hasattr(given, "__dict__"):
        return dict(vars(given))
    raise NotJson(f"config must be a dict or a namespace, not {type(given).__name__}")
