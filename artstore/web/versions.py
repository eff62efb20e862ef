"""The version that an address names."""

from __future__ import annotations

from starlette.requests import Request

from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.store import Store


def find(store: Store, request: Request) -> Version:
    """Return the version that an address names, also a deleted one. Raises `NotFound`."""
    project, name, number = (request.path_params[key] for key in ("project", "name", "number"))
    page = store.pages.versions(name, project=project, beyond=min(number, 2**53) + 1, count=1, deleted=True)
    if not page or (page[0].link or page[0]).number != number:
        raise NotFound(f"{project}/{name} has no version v{number}: the page of {name} lists those there are")
    return page[0]
