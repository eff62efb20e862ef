"""Arguments of public calls: what Python or a library raises about a wrong one becomes an error that names it.

Arguments are looked at only after something else than an `ArtstoreError` was raised, so that a call costs the same
while all is right. If they are as the signature says, the exception passes: it is that of a callback, or a fault.
"""

from __future__ import annotations

import builtins
import errno
import functools
import inspect
import itertools
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, TypeAlias, TypeVar, cast

from artstore.errors import ArtstoreError, InvalidInput, WrongValue

T = TypeVar("T")
FindFault: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Exception], "InvalidInput | None"]
"""What finds the wrong argument of a call that raised something."""
_OPERATORS = {"__init__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__next__"}
_OF_THE_SYSTEM = (OSError, MemoryError, ImportError)
_DEEPEST = 100
_LONGEST_NAME = 255
_LONGEST_PATH = 4_095
_LARGEST = 2**63
"""The integers below this are those that SQLite can hold."""
_INTEGER = re.compile(r"\bint\b")
_LAZY = (types.GeneratorType, itertools.chain)
"""The types of results that raise what is wrong only when they are used."""


def checked(public: T) -> T:
    """Decorate a public function, or a class with public methods, so that foreign exceptions name a wrong argument.

    Raises `WrongValue` for an argument of another type than annotated, and `InvalidInput` for text that is not UTF-8 or
    contains NUL, for numbers beyond 64 bits, for names that are too long, and for values nested too deeply.
    """
    return _decorated(public, _fault_of)


def checked_values(public: T) -> T:
    """Decorate a function or class that turns values of any type into something, and calls no callback.

    As `checked`, and where no single argument is wrong, `InvalidInput` says what a library said about all of them.
    """
    return _decorated(public, _fault_of_all)


def _decorated(public: T, find: FindFault) -> T:
    if not isinstance(public, type):
        return cast(T, _guard(cast(Callable[..., Any], public), find))
    for name, member in list(vars(public).items()):
        if name.startswith("_") and name not in _OPERATORS:
            continue
        if isinstance(member, types.FunctionType):
            setattr(public, name, _guard(member, find if name == "__init__" else _fault_of))
        elif isinstance(member, classmethod | staticmethod):
            setattr(public, name, type(member)(_guard(member.__func__, find)))
        elif isinstance(member, property) and member.fset is not None:
            setattr(public, name, member.setter(_guard(member.fset, _fault_of)))
    return public


def _guard(function: Callable[..., Any], find: FindFault) -> Callable[..., Any]:
    takes_integers = any(_INTEGER.search(str(hint)) for hint in _hints_of_arguments(function))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if takes_integers and "numpy" in sys.modules:
            args, kwargs = plain_numbers(args), plain_numbers(kwargs)
        try:
            result = function(*args, **kwargs)
        except (ArtstoreError, StopIteration):
            raise
        except Exception as error:
            if not (isinstance(error, LookupError) and function.__name__ == "__getitem__"):
                _raise(find(function, args, kwargs, error), error)
            raise
        if type(result) in _LAZY:
            return _guarded_steps(result, lambda error: find(function, args, kwargs, error))
        return result

    return call


def _hints_of_arguments(function: Callable[..., Any]) -> list[Any]:
    hints = getattr(function, "__annotations__", {})
    return [hint for name, hint in hints.items() if name != "return"]


def plain_numbers(values: Iterable[Any] | Mapping[str, Any]) -> Any:
    """Return values with numbers of NumPy as numbers of Python, as a tuple, or as a dict if they have names.

    sqlite3 takes NumPy's numbers for bytes, which SQLite calls greater than any number.
    """
    if isinstance(values, Mapping):
        return {name: _plain_number(value) for name, value in values.items()}
    return tuple(map(_plain_number, values))


def _plain_number(value: Any) -> Any:
    if type(value).__module__ != "numpy":
        return value
    numpy = sys.modules["numpy"]
    is_number = isinstance(value, numpy.number) and not isinstance(value, numpy.timedelta64)
    return value.item() if is_number else value


def _guarded_steps(steps: Iterator[Any], find: Callable[[Exception], InvalidInput | None]) -> Iterator[Any]:
    try:
        yield from steps
    except ArtstoreError:
        raise
    except Exception as error:
        _raise(find(error), error)
        raise


def _raise(fault: InvalidInput | None, error: Exception) -> None:
    """Raise the error for a wrong argument, if one was found."""
    if fault is not None:
        try:
            raise fault from error
        finally:
            # Otherwise the error and this frame would keep each other, and all that the call had open, in memory.
            del fault


def _fault_of_all(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
) -> InvalidInput | None:
    fault = _fault_of(function, args, kwargs, error)
    if fault is not None or isinstance(error, _OF_THE_SYSTEM) or not _can_be_bound(function, args, kwargs):
        return fault
    name = type(args[0]).__name__ if function.__name__ == "__init__" else function.__name__
    return WrongValue(f"{name} cannot use what it was given: {type(error).__name__}: {error}")


