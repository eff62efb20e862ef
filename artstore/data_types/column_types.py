"""The types of columns: what a column takes, how it grows with what it is given, and how W&B writes it down.

A type is a frozen value. `takes` answers with the type that a column has once it holds a value as well, or with None
where it cannot hold it: a column of unknown type becomes one of numbers with its first number. Missing values (None,
NaN, NaT) are taken by types with `none` in them, and anywhere inside lists and dicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from artstore.data_types.data_object import DataObject
from artstore.errors import InvalidInput

if TYPE_CHECKING:
    from artstore.data_types.data_object import ObjectReader, ObjectWriter

_NUMPY_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "M": "timestamp", "U": "string"}


@dataclass(frozen=True)
class Type:
    """The base of all types; `name` is W&B's word for each."""

    name: ClassVar[str] = ""

    def takes(self, value: Any) -> Type | None:
        """The type of what holds this value too; None if this type cannot."""
        return self.takes_type(type_of(value))

    def takes_type(self, other: Type) -> Type | None:
        """The type of what holds values of another type too; None if this type cannot."""
        return self if self == other else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        """What W&B says of the type besides its name."""
        return {}

    def to_json(self, shelf: ObjectWriter | None = None) -> dict[str, Any]:
        """The type as W&B writes it."""
        found = self.parameters(shelf)
        return {"wb_type": self.name, "params": found} if found else {"wb_type": self.name}

    def __str__(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class Simple(Type):
    """A type without parts: `number`, `string`, `boolean`, `timestamp` or `none`."""

    word: str

    def to_json(self, shelf: ObjectWriter | None = None) -> dict[str, Any]:
        return {"wb_type": self.word}

    def __str__(self) -> str:
        return self.word.capitalize()


NONE, NUMBER, STRING = Simple("none"), Simple("number"), Simple("string")
BOOLEAN, TIMESTAMP = Simple("boolean"), Simple("timestamp")
_SIMPLE = {each.word: each for each in (NONE, NUMBER, STRING, BOOLEAN, TIMESTAMP)}


@dataclass(frozen=True)
class Anything(Type):
    """Takes whatever is not missing."""

    name = "any"

    def takes(self, value: Any) -> Type | None:
        return None if is_missing(value) else self

    def takes_type(self, other: Type) -> Type | None:
        return None if other == NONE else self


@dataclass(frozen=True)
class Unknown(Type):
    """Becomes the type of the first value."""

    name = "unknown"

    def takes_type(self, other: Type) -> Type | None:
        return None if other == NONE else other


@dataclass(frozen=True)
class Mixed(Type):
    """The elements of a list that have no common type."""

    name = "invalid"

    def takes(self, value: Any) -> Type | None:
        return self

    def takes_type(self, other: Type) -> Type | None:
        return self


@dataclass(frozen=True)
class PythonObject(Type):
    """Values of another class, such as `bytes` or `Decimal`."""

    name = "pythonObject"
    class_name: str

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        return {"class_name": self.class_name}

    def __str__(self) -> str:
        return f"Pythonobject(class_name:{self.class_name})"


@dataclass(frozen=True)
class Const(Type):
    """Takes one value."""

    name = "const"
    value: Any

    def takes(self, value: Any) -> Type | None:
        return self if type(value) is type(self.value) and value == self.value else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        return {"val": _plain(self.value), "is_set": isinstance(self.value, set)}

    def __str__(self) -> str:
        return str(self.value)


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value, key=lambda each: (str(type(each)), each))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


@dataclass(frozen=True)
class Union(Type):
    """Takes what one of its members takes."""

    name = "union"
    members: tuple[Type, ...]

    @classmethod
    def of(cls, members: Iterable[Type]) -> Union:
        """A union of these, without unions in it, in W&B's order."""
        flat: list[Type] = []
        for each in members:
            flat.extend(each.members if isinstance(each, Union) else [each])
        return cls(tuple(sorted(flat, key=str)))

    def takes(self, value: Any) -> Type | None:
        return self._grown([(each, each.takes(value)) for each in self.members if not isinstance(each, Unknown)], value)

    def _grown(self, tried: list[tuple[Type, Type | None]], value: Any) -> Type | None:
        for old, new in tried:
            if new is not None:
                return self if new == old else Union.of(new if each is old else each for each in self.members)
        for each in self.members:
            if isinstance(each, Unknown):
                new = each.takes(value)
                if new is not None:
                    return Union.of(new if other is each else other for other in self.members)
        return None

    def takes_type(self, other: Type) -> Type | None:
        grown: Type | None = self
        for part in other.members if isinstance(other, Union) else (other,):
            assert isinstance(grown, Union)
            grown = grown._with(part)
            if grown is None:
                return None
        return grown

    def _with(self, other: Type) -> Union | None:
        for each in sorted(self.members, key=lambda each: isinstance(each, Unknown)):
            if isinstance(other, Unknown) and isinstance(each, Unknown):
                return self
            new = each.takes_type(other)
            if new is not None:
                return Union.of(new if member is each else member for member in self.members)
        return None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        return {"allowed_types": [each.to_json(shelf) for each in self.members]}

    def __str__(self) -> str:
        return " or ".join(str(each) for each in self.members)


def optional(found: Type) -> Type:
    """A type that takes missing values as well."""
    return found if found == NONE or (isinstance(found, Union) and NONE in found.members) else Union.of([found, NONE])


