"""One store and one server for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.environment import clear_environment
from tests.support.web_pages import CHROMIUM, OPTIONS, Pages, make_zoo, serving


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a store that tests only read."""
    store = tmp_path_factory.mktemp("zoo") / "store"
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        make_zoo(store)
    with serving(store) as pages:
        yield pages


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), "the tests of pages need Debian's chromium: run `make setup` as root"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()
