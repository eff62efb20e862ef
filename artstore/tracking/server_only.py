"""Stand for the names of W&B that need its server: each says so when it is used, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from artstore.errors import UnsupportedError

Class = TypeVar("Class", bound=type)
_ONE_OWNER = "a store has one owner; who may read its folder is decided by the file system"
_NO_ACTIONS = "let the program that logs an artifact begin what follows"
_INSTEAD = {
    "controller": "start the runs of a sweep with wandb.agent",
    "EvalTable": "log a Table",
    "Graph": "log a picture of the model",
    "automation": _NO_ACTIONS,
    "create_automation": _NO_ACTIONS,
    "create_run": "begin it with init, which may have an id and a project",
    "create": "begin it with init, which may have an id and a project",
    "create_team": _ONE_OWNER,
    "create_user": _ONE_OWNER,
    "download_history_exports": "read the history with scan_history",
    "members": _ONE_OWNER,
    "organization": _ONE_OWNER,
    "stop": "end its process, as with os.kill",
    "team": _ONE_OWNER,
    "user": _ONE_OWNER,
    "users": _ONE_OWNER,
    "attach": "pass the id of the run to another process, and begin it there with init(id=..., resume='allow')",
    "profiler": "log the file of a profile with run.save",
}
_GENERAL = "leave the call out, or run this program with wandb itself"


class ServerOnly:
    """A name of W&B that artstore does not have: using it raises `UnsupportedError`, which says what to do instead."""

    def __init__(self, name: str) -> None:
        self.__name__ = name.rpartition(".")[2]
        self.__qualname__ = name

    def __call__(self, *arguments: Any, **more: Any) -> NoReturn:
        raise self.error()

    def __getattr__(self, name: str) -> Any:
        # Libraries look for attributes such as `__wrapped__` in everything.
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(str(self.error()))

    @property
    def instead(self) -> str:
        """The advice of the error: something else to do."""
        return _INSTEAD.get(self.__name__, _GENERAL)

    def error(self) -> UnsupportedError:
        """Return the error that says what to do instead."""
        what = "needs W&B's server, or is a part of W&B that artstore does not have"
        return UnsupportedError(f"wandb.{self.__qualname__} {what}: {self.instead}")

    def __repr__(self) -> str:
        return f"<wandb.{self.__qualname__}, which artstore does not have>"


def server_only(names: str) -> Callable[[Class], Class]:
    """Give a class these names of W&B, which stand for what needs its server."""

    def give(kind: Class) -> Class:
        for name in names.split():
            setattr(kind, name, ServerOnly(f"{kind.__name__.removeprefix('Public')}.{name}"))
        return kind

    return give


eval_table, graph = ServerOnly("EvalTable"), ServerOnly("Graph")
