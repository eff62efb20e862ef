"""The questions of a sweep: which run is best, what differs, which data made it, what is in production."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import artstore
from artstore.web import facts
from tests.support.web_pages import Pages, serving

LINKED = "/artifacts/wandb-registry-model/animal-classifier"
TRAINED = "/runs?q=job_type%3Dtrain"


def heads(pages: Pages, path: str) -> list[str]:
    return [column["key"] for column in pages.json(path)["columns"]]


def test_metrics_stand_before_the_config_and_the_column_that_sorts_is_the_first(zoo: Pages) -> None:
    shown = heads(zoo, TRAINED)
    assert shown[:2] == ["summary.loss", "summary.accuracy"] and shown[2:4] == ["config.lr", "config.model.depth"]
    assert heads(zoo, f"{TRAINED}&order=-config.model.depth")[:3] == [
        "config.model.depth",
        "summary.loss",
        "summary.accuracy",
    ]
    assert zoo.json(TRAINED)["compared"] is None
    assert zoo.json(f"{TRAINED}&order=%2Bsummary.loss")["compared"] == (
        "/compare/runs?run=zoo%2Ftrain-0&run=zoo%2Ftrain-1"
    )


def test_a_value_that_some_runs_do_not_have_stands_last(zoo: Pages) -> None:
    assert heads(zoo, TRAINED)[-1] != "config.optimizer"
    shown = heads(zoo, "/runs")
    assert shown.index("config.lr") < shown.index("summary.accuracy") + 2 < shown.index("config.optimizer")


@pytest.mark.parametrize(
    ("field", "first", "second"),
    [("summary.loss", "%2B", "-"), ("summary.accuracy", "-", "%2B"), ("config.lr", "-", "%2B"), ("state", "%2B", "-")],
)
def test_a_heading_sorts_by_the_best_first(zoo: Pages, field: str, first: str, second: str) -> None:
    assert f'href="/runs?q=job_type%3Dtrain&amp;order={first}{field}"' in zoo.get(TRAINED).text
    sorted_page = zoo.get(f"{TRAINED}&order={first}{field}").text
    assert f'href="/runs?q=job_type%3Dtrain&amp;order={second}{field}"' in sorted_page


def test_columns_are_chosen_with_boxes(zoo: Pages) -> None:
    page = zoo.get(TRAINED).text
    assert '<input type="checkbox" name="columns" value="config.optimizer">' in page
    assert '<input type="checkbox" name="columns" value="config.lr" checked>' in page
    assert heads(zoo, f"{TRAINED}&columns=config.optimizer&columns=summary.loss") == [
        "config.optimizer",
        "summary.loss",
    ]


def test_two_runs_side_by_side_tell_what_they_used(zoo: Pages) -> None:
    path = "/compare/runs?run=zoo/train-0&run=zoo/train-1"
    assert [[used["name"] for used in inputs] for inputs in zoo.json(path)["inputs"]] == [["animals:v1"]] * 2
    table = zoo.get(path).text.partition("</table>")[0]
    assert table.count('<a class="name" href="/artifacts/zoo/animals/v1">zoo/animals:v1</a>') == 2


def test_a_version_tells_what_it_was_made_from(zoo: Pages) -> None:
    assert [version["name"] for version in zoo.json("/artifacts/zoo/model/v5")["made_from"]] == ["animals:v1"]


def test_what_is_in_production_is_on_the_first_page_and_found(zoo: Pages) -> None:
    (link,) = zoo.json("/")["in_use"]
    assert (link["name"], link["aliases"], link["source"]["name"]) == (
        "animal-classifier",
        ["latest", "production"],
        "model:v5",
    )
    assert link["changes"][0]["what"] == "set production" and link["changes"][0]["user"]
    (hit,) = zoo.json("/search?q=production")["hits"]
    assert (hit["name"], "wandb-registry-model/animal-classifier production" in hit["why"]) == ("model:v5", True)
    assert zoo.json("/search?q=zoo/model:v5")["hits"][0]["href"] == "/artifacts/zoo/model/v5"
    assert zoo.json("/search?q=zoo/train-3")["hits"][0]["name"] == "train 3"


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("/runs/zoo/train-3", "/runs/zoo/train-3/overview"),
        ("/artifacts/zoo/model", "/artifacts/zoo/model/versions"),
        ("/artifacts/zoo/animals:best", "/artifacts/zoo/animals/v1"),
        (f"{LINKED}:production", f"{LINKED}/v0"),
    ],
)
def test_a_name_that_is_typed_as_an_address_leads_to_its_page(zoo: Pages, typed: str, page: str) -> None:
    answer = zoo.get(typed)
    assert (answer.status, answer.headers["location"]) == (307, page)
    assert zoo.get("/artifacts/zoo/animals:worst").status == 404


def test_changes_lead_to_what_they_changed(zoo: Pages) -> None:
    addresses = {event["kind"]: event["href"] for event in zoo.json("/events")["events"]}
    assert addresses["version-linked"] == "/artifacts/wandb-registry-model/animal-classifier/v0"
    assert addresses["run-ended"].startswith("/runs/zoo/")
    assert addresses["store-created"] is None
    assert "null" not in zoo.get("/events").text


def test_media_are_no_columns_and_metadata_tell_versions_apart(tmp_path: Path) -> None:
    for number in range(3):
        with artstore.init(project="p", id=f"r{number}", config={"lr": number}, store=tmp_path / "store") as run:
            run.log({"loss": 1 / (1 + number), "guesses": artstore.Table(columns=["n"], data=[[number]])})
            model = artstore.Artifact("model", "model", metadata={"val": {"loss": 3 - number}, "kind": "cnn"})
            with model.new_file("weights") as file:
                file.write(str(number))
            run.log_artifact(model)
    with serving(tmp_path / "store") as pages:
        assert heads(pages, "/runs") == ["summary.loss", "config.lr"]
        assert pages.json("/runs/p/r0/overview")["summary"] == {"loss": 1.0}
        assert pages.json("/artifacts/p/model/versions")["metadata"] == [
            {"key": "val.loss", "numeric": True, "best": 1}
        ]


def test_no_two_runs_of_one_drawing_look_the_same() -> None:
    paths = [f"p/{number}" for number in range(27)]
    looks = facts.apart(paths)
    assert sorted(looks.values()) == list(range(27))
    assert looks[paths[0]] == facts.series(paths[0])
    same = next(path for path in paths[1:] if facts.series(path) == facts.series(paths[0]))
    few = facts.apart([paths[0], same])
    assert few[paths[0]] % 9 != few[same] % 9
    assert len(facts.apart(f"p/{number}" for number in range(40))) == 40


def test_a_browser_keeps_the_style_and_asks_for_a_changed_one(zoo: Pages) -> None:
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', zoo.get("/").text)
    assert len(addresses) == 4 and all(re.search(r"\?v=[0-9a-f]{12}$", address) for address in addresses)
    assert all("immutable" in zoo.get(address).headers["cache-control"] for address in addresses)
    assert zoo.get("/static/style.css").headers["cache-control"] == zoo.get("/").headers["cache-control"] == "no-store"


def test_a_box_of_a_lineage_tells_aliases_and_that_a_version_is_linked(zoo: Pages) -> None:
    drawing = zoo.get("/lineage?of=zoo/model:v5").text.partition('class="artstore"')[2]
    assert ">model, linked</text>" in drawing and ">dataset, best</text>" in drawing
    assert "production since" in drawing
