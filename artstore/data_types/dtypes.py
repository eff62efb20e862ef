"""The ways in which a `dtype` can be said."""

from __future__ import annotations

from datetime import date
from typing import Any

from artstore.data_types import registry
from artstore.data_types.column_types import (
    BOOLEAN,
    NUMBER,
    STRING,
    TIMESTAMP,
    Anything,
    Const,
    List,
    PythonObject,
    Type,
    TypedDict,
    Union,
    Unknown,
)
from artstore.data_types.data_object import DataObject


def of_dtype(given: Any) -> Type:
    """The type that a `dtype` stands for: a Python class, a class of objects, a list or dict of them, or a value."""
    if given is None:
        return Unknown()
    if isinstance(given, Type):
        return given
    if isinstance(given, type):
        return _of_class(given)
    if isinstance(given, list):
        if len(given) > 1:
            return Union.of(of_dtype(each) for each in given)
        return List(of_dtype(given[0])) if given else List()
    if isinstance(given, dict):
        return TypedDict(tuple((key, of_dtype(each)) for key, each in given.items()))
    if isinstance(given, DataObject):
        return given.cell_type()
    return Const(given)


def _of_class(given: type) -> Type:
    if issubclass(given, Type):
        return given()
    if issubclass(given, DataObject):
        return registry.column_type_of(given._log_type)
    if issubclass(given, bool) or given.__name__ == "bool_":
        return BOOLEAN
    known: tuple[tuple[Any, Type], ...] = (
        (str, STRING),
        ((int, float), NUMBER),
        (date, TIMESTAMP),
        ((list, tuple, set, frozenset), List()),
        (dict, TypedDict()),
        (object, PythonObject(given.__name__)),
    )
    if given is object:
        return Anything()
    if given.__module__ == "numpy":
        number = given.__name__.startswith(("int", "uint", "float"))
        return NUMBER if number else TIMESTAMP if given.__name__ == "datetime64" else PythonObject(given.__name__)
    return next(found for classes, found in known if issubclass(given, classes))
