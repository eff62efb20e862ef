"""W&B's settings of a run."""

from __future__ import annotations

from typing import Any


class Settings:
    """W&B's settings of a run, which `init` takes: those that have a meaning here are used.

    >>> artstore.init(settings=artstore.Settings(project="animals", run_group="night-17"))
    """

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None
