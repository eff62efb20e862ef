"""Pages as plain data, which a template shows and `.json` returns."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request

from artstore.errors import InvalidInput
from artstore.web import links

Choice = TypeVar("Choice", bound=str)


class Page(NamedTuple):
    """A page: its template, its title, and everything that it shows."""

    template: str
    title: str
    data: dict[str, Any]


class Query:
    """The parameters of a request, checked."""

    def __init__(self, request: Request) -> None:
        self.path = request.url.path.removesuffix(".json")
        self.pairs = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]

    def text(self, key: str, default: str = "") -> str:
        """Return the last value of a parameter."""
        return next((value for name, value in reversed(self.pairs) if name == key), default)

    def every(self, key: str) -> list[str]:
        """Return all values of a parameter, each once."""
        return list(dict.fromkeys(value for name, value in self.pairs if name == key and value))

    def number(self, key: str, default: int, *, least: int = 0, most: int = 2**53) -> int:
        """Return a whole number. Raises `InvalidInput`."""
        given = self.text(key)
        if not given:
            return default
        if not (given.isascii() and given.isdigit() and len(given) < 18 and least <= int(given) <= most):
            raise InvalidInput(f"{key}={given!r} in the address is not a whole number from {least} to {most}")
        return int(given)

    def one_of(self, key: str, choices: tuple[Choice, ...]) -> Choice:
        """Return a value among choices, of which the first is the default. Raises `InvalidInput`."""
        given = self.text(key, choices[0])
        for choice in choices:
            if choice == given:
                return choice
        raise InvalidInput(f"{key}={given!r} in the address is not one of {', '.join(choices)}")

    def changed(self, **changes: Any) -> str:
        """Return the address of this page with parameters changed."""
        return links.changed(self.path, self.pairs, **changes)
