"""Wrong arguments of public calls: the message names the call, the argument, what was expected, and what came."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import artstore
from artstore.errors import InvalidInput, WrongValue
from artstore.runtime.arguments import checked, checked_values
from artstore.store import Store


@checked
class Shelf:
    """A public class whose methods fail in the ways that Python and libraries do."""

    def __init__(self, name: str, size: int | None = None) -> None:
        self.first = name[0].upper()
        self.limit = (size or 0) + 1

    def put(self, name: str, *labels: str, at: Literal["left", "right"] = "left", **more: int) -> str:
        return "".join(
            [name.upper(), *map(str.upper, labels), at.strip(), *(chr(97 + value) for value in more.values())]
        )

    def each(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield name.upper()

    def is_among(self, names: Collection[str]) -> bool:
        return self.first in names

    def call(self, function: Callable[[], Any]) -> Any:
        return function()

    def open(self, path: str) -> str:
        return Path(path).read_text()

    def encode(self, value: Any) -> bytes:
        return (value if isinstance(value, str) else str(value[0]["a"])).encode()

    @property
    def title(self) -> str:
        return self.first

    @title.setter
    def title(self, title: str) -> None:
        self.first = title[0].upper()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda shelf: type(shelf)(3), "Shelf(): name must be a string, not int"),
        (lambda shelf: type(shelf)("a", "b"), "Shelf(): size must be an integer or None, not str"),
        (lambda shelf: shelf.put(None), "put(): name must be a string, not NoneType"),
        (lambda shelf: shelf.put("a", b"x"), "put(): labels must be a string, not bytes"),
        (lambda shelf: shelf.put("a", at=1), "put(): at must be 'left' or 'right', not int"),
        (lambda shelf: shelf.put("a", n="x"), "put(): n must be an integer, not str"),
        (lambda shelf: shelf.is_among(b""), "is_among(): names must be a list of strings, not bytes"),
        (lambda shelf: shelf.call(3), "call(): function must be a function, not int"),
        (lambda shelf: list(shelf.each([1])), "each(): names must be a list of strings, not list of int"),
        (lambda shelf: list(shelf.each(1)), "each(): names must be a list of strings, not int"),
        (lambda shelf: setattr(shelf, "title", 4), "title(): title must be a string, not int"),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(call: Callable[[Shelf], object], message: str) -> None:
    with pytest.raises(WrongValue, match=f"^{re.escape(message)}$") as raised:
        call(Shelf("a"))
    assert isinstance(raised.value, TypeError) and isinstance(raised.value, ValueError)
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda shelf: shelf.open("a\0b"), "open(): path contains NUL"),
        (lambda shelf: shelf.open("x" * 300), "open(): path is too long: a name has at most 255 bytes"),
        (lambda shelf: shelf.encode("\ud800"), "encode(): value is not UTF-8 text"),
        (lambda shelf: shelf.encode([{"a": "\ud800"}]), "encode(): value is not UTF-8 text"),
    ],
)
def test_what_no_encoding_or_file_system_takes_is_named(call: Callable[[Shelf], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{re.escape(message)}"):
        call(Shelf("a"))


def test_the_exception_of_a_callback_passes() -> None:
    with pytest.raises(ZeroDivisionError):
        Shelf("a").call(lambda: 1 / 0)


def test_a_fault_passes_if_the_arguments_are_right() -> None:
    with pytest.raises(FileNotFoundError):
        Shelf("a").open("nowhere")


def test_python_says_what_is_wrong_with_the_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument") as raised:
        Shelf("a").put()  # type: ignore[call-arg]
    assert not isinstance(raised.value, WrongValue)


def test_what_a_library_says_is_passed_on_where_any_value_is_taken() -> None:
    @checked_values
    def picture(values: Any) -> float:
        return float(values)

    with pytest.raises(
        WrongValue, match=r"^picture cannot use what it was given: ValueError: could not convert string"
    ):
        picture("x")


def test_an_error_keeps_nothing_in_memory() -> None:
    class Large:
        """What a call had open."""

    def fail() -> weakref.ref[Large]:
        large = Large()
        with pytest.raises(WrongValue):
            Shelf(large)  # type: ignore[arg-type]
        return weakref.ref(large)

    gc.disable()
    try:
        assert fail()() is None
    finally:
        gc.enable()


def test_the_message_of_an_error_can_always_be_printed(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store, pytest.raises(artstore.ArtstoreError) as raised:
        store.version("caf\udce9")
    assert str(raised.value).encode()


@pytest.mark.parametrize("number", [2, 2.0, "2", None, b"2"])
def test_a_run_that_does_not_exist_is_refused_before_anything_is_stored(tmp_path: Path, number: Any) -> None:
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        expected = (
            "no run has the number 2" if number == 2 and isinstance(number, int) else "number of a run is an integer"
        )
        if number is None:
            assert store.commit(draft, run=number).name == "animals:v0"
            return
        with pytest.raises(artstore.ArtstoreError, match=expected):
            store.commit(draft, run=number)
        assert not list(store.collections())


@pytest.mark.parametrize("names", [(), ("a", "b"), ["a"]])
def test_a_tuple_is_a_list_of_strings_like_any_other(names: tuple[str, ...] | list[str]) -> None:
    @checked
    def listen(names: Iterable[str], tell: Callable[[], None]) -> None:
        tell()

    def tell() -> None:
        raise RuntimeError("the fault of the callback")

    with pytest.raises(RuntimeError, match="the fault of the callback"):
        listen(names, tell)


def test_integers_of_numpy_are_integers(tmp_path: Path) -> None:
    """Given to sqlite3 as they are, they are bytes, which are more than any number: a walk would go on for ever."""
    one: Any = np.int64(1)
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("data", "dataset")
        store.add_bytes(draft, b"x", "x")
        store.commit(draft)
        expected = store.lineage("data:v0", depth=1).to_mermaid()
        assert store.lineage("data:v0", depth=one).to_mermaid() == expected
        assert store.lineage("data:v0", "both", one).to_mermaid() == expected
        with pytest.raises(InvalidInput, match="depth must be 0 or more hops, not -1"):
            store.lineage("data:v0", depth=-one)
        assert store.sql("select typeof(?) as kind, ? > 2 as greater", (one, one)) == [
            {"kind": "integer", "greater": 0}
        ]
        assert store.sql("select typeof(:x) as kind", {"x": np.float32(0.5)}) == [{"kind": "real"}]
