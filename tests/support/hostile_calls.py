"""Calls with hostile arguments: every public call that can be found, good arguments for it, and those that are not.

It shares no code with what it attacks: good arguments are chosen by the names of parameters, and hostile ones come from
a list. Nothing in the list names a place outside the working folder, which is a temporary one.
"""

from __future__ import annotations

import inspect
import itertools
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import artstore
from artstore.errors import ArtstoreError
from artstore.store import Store
from tests.support.attacked_scene import GOOD_OF, TAKE_RECORDS, TARGETS, Scene, make
from tests.support.public_calls import has_methods, methods_of, parameters, public_roots

_SECONDS = 10
"""The longest that a call may take."""


class Odd:
    """An object that nothing knows what to do with."""

    def __repr__(self) -> str:
        return "Odd()"


class Hung(BaseException):
    """A call took too long."""


def deep(levels: int) -> list[Any]:
    """Return lists in each other."""
    inner: list[Any] = []
    for _ in range(levels):
        inner = [inner]
    return inner


HOSTILE: list[Any] = [
    *("", "\0", "a\0b", "\ud800", "caf\udce9", "x" * 300, "x" * 5000, "é" * 100, " ", "\n", "\x1b[2J", "a/b", "a:b"),
    *("..", "../x", "a/../..", "%00", "*", "[", "x\\y", "v0", "latest", "s3://", "http://[", "x://y", "file://", "{}"),
    *("name:", ":", "a:b:c", "a/b/c/d/e", "entity/project/name:v99999999999", "v" + "9" * 30, "id", "ｖ0", "a b"),
    *("A" * 128, "1e999", "+", "-", "+created_at", "-nothing", "http://[::1", "s3://b/k?versionId=\0", "file://\0"),
    *(None, True, 0, -1, 1, 3, 2**31, 2**63, -(2**63) - 1, 10**400, 1 << 62),
    *(0.5, float("nan"), float("inf"), -1e308, -0.0, 1j, np.int64(3), np.float32("nan"), np.zeros(3), np.zeros((0, 2))),
    *(b"", b"bytes", bytearray(b"x"), memoryview(b"x"), (), [], {}, set(), [None], ["\ud800"], ["\0"], [1], [b"x"]),
    *({"a": 1}, {1: 2}, {"\ud800": "\0"}, {"$and": 1}, {"$or": [1]}, {"name": {"$regex": "("}}, {"x": {"$gt": {}}}),
    *({"a": float("nan")}, {"a": b"x"}, {"a": 2**70}, deep(200), {"a": deep(5000)}, [["a", "b"], [1]], [[object()]]),
    *(["a", "a"], object(), Odd(), Odd, len, range(3), NotImplemented),
    *(timedelta(0), timedelta(days=-1), timedelta.max, Path("x"), Path("\0"), Path("a/../../b"), Path("\ud800")),
]
"""Arguments of wrong types and values, whatever the parameter is."""


NOT_CALLED = {
    "as_wandb": "it changes what `import wandb` means for the whole process",
    "Algorithm": "drivers hash each block with it",
    "Driver": "a base class, as the next two: its subclasses are what is called",
    "DataObject": "see Driver",
    "Media": "see Driver",
    "PublicRun.wait_until_finished": "it waits for as long as it is told to",
    "Runs.begin": "its number of a process is believed: it is what makes a run one of this process",
}


@dataclass(frozen=True)
class Call:
    """A public call: of a function or class, or of a method or setter of an object. `parameter` is what is attacked."""

    target: str
    method: str
    parameter: str
    takes_function: bool = False
    """Whether the argument is a function of the caller, whose exceptions are the caller's."""

    def __str__(self) -> str:
        return f"{self.target}.{self.method}({self.parameter})" if self.method else f"{self.target}({self.parameter})"


def public_calls(scene: Scene) -> list[Call]:
    """Return every parameter of every public call."""
    calls: list[Call] = []
    for name, root in public_roots().items():
        calls += _attacks(name, "", root)
    for name in targets():
        target = target_of(scene, name)
        for method in methods_of(type(target)):
            function = None if method.endswith("=") else getattr(target, method)
            calls += _attacks(name, method, function)
    return [call for call in calls if not {call.target, f"{call.target}.{call.method}"} & set(NOT_CALLED)]


def _attacks(target: str, method: str, function: Any) -> Iterator[Call]:
    for parameter in parameters(function):
        yield Call(target, method, parameter.name, "Callable" in str(parameter.annotation))


def targets() -> list[str]:
    """Return the names of the objects whose methods are called: those above, and one of each public constructor."""
    constructors = [name for name, root in public_roots().items() if isinstance(root, type) and has_methods(root)]
    return [*TARGETS, *(name for name in constructors if name not in TARGETS and name not in NOT_CALLED)]


