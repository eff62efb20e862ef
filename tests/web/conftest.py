"""One store and one server for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.environment import clear_environment
from tests.support.web_pages import Pages, make_zoo, serving


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a store that tests only read."""
    store = tmp_path_factory.mktemp("zoo") / "store"
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        make_zoo(store)
    with serving(store) as pages:
        yield pages
