"""The pages in a browser: what is seen, the keyboard, narrow and dark screens, and that nothing else is loaded."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import artstore
from tests.support.web_pages import AXE, EVERY_PAGE, Pages, serving


@pytest.fixture
def page(browser: Browser, zoo: Pages) -> Iterator[Page]:
    """A page that fails its test if it loads anything from elsewhere or logs an error."""
    context = browser.new_context(base_url=zoo.url, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(zoo.url) else faults.append(request.url))
    yield page
    context.close()
    assert not faults


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_pages_are_accessible_and_fit_narrow_and_dark_screens(page: Page, path: str) -> None:
    page.add_init_script(AXE)
    for scheme, width, ground in (("light", 1400, "rgb(255, 255, 255)"), ("dark", 400, "rgb(20, 23, 26)")):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path)
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        violations = page.evaluate("axe.run()")["violations"]
        assert not [(one["id"], one["nodes"][0]["html"]) for one in violations]
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_runs_are_chosen_and_compared_with_the_keyboard(page: Page) -> None:
    page.goto("/runs?q=job_type%3Dtrain")
    assert page.locator("[data-compare]").is_disabled()
    for key in ("j", "x", "j", "j", "x"):
        page.keyboard.press(key)
    assert page.locator("[data-row] input:checked").count() == 2
    page.keyboard.press("c")
    page.wait_for_url("**/compare/runs?*")
    assert page.locator("thead .run").all_inner_texts() == ["train 7", "train 5"]
    page.go_back()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/zoo/train-7/overview")


def test_places_search_and_help_have_keys(page: Page) -> None:
    page.goto("/")
    for key, address in (("a", "artifacts"), ("r", "runs"), ("l", "lineage"), ("s", "store"), ("h", "")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/{address}")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("checked")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=checked")
    assert page.locator("main").get_by_role("link", name="animals:v1").is_visible()


def test_two_versions_are_compared_from_the_older_to_the_newer(page: Page) -> None:
    page.goto("/artifacts/zoo/animals/versions")
    for box in page.locator("input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Compare two").click()
    page.wait_for_url("**/compare/versions?old=zoo%2Fanimals%3Av0&new=zoo%2Fanimals%3Av1")


def test_a_line_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/artifacts/zoo/animals/v1")
    page.get_by_role("button", name="Copy shell").click()
    assert page.evaluate("navigator.clipboard.readText()") == 'artstore get "zoo/animals:v1"'


def test_stored_html_runs_in_a_sandbox_that_cannot_read_the_page(browser: Browser, zoo: Pages) -> None:
    # Not the page that fails on errors in its console: the refusals are errors there.
    page = browser.new_page(base_url=zoo.url)
    page.goto("/artifacts/zoo/animals/v1/file?path=report.html")
    frame = page.frame_locator("iframe")
    frame.get_by_text("no network").wait_for()
    assert frame.locator("#state").inner_text() == "parent refused"
    # The same file as a page of its own has no more rights.
    page.goto("/artifacts/zoo/animals/v1/sandbox?path=report.html")
    page.get_by_text("no network").wait_for()
    assert page.evaluate("origin") == "null"
    page.close()


def test_the_page_of_a_running_run_follows_it(browser: Browser, tmp_path: Path) -> None:
    run = artstore.init(project="p", id="live", store=tmp_path / "store")
    run.log({"loss": 0.5})
    with serving(tmp_path / "store") as pages:
        page = browser.new_page(base_url=pages.url)
        while "loss" not in pages.get("/runs/p/live/overview").text:
            time.sleep(0.1)
        page.goto("/runs/p/live/overview")
        assert page.locator(".state").first.inner_text() == "running"
        run.log({"accuracy": 0.25})
        page.get_by_text("accuracy").first.wait_for()
        run.finish()
        page.locator(".state.finished").first.wait_for()
        page.close()


def test_lineage_opens_a_cluster_where_it_is_clicked(page: Page) -> None:
    page.goto("/lineage?of=zoo/animals:v1&hops=2")
    page.locator("svg.artstore a", has_text="8 runs").click()
    page.wait_for_url("**open=*")
    assert page.locator("svg.artstore a", has_text="train 3").is_visible()


def test_a_curve_tells_its_values_and_a_drag_chooses_steps(page: Page) -> None:
    page.goto("/runs/zoo/train-3/overview?metric=loss")
    chart = page.locator("svg.curves").first
    box = chart.bounding_box()
    assert box is not None
    left, right, middle = box["x"] + box["width"] * 56 / 520, box["x"] + box["width"] * 510 / 520, box["y"] + 80
    page.mouse.move(left, middle)
    # The first of 30 steps logged 1 / 1 + 3.
    assert page.locator(".readout").inner_text().split() == ["step", "0", "train", "3", "4"]
    page.mouse.move(left + (right - left) * 10 / 29, middle)
    page.mouse.down()
    page.mouse.move(left + (right - left) * 20 / 29, middle, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=*")
    assert page.get_by_text(re.compile(r"Steps (9|10) to (20|21) ")).is_visible()
    page.get_by_role("link", name="all steps").click()
    page.wait_for_url(lambda url: "from=" not in url)


def test_a_box_of_a_lineage_is_chosen_with_the_keyboard_and_described(page: Page) -> None:
    page.goto("/lineage?of=zoo/animals:v1&hops=2")
    page.locator("svg.artstore a", has_text="animals:v1").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.id") == "zoo/clean"
    page.keyboard.press("Enter")
    page.wait_for_url("**at=*")
    panel = page.locator("aside")
    assert panel.get_by_role("heading").inner_text() == "clean"
    assert panel.get_by_role("link", name="Begin here").get_attribute("href") == "/lineage?run=zoo%2Fclean"
    assert page.locator("svg.artstore a.chosen").get_attribute("data-id") == "zoo/clean"


def test_a_lineage_is_zoomed_and_the_address_keeps_it(page: Page) -> None:
    page.goto("/lineage?of=zoo/animals:v1&hops=2")
    drawing = page.locator("svg.artstore")
    before = drawing.bounding_box()
    page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Larger").click()
    after = drawing.bounding_box()
    assert before and after and after["width"] == pytest.approx(before["width"] * 1.25**2, rel=0.01)
    page.reload()
    again = drawing.bounding_box()
    assert again and again["width"] == pytest.approx(after["width"], rel=0.01)