@dataclass(frozen=True)
class List(Type):
    """Lists of one type; `length` is that of the last one, as W&B notes it."""

    name = "list"
    element: Type = field(default_factory=Unknown)
    length: int | None = None

    def takes(self, value: Any) -> Type | None:
        if not isinstance(value, list | tuple | set | frozenset):
            return None
        element = self.element
        for each in value:
            grown = _within(element, each)
            if grown is None:
                return None
            element = grown
        return List(element, len(value))

    def takes_type(self, other: Type) -> Type | None:
        if not isinstance(other, List):
            return None
        element = self.element if isinstance(other.element, Unknown) else _within_type(self.element, other.element)
        if element is None:
            return None
        return List(element, self.length if self.length == other.length else None)

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        return {"element_type": self.element.to_json(shelf), "length": self.length}

    def __str__(self) -> str:
        return f"{self.element}[]"


def _within(inner: Type, value: Any) -> Type | None:
    """What the inside of a list or dict becomes by a value: missing ones are taken anywhere."""
    return optional(inner) if is_missing(value) else inner.takes(value)


def _within_type(inner: Type, other: Type) -> Type | None:
    return optional(inner) if other == NONE else inner.takes_type(other)


@dataclass(frozen=True)
class TypedDict(Type):
    """Dicts with a type for each key."""

    name = "typedDict"
    items: tuple[tuple[Any, Type], ...] = ()

    def takes(self, value: Any) -> Type | None:
        if not isinstance(value, dict) or value.keys() - dict(self.items).keys():
            return None
        grown = {key: _within(inner, value.get(key)) for key, inner in self.items}
        return _dict_of(grown)

    def takes_type(self, other: Type) -> Type | None:
        if not isinstance(other, TypedDict) or dict(other.items).keys() - dict(self.items).keys():
            return None
        theirs = dict(other.items)
        return _dict_of({key: _within_type(inner, theirs.get(key, NONE)) for key, inner in self.items})

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        texts = any(isinstance(key, str) for key, _ in self.items)
        return {"type_map": {(str(key) if texts else key): inner.to_json(shelf) for key, inner in self.items}}

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {inner}" for key, inner in self.items) + "}"


def _dict_of(grown: Mapping[Any, Type | None]) -> Type | None:
    items = [(key, inner) for key, inner in grown.items() if inner is not None]
    return TypedDict(tuple(items)) if len(items) == len(grown) else None


@dataclass(frozen=True)
class NDArray(Type):
    """NumPy arrays of one shape. `path` and `key` tell where their values are kept."""

    name = "ndarray"
    shape: tuple[int, ...]
    path: str | None = None
    key: str | None = None

    def takes_type(self, other: Type) -> Type | None:
        return self if isinstance(other, NDArray) and other.shape == self.shape else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        kept = {"path": self.path, "key": self.key} if self.path is not None else None
        return {"shape": list(self.shape), "serialization_path": kept}

    def __str__(self) -> str:
        return f"Ndarray(shape:{list(self.shape)})"


@dataclass(frozen=True)
class FileType(Type):
    """Objects of one kind, such as `audio-file`."""

    word: str

    def to_json(self, shelf: ObjectWriter | None = None) -> dict[str, Any]:
        return {"wb_type": self.word}

    def __str__(self) -> str:
        return self.word.capitalize()


def is_missing(value: Any) -> bool:
    """Whether a value is none: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if type(value) is float:
        return math.isnan(value)
    if type(value).__name__ in ("NaTType", "NAType"):
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind in ("f", "M") and not getattr(value, "ndim", 1) and bool(value != value)


def type_of(value: Any) -> Type:
    """The type of one value."""
    if is_missing(value):
        return NONE
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, DataObject):
        return value.cell_type()
    special = getattr(value, "cell_type", None)
    if special is not None and not isinstance(value, type):
        found: Type = special()
        return found
    if isinstance(value, str):
        return STRING
    if isinstance(value, int | float):
        return NUMBER
    if isinstance(value, date):
        return TIMESTAMP
    if isinstance(value, list | tuple | set | frozenset):
        return _type_of_list(value)
    if isinstance(value, dict):
        return TypedDict(tuple((key, type_of(each)) for key, each in value.items()))
    return _type_of_foreign(value)


def _type_of_list(value: Iterable[Any]) -> Type:
    values = list(value)
    element: Type = Unknown()
    for each in values:
        element = _within(element, each) or Mixed()
    return List(element, len(values))


def _type_of_foreign(value: Any) -> Type:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if type(value).__module__ == "numpy" and kind is not None:
        if getattr(value, "ndim", 0):
            return NDArray(tuple(value.shape))
        if kind in _NUMPY_KINDS:
            return _SIMPLE[_NUMPY_KINDS[kind]]
    return PythonObject(type(value).__name__)


def of_json(document: Any, source: ObjectReader | None = None) -> Type:
    """The type that W&B wrote down. What is not known is taken for anything."""
    from artstore.data_types import registry

    if not isinstance(document, dict) or "wb_type" not in document:
        raise InvalidInput(f"not the type of a column: {document!r}; the table was not written by W&B or artstore")
    word, given = document["wb_type"], document.get("params", {})
    if word in _SIMPLE:
        return _SIMPLE[word]
    match word:
        case "unknown":
            return Unknown()
        case "invalid":
            return Mixed()
        case "union":
            return Union.of(of_json(each, source) for each in given.get("allowed_types", []))
        case "list":
            return List(of_json(given["element_type"], source), given.get("length"))
        case "typedDict" | "dictionary":
            return TypedDict(tuple((key, of_json(each, source)) for key, each in given.get("type_map", {}).items()))
        case "pythonObject" | "object":
            return PythonObject(given.get("class_name", "object"))
        case "const":
            return Const(set(given["val"]) if given.get("is_set") else given["val"])
        case "ndarray":
            kept = given.get("serialization_path") or {}
            return NDArray(tuple(given["shape"]), kept.get("path"), kept.get("key"))
    return registry.type_of_json(word, given, source)
