"""The types of table columns: which values a column accepts, how its type widens, and how W&B writes the type as JSON.

A type is an immutable value. `widen` returns the type of a column once it also holds a value, or None if the column
cannot hold that value: a column of unknown type becomes a column of numbers with its first number. Types that include
`none` accept missing values (None, NaN, NaT); lists and dicts accept them anywhere inside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from artstore.data_types.data_object import DataObject, ObjectWriter

_NUMPY_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "M": "timestamp", "U": "string"}


@dataclass(frozen=True)
class Type:
    """The base of all column types; `name` is W&B's name for the type."""

    name: ClassVar[str] = ""

    def widen(self, value: Any) -> Type | None:
        """Return the type that also accepts a value; None if there is none."""
        return self.widen_type(type_of(value))

    def widen_type(self, other: Type) -> Type | None:
        """Return the type that also accepts the values of another type; None if there is none."""
        return self if self == other else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        """Store the objects that the type names; return its parameters as W&B writes them."""
        return {}

    def to_json(self, writer: ObjectWriter | None = None) -> dict[str, Any]:
        """Return the type as W&B writes it."""
        parameters = self.parameters(writer)
        return {"wb_type": self.name, "params": parameters} if parameters else {"wb_type": self.name}

    def __str__(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class Simple(Type):
    """A type without parameters: `number`, `string`, `boolean`, `timestamp` or `none`."""

    word: str

    def to_json(self, writer: ObjectWriter | None = None) -> dict[str, Any]:
        return {"wb_type": self.word}

    def __str__(self) -> str:
        return self.word.capitalize()


NONE, NUMBER, STRING = Simple("none"), Simple("number"), Simple("string")
BOOLEAN, TIMESTAMP = Simple("boolean"), Simple("timestamp")
_PYTHON_TYPES: dict[Simple, tuple[type, ...]] = {
    NUMBER: (int,),
    STRING: (str,),
    BOOLEAN: (bool,),
    TIMESTAMP: (datetime, date),
    NONE: (type(None),),
}
SIMPLE_TYPES = {simple.word: simple for simple in (NONE, NUMBER, STRING, BOOLEAN, TIMESTAMP)}


@dataclass(frozen=True)
class Anything(Type):
    """Accepts every value that is not missing."""

    name = "any"

    def widen(self, value: Any) -> Type | None:
        return None if is_missing(value) else self

    def widen_type(self, other: Type) -> Type | None:
        return None if other == NONE else self


@dataclass(frozen=True)
class Unknown(Type):
    """Becomes the type of the first value."""

    name = "unknown"

    def widen_type(self, other: Type) -> Type | None:
        return None if other == NONE else other


@dataclass(frozen=True)
class Mixed(Type):
    """The elements of a list that have no common type."""

    name = "invalid"

    def widen(self, value: Any) -> Type | None:
        return self

    def widen_type(self, other: Type) -> Type | None:
        return self


@dataclass(frozen=True)
class PythonObject(Type):
    """Values of a class without a type of its own, such as `bytes` or `Decimal`."""

    name = "pythonObject"
    class_name: str

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        return {"class_name": self.class_name}

    def __str__(self) -> str:
        return f"Pythonobject(class_name:{self.class_name})"


@dataclass(frozen=True)
class Const(Type):
    """Accepts one value only."""

    name = "const"
    value: Any

    def widen(self, value: Any) -> Type | None:
        return self if type(value) is type(self.value) and value == self.value else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        return {"val": _sets_as_lists(self.value), "is_set": isinstance(self.value, set)}

    def __str__(self) -> str:
        return str(self.value)


def _sets_as_lists(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value, key=lambda element: (str(type(element)), element))
    if isinstance(value, dict):
        return {key: _sets_as_lists(inner) for key, inner in value.items()}
    return value


@dataclass(frozen=True)
class Union(Type):
    """Accepts every value that one of its members accepts."""

    name = "union"
    members: tuple[Type, ...]

    @classmethod
    def of(cls, members: Iterable[Type]) -> Union:
        """Return the union of some types in W&B's order; unions among them are flattened."""
        flat: list[Type] = []
        for member in members:
            flat.extend(member.members if isinstance(member, Union) else [member])
        return cls(tuple(sorted(flat, key=str)))

    def widen(self, value: Any) -> Type | None:
        widened = [(member, member.widen(value)) for member in self.members if not isinstance(member, Unknown)]
        for old, new in widened:
            if new is not None:
                return self if new == old else self._with_member(old, new)
        for member in self.members:
            if isinstance(member, Unknown):
                new = member.widen(value)
                if new is not None:
                    return self._with_member(member, new)
        return None

    def widen_type(self, other: Type) -> Type | None:
        widened: Type | None = self
        for part in other.members if isinstance(other, Union) else (other,):
            assert isinstance(widened, Union)
            widened = widened._widen_member(part)
            if widened is None:
                return None
        return widened

    def _widen_member(self, other: Type) -> Union | None:
        for member in sorted(self.members, key=lambda member: isinstance(member, Unknown)):
            if isinstance(other, Unknown) and isinstance(member, Unknown):
                return self
            new = member.widen_type(other)
            if new is not None:
                return self._with_member(member, new)
        return None

    def _with_member(self, old: Type, new: Type) -> Union:
        return Union.of(new if member is old else member for member in self.members)

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        return {"allowed_types": [member.to_json(writer) for member in self.members]}

    def __str__(self) -> str:
        return " or ".join(str(member) for member in self.members)


def optional(column_type: Type) -> Type:
    """Return the type that also accepts missing values."""
    return column_type if NONE in members_of(column_type) else Union.of([column_type, NONE])


def members_of(column_type: Type) -> tuple[Type, ...]:
    """Return the members of a union; a tuple with the type itself if it is not a union."""
    return column_type.members if isinstance(column_type, Union) else (column_type,)


def unchanging_types(column_type: Type) -> frozenset[type]:
    """Return the Python types whose values a column holds without a change of its type."""
    members = members_of(column_type)
    simple = [member for member in members if isinstance(member, Simple)]
    python_types = {python_type for member in simple for python_type in _PYTHON_TYPES[member]}
    # A float may be NaN, which is a missing value.
    if NUMBER in members and NONE in members:
        python_types.add(float)
    return frozenset(python_types)


@dataclass(frozen=True)
class List(Type):
    """Lists with elements of one type; `length` is that of the last list, which W&B writes too."""

    name = "list"
    element: Type = field(default_factory=Unknown)
    length: int | None = None

    def widen(self, value: Any) -> Type | None:
        if not isinstance(value, list | tuple | set | frozenset):
            return None
        element = self.element
        for inner in value:
            widened = _widen_inner(element, inner)
            if widened is None:
                return None
            element = widened
        return List(element, len(value))

    def widen_type(self, other: Type) -> Type | None:
        if not isinstance(other, List):
            return None
        unknown = isinstance(other.element, Unknown)
        element = self.element if unknown else _widen_inner_type(self.element, other.element)
        if element is None:
            return None
        return List(element, self.length if self.length == other.length else None)

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        return {"element_type": self.element.to_json(writer), "length": self.length}

    def __str__(self) -> str:
        return f"{self.element}[]"


def _widen_inner(inner: Type, value: Any) -> Type | None:
    """Widen the type of something inside a list or dict, where missing values are always accepted."""
    return optional(inner) if is_missing(value) else inner.widen(value)


def _widen_inner_type(inner: Type, other: Type) -> Type | None:
    return optional(inner) if other == NONE else inner.widen_type(other)


@dataclass(frozen=True)
class TypedDict(Type):
    """Dicts with a type for each key."""

    name = "typedDict"
    items: tuple[tuple[Any, Type], ...] = ()

    def widen(self, value: Any) -> Type | None:
        if not isinstance(value, dict) or value.keys() - dict(self.items).keys():
            return None
        return _typed_dict({key: _widen_inner(inner, value.get(key)) for key, inner in self.items})

    def widen_type(self, other: Type) -> Type | None:
        if not isinstance(other, TypedDict) or dict(other.items).keys() - dict(self.items).keys():
            return None
        theirs = dict(other.items)
        return _typed_dict({key: _widen_inner_type(inner, theirs.get(key, NONE)) for key, inner in self.items})

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        has_strings = any(isinstance(key, str) for key, _ in self.items)
        return {"type_map": {(str(key) if has_strings else key): inner.to_json(writer) for key, inner in self.items}}

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {inner}" for key, inner in self.items) + "}"


