"""Pages with `--write`: what their forms change, and who may send them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser

import artstore
from artstore import Artifact, Store
from tests.support.web_pages import Answer, Pages, serving

V0, V1 = "/artifacts/zoo/animals/v0", "/artifacts/zoo/animals/v1"
LINK = "/artifacts/wandb-registry-model/animals/v0"


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[tuple[Pages, str]]:
    """Pages that may change their store, which has two versions and a link with an alias, and the token."""
    store = tmp_path / "store"
    with artstore.init(project="zoo", store=store) as run:
        for number in range(2):
            artifact = Artifact("animals", "dataset")
            with artifact.new_file("a.txt") as file:
                file.write(f"{number}" * 1000)
            run.log_artifact(artifact).wait()
    artstore.Api(store=store).artifact("zoo/animals:v1").link("wandb-registry-model/animals", aliases=["production"])
    with serving(store, "--write") as pages:
        parts = urlsplit(pages.url)
        token = parts.query.removeprefix("token=")
        yield Pages(f"http://{parts.netloc}", store), token


def post(
    writing: tuple[Pages, str], path: str, *, origin: str | None = "", token: str | None = "", **fields: str
) -> Answer:
    """Send a form as a browser does that shows our page."""
    pages, own_token = writing
    headers = {"Content_Type": "application/x-www-form-urlencoded"}
    if origin is not None:
        headers["Origin"] = origin or pages.url
    if token is not None:
        headers["Cookie"] = f"artstore_token={token or own_token}"
    return pages.get(path, method="POST", body=urlencode(fields), **headers)


def test_labels_and_descriptions_are_changed(writing: tuple[Pages, str]) -> None:
    answer = post(writing, f"{V0}/edit", add_alias="best", add_tag="checked")
    assert (answer.status, answer.headers["Location"]) == (303, V0)
    assert post(writing, f"{V0}/edit", description="two\r\nlines").status == 303
    assert post(writing, "/artifacts/zoo/animals/edit", description="all animals").status == 303
    with Store.open(writing[0].store) as store:
        version = store.version("zoo/animals:best")
        assert (version.number, version.tags, version.description) == (0, ("checked",), "two\nlines")
        assert store.collection("animals", project="zoo").description == "all animals"
    assert post(writing, f"{V0}/edit", remove_alias="best", remove_tag="checked", description="").status == 303
    with Store.open(writing[0].store) as store:
        version = store.version("zoo/animals:v0")
        assert (version.aliases, version.tags, version.description) == ((), (), None)


def test_an_alias_of_a_registry_moves(writing: tuple[Pages, str]) -> None:
    assert post(writing, f"{LINK}/edit", remove_alias="production", add_alias="staging").status == 303
    with Store.open(writing[0].store) as store:
        assert "staging" in store.version("wandb-registry-model/animals:v0").link.aliases  # type: ignore[union-attr]


def test_a_deletion_is_shown_before_it_is_made(writing: tuple[Pages, str]) -> None:
    pages, token = writing
    cookie = {"Cookie": f"artstore_token={token}"}
    refused = pages.get(f"{V1}/delete.json", **cookie).json
    assert "latest" in refused["refused"]
    assert post(writing, f"{V1}/delete").status == 409
    plan = pages.get(f"{V1}/delete.json?aliases=1", **cookie).json
    assert (plan["count"], plan["frees"]) == (1, 1000)
    assert [link["aliases"] for link in plan["links_gone"]] == [["latest", "production"]]
    gone = post(writing, f"{V1}/delete", aliases="1", plan=plan["plan"])
    assert (gone.status, gone.headers["Location"]) == (303, "/artifacts/zoo/animals/versions")
    with Store.open(pages.store) as store:
        assert [version.number for version in store.versions("animals", project="zoo")] == [0]


def test_a_link_is_removed_without_its_version(writing: tuple[Pages, str]) -> None:
    plan = writing[0].get(f"{LINK}/delete.json", Cookie=f"artstore_token={writing[1]}").json
    assert post(writing, f"{LINK}/delete", plan=plan["plan"]).status == 303
    with Store.open(writing[0].store) as store:
        assert store.version("zoo/animals:v1").state == "committed"
        assert not store.links(store.version("zoo/animals:v1"))


def test_a_collection_is_deleted(writing: tuple[Pages, str]) -> None:
    plan = writing[0].get("/artifacts/zoo/animals/delete.json", Cookie=f"artstore_token={writing[1]}").json
    assert (plan["count"], plan["frees"]) == (2, 2000)
    assert post(writing, "/artifacts/zoo/animals/delete", plan=plan["plan"]).status == 303
    with Store.open(writing[0].store) as store:
        assert not list(store.versions("animals", project="zoo"))


@pytest.mark.parametrize(("place", "asked"), [("/artifacts/zoo/animals", ""), (V1, "?aliases=1")])
def test_only_what_a_page_has_shown_is_deleted(writing: tuple[Pages, str], place: str, asked: str) -> None:
    plan = writing[0].get(f"{place}/delete.json{asked}", Cookie=f"artstore_token={writing[1]}").json
    with Store.open(writing[0].store) as store:
        store.describe(store.version("zoo/animals:v1"), add_aliases=["best"])
        draft = store.draft("animals", project="zoo")
        store.add_bytes(draft, b"committed meanwhile", "a.txt")
        store.commit(draft)
    answer = post(writing, f"{place}/delete", aliases="1", plan=plan["plan"])
    assert answer.status == 400
    assert "changed since the page showed it" in answer.text
    with Store.open(writing[0].store) as store:
        assert [version.number for version in store.versions("animals", project="zoo")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("origin", "token", "status"),
    [
        (None, "", 403),
        ("http://evil.example", "", 403),
        ("null", "", 403),
        ("http://[", "", 403),
        ("", None, 401),
        ("", "wrong", 401),
    ],
)
def test_a_change_needs_our_own_page_and_the_token(
    writing: tuple[Pages, str], origin: str | None, token: str | None, status: int
) -> None:
    assert post(writing, f"{V0}/edit", origin=origin, token=token, add_alias="stolen").status == status
    with Store.open(writing[0].store) as store:
        assert store.version("zoo/animals:v0").aliases == ()


def test_pages_without_write_change_nothing(zoo: Pages) -> None:
    answer = zoo.get(f"{V0}/edit", method="POST", Origin=zoo.url.rstrip("/"), Content_Length="0")
    assert answer.status == 405
    assert zoo.get(f"{V0}/delete").status == 404
    assert "Change it" not in zoo.get(V0).text


def test_wrong_forms_are_answered(writing: tuple[Pages, str]) -> None:
    assert post(writing, f"{V0}/edit", add_alias="v7").status == 400
    assert post(writing, f"{V0}/edit", add_alias="a/b").status == 400
    assert post(writing, f"{V0}/edit", description="x" * 2_000_000).status == 400
    assert post(writing, "/artifacts/zoo/animals/v9/edit", add_alias="x").status == 404


def test_a_version_is_labelled_and_deleted_in_a_browser(browser: Browser, writing: tuple[Pages, str]) -> None:
    pages, token = writing
    page = browser.new_page(base_url=pages.url)
    page.goto(f"/?token={token}")
    page.goto(V0)
    page.get_by_text("Change it").click()
    page.get_by_label("Add alias").fill("best")
    page.get_by_role("button", name="Add").click()
    page.locator(".chip", has_text="best").wait_for()
    page.get_by_text("Change it").click()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("alert").get_by_text("best").wait_for()
    page.get_by_role("link", name="Show with its aliases").click()
    page.get_by_text(re.compile("Deleting 1 version frees")).wait_for()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/versions")
    assert page.locator("tr[data-row]").count() == 1
    page.close()