def _can_be_bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _fault_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
) -> InvalidInput | None:
    """Return the error for the first argument that is wrong; None if all are as the signature says."""
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return None
    names = _Names(getattr(inspect.unwrap(function), "__globals__", {}))
    if args:
        names["Self"] = args[0] if isinstance(args[0], type) else type(args[0])
    label_of = getattr(args[0], "__class__", type).__name__ if function.__name__ == "__init__" else function.__name__
    for name, value in given.items():
        if name in ("self", "cls"):
            continue
        parameter = signature.parameters[name]
        hint = names.resolve(parameter.annotation)
        if parameter.kind == parameter.VAR_POSITIONAL:
            arguments = [(name, item, hint) for item in value]
        elif parameter.kind == parameter.VAR_KEYWORD:
            arguments = [(key, item, _hint_of_option(hint, key)) for key, item in value.items()]
        else:
            arguments = [(name, value, hint)]
        for label, item, wanted in arguments:
            call = f"{label_of}(): {label}"
            if not _fits(item, wanted):
                return WrongValue(f"{call} must be {_in_words(wanted)}, not {_kind_of(item)}")
            oddity = _oddity(item, too_long=isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG)
            if oddity:
                return InvalidInput(f"{call} {oddity}")
    return None


class _Names(dict[str, Any]):
    """The names in annotations of a module; those imported for type checkers only mean anything."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)

    def resolve(self, annotation: Any) -> Any:
        """Return the type that an annotation means; `Any` if it is not known when the program runs."""
        if not isinstance(annotation, str):
            return Any if annotation is inspect.Parameter.empty else annotation
        try:
            return eval(annotation, {}, self)
        except TypeError:
            return Any


def _hint_of_option(hint: Any, name: str) -> Any:
    if typing.get_origin(hint) is typing.Unpack:
        options = typing.get_args(hint)[0]
        return _Names(vars(inspect.getmodule(options))).resolve(_text(options.__annotations__.get(name, Any)))
    return hint


def _text(annotation: Any) -> Any:
    return annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else annotation


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type, as far as that can be seen without using it up."""
    if hint is None or hint is type(None):
        return value is None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is typing.Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin is not None:
        return _fits(value, origin) and _contents_fit(value, origin, inner)
    if not isinstance(hint, type) or hint is Any or typing.is_typeddict(hint):
        return True
    if hint is float:
        return isinstance(value, int | float)
    if hint is bool:
        return isinstance(value, int) or type(value).__name__ in ("bool", "bool_")
    if getattr(hint, "_is_protocol", False) and hint.__module__.startswith("artstore"):
        return all(hasattr(value, name) for name in vars(hint) if not name.startswith("_"))
    return isinstance(value, hint)


def _contents_fit(value: Any, kind: Any, inner: tuple[Any, ...]) -> bool:
    """Whether the items of a collection are of the types in its brackets; those of an iterator are not known."""
    if isinstance(value, Mapping) and len(inner) == 2:
        return all(_fits(key, inner[0]) and _fits(item, inner[1]) for key, item in value.items())
    if isinstance(value, Mapping) and len(inner) == 1:
        return all(_fits(key, inner[0]) for key in value)
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if isinstance(value, str | bytes | bytearray):
        # These are collections of strings or of integers, and of nothing else, also when they are empty.
        return not inner or _fits(value if isinstance(value, str) else 0, inner[0])
    if isinstance(value, Collection) and inner and not isinstance(inner[0], list):
        return all(_fits(item, inner[0]) for item in value)
    return True


_WORDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "True or False",
    bytes: "bytes",
    type(None): "None",
    os.PathLike: "a path",
    Callable: "a function",
    Mapping: "a dict",
    dict: "a dict",
}


def _in_words(hint: Any) -> str:
    """Return an annotated type in the words of an error: `a string or None`, `a list of strings`."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_in_words, inner)))
    if origin is typing.Literal:
        return " or ".join(map(repr, inner))
    kind = hint if origin is None else origin
    if kind in _WORDS:
        return _WORDS[kind]
    if kind is not str and isinstance(kind, type) and issubclass(kind, Iterable) and inner:
        return f"a list of {_in_words(inner[0]).removeprefix('a ').removeprefix('an ')}s"
    name = getattr(kind, "__name__", str(kind))
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _kind_of(value: Any) -> str:
    """Return the type of a value: `int`, `list of int and str`."""
    kind = type(value).__name__
    if isinstance(value, list | tuple | set | frozenset) and value:
        return f"{kind} of {' and '.join(sorted({type(item).__name__ for item in value}))}"
    return kind


def _oddity(value: Any, depth: int = 0, *, too_long: bool) -> str | None:
    """Return what no store, file system or encoding takes of a value of the right type, or of what it contains."""
    if depth > _DEEPEST:
        return f"is nested more than {_DEEPEST} levels deep"
    if isinstance(value, str | PurePath):
        return _oddity_of_text(str(value), too_long=too_long)
    if isinstance(value, int):
        return None if -_LARGEST <= value < _LARGEST else "is beyond 64 bits"
    if isinstance(value, float):
        return None if abs(value) < float("inf") else "is not a finite number"
    if isinstance(value, Mapping):
        inner: Iterable[Any] = [part for item in value.items() for part in item]
    elif isinstance(value, Collection) and isinstance(value, list | tuple | set | frozenset):
        inner = value
    else:
        return None
    return next((found for item in inner if (found := _oddity(item, depth + 1, too_long=too_long))), None)


def _oddity_of_text(text: str, *, too_long: bool) -> str | None:
    if "\0" in text:
        return "contains NUL"
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return "is not UTF-8 text"
    if too_long and (len(data) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in data.split(b"/"))):
        return f"is too long: a name has at most {_LONGEST_NAME} bytes, and a path {_LONGEST_PATH}"
    return None
