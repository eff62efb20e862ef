"""The column type that a `dtype` argument declares."""

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
    type_of,
)
from artstore.data_types.data_object import DataObject


def declared_type(dtype: Any) -> Type:
    """Return the column type for a `dtype`: a Python class, a class of objects, a list or dict of them, or a value."""
    if dtype is None:
        return Unknown()
    if isinstance(dtype, Type):
        return dtype
    if isinstance(dtype, type):
        return _type_of_class(dtype)
    if isinstance(dtype, list):
        if len(dtype) > 1:
            return Union.of(declared_type(member) for member in dtype)
        return List(declared_type(dtype[0])) if dtype else List()
    if isinstance(dtype, dict):
        return TypedDict(tuple((key, declared_type(inner)) for key, inner in dtype.items()))
    if isinstance(dtype, DataObject):
        return type_of(dtype)
    return Const(dtype)


def _type_of_class(python_class: type) -> Type:
    if issubclass(python_class, Type):
        return python_class()
    if issubclass(python_class, DataObject):
        return registry.column_type_of(python_class._log_type)
    if issubclass(python_class, bool) or python_class.__name__ == "bool_":
        return BOOLEAN
    if python_class is object:
        return Anything()
    if python_class.__module__ == "numpy":
        return _type_of_numpy_class(python_class.__name__)
    known: tuple[tuple[Any, Type], ...] = (
        (str, STRING),
        ((int, float), NUMBER),
        (date, TIMESTAMP),
        ((list, tuple, set, frozenset), List()),
        (dict, TypedDict()),
        (object, PythonObject(python_class.__name__)),
    )
    return next(column_type for classes, column_type in known if issubclass(python_class, classes))


def _type_of_numpy_class(name: str) -> Type:
    if name.startswith(("int", "uint", "float")):
        return NUMBER
    return TIMESTAMP if name == "datetime64" else PythonObject(name)
