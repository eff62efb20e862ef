"""Take the pictures of pages that stand in docs/ui.md: `make screenshots`."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright

import artstore
from tests.support.showcase import make_showcase
from tests.support.web_pages import CHROMIUM, OPTIONS, Pages, serving

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
PAGES = {
    "runs": "/runs?q=job_type%3Dtrain&order=-summary.accuracy",
    "sweep": "/runs?q=job_type%3Dtrain&view=parallel&by=summary.accuracy",
    "curves": "/runs?q=job_type%3Dtrain&order=-summary.accuracy&view=curves&metric=acc&smooth=40",
    "compare": "/compare/runs?{compared}",
    "version": "/artifacts/birds/photos/v2",
    "table": "/artifacts/birds/predictions/v0/file?path=guesses.table.json",
    "lineage": "/lineage?of=birds/predictions:v0&at=birds/predictions:v0",
    "lineage-dark": "/lineage?of=birds/predictions:v0&at=birds/predictions:v0",
}
_COLOURS = 256
"""A page has few colours: a picture with a palette takes half of the bytes."""


def take(store: Path, folder: Path) -> None:
    """Write one picture for each page."""
    folder.mkdir(exist_ok=True)
    with serving(store) as pages, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(base_url=pages.url, viewport={"width": 1280, "height": 760})
        for name, path in PAGES.items():
            page.emulate_media(color_scheme="dark" if name.endswith("dark") else "light")
            page.goto(path.format(compared=_best_two(pages)))
            # Where the store lay is not worth a line in a picture.
            page.evaluate("document.querySelector('footer .path').textContent = ''")
            page.wait_for_load_state("networkidle")
            with PIL.Image.open(io.BytesIO(page.screenshot())) as picture:
                picture.convert("RGB").quantize(_COLOURS).save(folder / f"{name}.png", optimize=True)
        browser.close()


def _best_two(pages: Pages) -> str:
    runs = pages.json(PAGES["runs"])["runs"][:2]
    return "&".join(f"run={run['path']}" for run in runs)


def main() -> None:
    """Make the store, and take the pictures of it."""
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary, "team", ".artstore")
        artstore.Store.init(store).close()
        make_showcase(store)
        take(store, PICTURES)


if __name__ == "__main__":
    main()