def _typed_dict(types: Mapping[Any, Type | None]) -> Type | None:
    """Return the type of dicts with these types of values; None if one of them is None."""
    items = [(key, inner) for key, inner in types.items() if inner is not None]
    return TypedDict(tuple(items)) if len(items) == len(types) else None


@dataclass(frozen=True)
class NDArray(Type):
    """NumPy arrays of one shape. If their values are stored in a file, `path` names it, and `key` the array in it."""

    name = "ndarray"
    shape: tuple[int, ...]
    path: str | None = None
    key: str | None = None

    def widen_type(self, other: Type) -> Type | None:
        return self if isinstance(other, NDArray) and other.shape == self.shape else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        location = {"path": self.path, "key": self.key} if self.path is not None else None
        return {"shape": list(self.shape), "serialization_path": location}

    def __str__(self) -> str:
        return f"Ndarray(shape:{list(self.shape)})"


@dataclass(frozen=True)
class ObjectType(Type):
    """Objects of one log type, such as `audio-file`."""

    log_type: str

    def to_json(self, writer: ObjectWriter | None = None) -> dict[str, Any]:
        return {"wb_type": self.log_type}

    def __str__(self) -> str:
        return self.log_type.capitalize()


def is_missing(value: Any) -> bool:
    """Whether a value is missing: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if type(value) is float:
        return math.isnan(value)
    if type(value).__name__ in ("NaTType", "NAType"):
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind in ("f", "M") and not getattr(value, "ndim", 1) and bool(value != value)


def type_of(value: Any) -> Type:
    """Return the type of one value. A value with a method `cell_type` reports its type itself."""
    if is_missing(value):
        return NONE
    if isinstance(value, bool):
        return BOOLEAN
    cell_type = getattr(value, "cell_type", None)
    if cell_type is not None and not isinstance(value, type):
        reported: Type = cell_type()
        return reported
    if isinstance(value, DataObject):
        return ObjectType(value._log_type)
    if isinstance(value, str):
        return STRING
    if isinstance(value, int | float):
        return NUMBER
    if isinstance(value, date):
        return TIMESTAMP
    if isinstance(value, list | tuple | set | frozenset):
        return _type_of_list(value)
    if isinstance(value, dict):
        return TypedDict(tuple((key, type_of(inner)) for key, inner in value.items()))
    return _type_of_other(value)


def _type_of_list(value: Iterable[Any]) -> Type:
    values = list(value)
    element: Type = Unknown()
    for inner in values:
        element = _widen_inner(element, inner) or Mixed()
    return List(element, len(values))


def _type_of_other(value: Any) -> Type:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if type(value).__module__ == "numpy" and kind is not None:
        if getattr(value, "ndim", 0):
            return NDArray(tuple(value.shape))
        if kind in _NUMPY_KINDS:
            return SIMPLE_TYPES[_NUMPY_KINDS[kind]]
    return PythonObject(type(value).__name__)