def target_of(scene: Scene, name: str) -> Any:
    """Return the object with a name, made as it should be."""
    return TARGETS[name](scene) if name in TARGETS else _invoke(scene, public_roots()[name], Call(name, "", ""), None)


def perform(scene: Scene, call: Call, value: Any) -> None:
    """Perform a call with a value for the parameter that is attacked, and use what it returns."""
    if not call.method:
        result = _invoke(scene, public_roots()[call.target], call, value)
        _use(scene, result)
        return
    target = target_of(scene, call.target)
    if call.method.endswith("="):
        setattr(target, call.method[:-1], value)
    else:
        _use(scene, _invoke(scene, getattr(target, call.method), call, value))


def _invoke(scene: Scene, function: Any, call: Call, value: Any) -> Any:
    good = {**scene.good, **(GOOD_OF.get(call.target, {}) if not call.method else {})}
    if call.target in TAKE_RECORDS:
        good["run"] = scene.run._record
    positional: list[Any] = []
    named: dict[str, Any] = {}
    own = GOOD_OF.get(call.target, {}) if not call.method else {}
    for parameter in parameters(function):
        if parameter.name == call.parameter:
            given = value
        elif parameter.name in own or parameter.default is inspect.Parameter.empty:
            given = good.get(parameter.name)
        else:
            continue
        if parameter.kind == parameter.VAR_KEYWORD:
            named.update(given if isinstance(given, dict) and all(isinstance(key, str) for key in given) else {})
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            positional.append(given)
        else:
            named[parameter.name] = given
    if any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters(function)):
        before = [parameter.name for parameter in parameters(function) if parameter.name in named]
        return function(*(named.pop(name) for name in before[: _before_star(function)]), *positional, **named)
    return function(*positional, **named)


def _before_star(function: Any) -> int:
    kinds = [parameter.kind for parameter in parameters(function)]
    return kinds.index(inspect.Parameter.VAR_POSITIONAL)


def _use(scene: Scene, result: Any) -> None:
    if isinstance(result, Iterator) or type(result).__name__ == "Listing":
        list(itertools.islice(result, 5))
    elif isinstance(result, Store) and result is not scene.store:
        result.close()
    elif isinstance(result, artstore.Artifact) and not result._version:
        scene.run.log_artifact(result).wait()
    elif hasattr(result, "_log_type") and hasattr(result, "to_json"):
        artifact = artstore.Artifact("made", "dataset")
        artifact.add(result, "thing")
        scene.run.log({"thing": result})
    with suppress(RecursionError):  # the argument itself may be too deep to be shown
        str(result), repr(result)


def foreign(call: Call, error: BaseException) -> str | None:
    """Return what is wrong with an exception that left a call; None if it is one of ours that can be printed."""
    if isinstance(error, ArtstoreError):
        try:
            return None if str(error).encode() else "an error without words"
        except UnicodeEncodeError:
            return f"{type(error).__name__} with a message that cannot be printed"
    if isinstance(error, LookupError) and call.method in ("__getitem__", "__delitem__"):
        return None
    if isinstance(error, TypeError) and "got an unexpected keyword argument" in str(error):
        return None
    if isinstance(error, StopIteration) and call.method in ("next", "__next__"):
        return None
    return f"{type(error).__name__}: {str(error)[:100]!a}"


class Attacker:
    """Performs hostile calls on a scene, and makes another one when a call has closed it or removed a part of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenes = 0
        self.scene = self._make()

    def _make(self) -> Scene:
        earlier = self._place()
        self.scenes += 1
        self._place().mkdir()
        os.chdir(self._place())
        # A call that is given the folder above reads all scenes that lie there.
        shutil.rmtree(earlier, ignore_errors=True)
        return make(self._place())

    def _place(self) -> Path:
        return self.folder / f"scene{self.scenes}"

    def attack(self, call: Call, value: Any) -> str | None:
        """Perform a call with a hostile value; return what came out that should not have."""
        if not self._is_usable(call):
            self.scene.close()
            self.scene = self._make()
        try:
            with _limited_time(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                perform(self.scene, call, value)
        except (Exception, Hung) as error:
            said = foreign(call, error)
            return said and f"{call} with {shown(value)}: {said}"
        return None

    def _is_usable(self, call: Call) -> bool:
        if self.scene.store.closed or artstore.run is not self.scene.run:
            return False
        try:
            return not call.method or target_of(self.scene, call.target) is not None
        except ArtstoreError:
            return False


def shown(value: Any) -> str:
    """Return a value as text, unless it is too deep."""
    try:
        return f"{value!a:.60}"
    except RecursionError:
        return "something deep"


@contextmanager
def _limited_time() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hung(f"took more than {_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
