"""Find every public call of artstore by looking at the package: functions, constructors, methods and setters."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from typing import Any

import artstore

_SPECIAL = ("__init__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__next__")
_HANDED_THROUGH = (
    *("artstore.catalog", "artstore.storage", "artstore.errors", "artstore.core"),
    "artstore.data_types.column_types",
)
"""What lies here is handed through by public calls; its own methods are for artstore."""


def public_roots() -> dict[str, Any]:
    """Return the functions and classes that have a public path, by their names."""
    roots = {}
    for module in ("artstore", "artstore.data_types", "artstore.data_types.plot", "artstore.drivers"):
        found = importlib.import_module(module)
        roots.update({name: getattr(found, name) for name in found.__all__})
    return {name: root for name, root in roots.items() if callable(root) and not isinstance(root, enum.EnumType)}


def public_classes() -> dict[str, type]:
    """Return the classes of public objects: the roots, and those that annotations of public calls name."""
    for submodule in pkgutil.walk_packages(artstore.__path__, "artstore."):
        if submodule.name.startswith(("artstore.tracking", "artstore.operations", "artstore.lineage", "artstore.core")):
            importlib.import_module(submodule.name)
    todo = list(public_roots().values())
    known: dict[str, type] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "artstore":
            own = (value for value in vars(module).values() if isinstance(value, type))
            known.update({value.__name__: value for value in own if value.__module__.startswith("artstore")})
    found: dict[str, type] = {}
    seen = set()
    while todo:
        public = todo.pop()
        if public in seen:
            continue
        seen.add(public)
        if isinstance(public, type):
            found[public.__name__] = public
        for text in _annotations(public):
            named = (known[word] for word in re.findall(r"\w+", text) if word in known)
            todo += [kind for kind in named if not kind.__module__.startswith(_HANDED_THROUGH)]
    return found


def _annotations(public: Any) -> Iterator[str]:
    """Yield what a function returns, and what the methods and attributes of a class are, as text."""
    if not isinstance(public, type):
        yield str(getattr(public, "__annotations__", {}).get("return", ""))
        return
    for name in dir(public):
        member = inspect.getattr_static(public, name)
        function = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
        if not name.startswith("_") and callable(function):
            yield str(getattr(function, "__annotations__", {}).get("return", ""))
    yield from (str(text) for name, text in vars(public).get("__annotations__", {}).items() if name[0] != "_")


def has_methods(kind: type) -> bool:
    """Whether a class is more than a record, a protocol, a list of choices or an error."""
    is_record = issubclass(kind, tuple) or dataclasses.is_dataclass(kind)
    is_other = is_record or getattr(kind, "_is_protocol", False) or issubclass(kind, BaseException | enum.Enum)
    return not is_other and any(not method.startswith("_") for method in methods_of(kind))


def methods_of(kind: type) -> Iterator[str]:
    """Yield the methods of a class that are artstore's, not those that Python's own dicts and lists have."""
    for name in dir(kind):
        owner = next((base for base in kind.__mro__ if name in vars(base)), object)
        if not owner.__module__.startswith("artstore"):
            continue
        member = inspect.getattr_static(kind, name)
        if isinstance(member, property):
            if not name.startswith("_") and member.fset is not None:
                yield f"{name}="
        elif name != "__init__" and (name in _SPECIAL or not name.startswith("_")) and callable(getattr(kind, name)):
            yield name


def parameters(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function; of a setter, which is None here, its value."""
    if function is None:
        return [inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY)]
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
