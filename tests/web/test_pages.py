"""What each page tells, over HTTP, as HTML and as JSON."""

from __future__ import annotations

import getpass
import html
import io
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import PIL.Image
import pytest

import artstore
from artstore import Artifact, Store
from tests.support import screenshots
from tests.support.files import noise
from tests.support.web_pages import Pages, serving

FILE = "/artifacts/zoo/animals/v1/file"


def test_home_shows_types_runs_versions_and_space(zoo: Pages) -> None:
    home = zoo.json("/")
    assert {kind["type"]: kind["collections"] for kind in home["types"]} == {"dataset": 1, "model": 2}
    assert home["run_count"] == 10
    assert home["runs"][0]["name"] == "train 7"
    assert home["versions"][0]["name"] == "model:v7"
    assert home["usage"]["versions"] == 10


def test_an_empty_store_says_what_to_type(tmp_path: Path) -> None:
    Store.init(tmp_path / "store").close()
    with serving(tmp_path / "store") as pages:
        assert "artstore put images" in pages.get("/").text
        for path in ("/runs", "/runs?view=curves", "/artifacts", "/lineage", "/store", "/events", "/search"):
            assert pages.get(path).status == 200


def test_the_table_of_runs_shows_what_differs_and_marks_the_best(zoo: Pages) -> None:
    table = zoo.json("/runs?q=job_type%3Dtrain")
    columns = {column["key"]: column["best"] for column in table["columns"]}
    assert set(columns) >= {"config.lr", "config.model.depth", "summary.loss", "summary.accuracy"}
    assert table["same"]["config.optimizer"] == "adam"
    assert columns["summary.accuracy"] == pytest.approx(0.7)
    assert columns["summary.loss"] == pytest.approx(1 / 30)
    assert columns["config.lr"] is None


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("", 10),
        ("job_type=train", 8),
        ("lr<0.03", 5),
        ("config.lr<0.03 accuracy>=0.5", 3),
        ("tags=good", 1),
        ("tags!=good job_type=train", 7),
        ('"train 3"', 1),
        ("id~^(ingest|clean)$", 2),
        ("TRAIN", 8),
        ('{"state": "finished", "config.model.depth": {"$in": [1, 2]}}', 2),
        ("nothing=such", 0),
    ],
)
def test_runs_are_filtered_by_what_people_type(zoo: Pages, typed: str, count: int) -> None:
    assert zoo.json(f"/runs?q={quote(typed)}")["count"] == count


@pytest.mark.parametrize("typed", ['{"state":', "state~(", "[", '{"$no": 1}'])
def test_a_wrong_filter_is_answered_with_what_is_right(zoo: Pages, typed: str) -> None:
    answer = zoo.get(f"/runs?q={quote(typed)}")
    assert answer.status in (200, 400)
    assert "Traceback" not in answer.text
    if answer.status == 400:
        assert set(zoo.get(f"/runs.json?q={quote(typed)}").json) == {"error"}


def test_runs_are_sorted_and_the_address_brings_the_order_back(zoo: Pages) -> None:
    table = zoo.json("/runs?order=-summary.accuracy&q=job_type%3Dtrain")
    assert [run["name"] for run in table["runs"]] == [f"train {number}" for number in range(7, -1, -1)]
    assert zoo.json("/runs?order=%2Bconfig.lr&q=train")["runs"][0]["name"] == "train 7"


def test_runs_come_in_pages(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for number in range(60):
        artstore.init(project="many", id=f"run-{number:02}", store=store).finish()
    with serving(store) as pages:
        first = pages.json("/runs")
        assert (len(first["runs"]), first["count"]) == (50, 60)
        second = pages.json(first["next"])
        assert [run["id"] for run in second["runs"]] == [f"run-{number:02}" for number in range(9, -1, -1)]
        assert second["next"] is None


def test_curves_of_the_chosen_runs(zoo: Pages) -> None:
    page = zoo.json("/runs?view=curves&run=zoo/train-2&run=zoo/train-4&metric=loss&smooth=50&log=1")
    (card,) = page["cards"]
    assert card["metric"] == "loss"
    assert [series["run"] for series in card["series"]] == ["zoo/train-2", "zoo/train-4"]
    assert len(card["series"][0]["points"]) == 30
    assert card["series"][0]["points"][0] == [0, 3, 3, 3]
    assert '<svg class="curves"' in zoo.get("/runs?view=curves&metric=loss").text


def test_the_page_of_a_run_shows_config_summary_inputs_and_outputs(zoo: Pages) -> None:
    run = zoo.json("/runs/zoo/train-3/overview")
    assert run["config"]["model.depth"] == 3
    assert run["summary"]["accuracy"] == pytest.approx(0.3)
    assert [version["qualified_name"] for version in run["used"]] == ["zoo/animals:v1"]
    assert [version["qualified_name"] for version in run["logged"]] == ["zoo/model:v3"]
    assert {card["metric"] for card in run["cards"]} >= {"loss", "accuracy"}


def test_comparing_runs_shows_differences_first(zoo: Pages) -> None:
    page = zoo.json("/compare/runs?run=zoo/train-2&run=zoo/train-4")
    different = {line["key"]: line for line in page["different"]}
    assert different["config.model.depth"]["values"] == [2, 4]
    assert different["summary.accuracy"]["best"] == pytest.approx(0.4)
    assert "config.optimizer" in {line["key"] for line in page["same"]}
    assert zoo.get("/compare/runs?run=zoo/train-2&run=zoo/nobody").status == 404


def test_artifacts_by_type_with_their_newest_versions(zoo: Pages) -> None:
    rows = {row["name"]: row for row in zoo.json("/artifacts")["collections"]}
    assert rows["animals"]["newest"]["aliases"] == ["latest", "best"]
    assert rows["animal-classifier"]["registry"] is True
    assert [row["name"] for row in zoo.json("/artifacts?type=dataset")["collections"]] == ["animals"]
    assert [row["name"] for row in zoo.json("/artifacts?q=ANIMAL-")["collections"]] == ["animal-classifier"]


def test_a_collection_shows_where_versions_are_linked_and_what_they_own(zoo: Pages) -> None:
    versions = {row["number"]: row for row in zoo.json("/artifacts/zoo/model/versions")["versions"]}
    assert versions[5]["linked_as"][0]["aliases"] == ["latest", "production"]
    assert versions[5]["owned"] == versions[5]["reclaimable"] == 3000
    assert versions[5]["producers"][0]["name"] == "train 5"
    (link,) = zoo.json("/artifacts/wandb-registry-model/animal-classifier/versions")["versions"]
    assert (link["linked_from"], link["shown"]) == ("zoo/model:v5", "animal-classifier:v0")


def test_a_version_is_browsed_folder_by_folder(zoo: Pages) -> None:
    top = zoo.json("/artifacts/zoo/animals/v0")
    assert [(child["name"], child["kind"]) for child in top["children"]] == [("cats", "folder"), ("labels.csv", "file")]
    below = zoo.json(top["children"][0]["href"])
    assert [child["path"] for child in below["children"]] == ["cats/a.txt", "cats/b.txt"]
    assert zoo.get("/artifacts/zoo/animals/v0?folder=dogs").status == 404
    assert zoo.get("/artifacts/zoo/animals/v9").status == 404


def test_a_version_tells_who_made_and_used_it(zoo: Pages) -> None:
    version = zoo.json("/artifacts/zoo/animals/v1")
    assert [run["id"] for run in version["producers"]["runs"]] == ["clean"]
    assert version["users"]["count"] == 8
    assert version["metadata"]["size"] == {"cat": 3}
    assert version["previous"] == "zoo/animals:v0"
    assert zoo.json("/artifacts/zoo/model/v5")["linked_as"][0]["aliases"] == ["latest", "production"]
    assert "artstore get &#34;zoo/animals:v1&#34;" in zoo.get("/artifacts/zoo/animals/v1").text


def test_a_deleted_version_keeps_its_page(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with artstore.init(project="p", store=store) as run:
        artifact = Artifact("a", "t")
        with artifact.new_file("x") as file:
            file.write("x")
        run.log_artifact(artifact)
    with Store.open(store) as opened:
        opened.delete("p/a:v0", delete_aliases=True)
    with serving(store) as pages:
        assert pages.json("/artifacts/p/a/v0")["version"]["state"] == "deleted"
        assert pages.get("/artifacts/p/a/v0/file?path=x").status == 404
        assert pages.get("/artifacts/p/a/v0/content?path=x").status == 404
        assert pages.get("/artifacts/p/a/versions").status == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("cats/a.txt", "text"),
        ("labels.csv", "table"),
        ("predictions.table.json", "table"),
        ("drawing.svg", "image"),
        ("report.html", "html"),
        ("raw.bin", "binary"),
    ],
)
def test_files_have_previews(zoo: Pages, path: str, kind: str) -> None:
    assert zoo.json(f"{FILE}?path={path}")["preview"]["kind"] == kind


def test_tables_come_in_pages_and_are_sorted(zoo: Pages) -> None:
    first = zoo.json(f"{FILE}?path=predictions.table.json")["preview"]
    assert (first["columns"], first["count"], len(first["rows"])) == (["id", "picture", "label"], 70, 50)
    second = zoo.json(first["next"])["preview"]
    assert (second["rows"][0][0]["text"], second["next"], len(second["rows"])) == (50, None, 20)
    backwards = zoo.json(f"{FILE}?path=predictions.table.json&sort=-id")["preview"]
    assert backwards["rows"][0][0]["text"] == 69
    labels = zoo.json(f"{FILE}?path=labels.csv&sort=-label")["preview"]
    assert labels["rows"][0][1]["text"] == "6"


def test_comparing_versions_shows_files_and_metadata(zoo: Pages) -> None:
    page = zoo.json("/compare/versions?old=zoo/animals:v0&new=zoo/animals:v1")
    assert [entry["path"] for entry in page["removed"]] == ["cats/b.txt"]
    assert [entry["path"] for entry in page["changed"]] == ["cats/a.txt", "labels.csv"]
    assert page["metadata"] == [{"key": "size.cat", "old": 2, "new": 3}]
    assert zoo.get("/compare/versions?old=zoo/animals:v0").status == 400


def test_lineage_draws_siblings_together_and_opens_them(zoo: Pages) -> None:
    page = zoo.json("/lineage?of=zoo/animals:v1&hops=2")
    listed = {node["id"]: node for node in page["listed"]}
    runs = next(node for node in listed.values() if node["kind"] == "job")
    assert runs["detail"] == "8 runs"
    assert "zoo/train-3" not in listed
    opened = zoo.json(html.unescape(runs["href"]))
    assert "zoo/train-3" in {node["id"] for node in opened["listed"]}
    assert opened["counts"] == {"version": 10, "run": 9}


def test_lineage_of_a_run_as_a_summary(zoo: Pages) -> None:
    page = zoo.json("/lineage?run=zoo/train-3&direction=upstream&view=summary")
    assert {node["name"] for node in page["listed"]} == {"animals", "clean", "ingest", "train"}
    assert zoo.get("/lineage?of=zoo/animals:v1&direction=sideways").status == 400


def test_search_finds_names_tags_aliases_metadata_and_configs(zoo: Pages) -> None:
    def found(words: str) -> set[str]:
        return {hit["name"] for hit in zoo.json(f"/search?{urlencode({'q': words})}")["hits"]}

    assert found("ANIMALS") >= {"animals"}
    assert found("checked") == {"animals:v1"}
    assert found("raw") == {"animals:v0"}
    assert found('"cat": 3') | found('"cat":3') == {"animals:v1"}
    assert "train 3" in found("train-3")
    assert found("adam") == {f"train {number}" for number in range(8)}
    assert found("100%_nothing") == set()


def test_the_store_shows_its_space_and_changes(zoo: Pages) -> None:
    page = zoo.json("/store")
    assert page["usage"]["content_bytes"] > 24_000
    assert page["events"][0]["kind"] == "version-linked"
    assert len(zoo.json("/events")["events"]) == min(100, page["events"][0]["id"])


def test_every_link_leads_to_a_page(zoo: Pages) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting and len(seen) < 150:
        path = waiting.pop()
        seen.add(path)
        answer = zoo.get(path)
        assert answer.status == 200, path
        links = {html.unescape(link).partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', answer.text)}
        waiting += sorted(links - seen - set(waiting))
    assert len(seen) == 150, "the store has more pages than these"


def test_content_is_what_was_stored(zoo: Pages) -> None:
    answer = zoo.get("/artifacts/zoo/animals/v1/content?path=cats/a.txt")
    assert answer.body == b"a cat, cleaned\n"
    again = zoo.get("/artifacts/zoo/animals/v1/content?path=cats/a.txt", If_None_Match=answer.headers["ETag"] or "")
    assert (again.status, again.body) == (304, b"")
    assert zoo.get("/artifacts/zoo/animals/v1/content?path=nothing").status == 404


def test_groups_show_the_spread_of_each_metric(zoo: Pages) -> None:
    page = zoo.json("/runs?view=groups&by=config.optimizer")
    groups = {group["value"]: group for group in page["groups"]}
    assert (groups["adam"]["count"], groups[None]["count"]) == (8, 2)
    spread = groups["adam"]["metrics"]["summary.accuracy"]
    assert (spread["low"], spread["high"], spread["mean"]) == (0, 0.7, pytest.approx(0.35))
    assert zoo.json(groups["adam"]["href"])["count"] == 8
    by_depth = zoo.json("/runs?view=groups&by=config.model.depth&q=train")["groups"]
    assert [group["value"] for group in by_depth if group["metrics"]["summary.accuracy"]["best"]] == [7]


def test_a_sweep_is_drawn_across_what_differs(zoo: Pages) -> None:
    page = zoo.json("/runs?view=parallel&q=job_type%3Dtrain&by=summary.loss")
    assert page["axes"] == ["config.lr", "config.model.depth", "summary.loss"]
    assert [(one["name"], one["value"]) for one in page["best"]] == [
        ("train 0", pytest.approx(1 / 30)),
        ("train 1", pytest.approx(1 + 1 / 30)),
    ]
    assert page["compared"] == "/compare/runs?run=zoo%2Ftrain-0&run=zoo%2Ftrain-1"
    drawing = zoo.get("/runs?view=parallel&q=job_type%3Dtrain&by=summary.loss").text.partition('class="parallel"')[2]
    assert drawing.count("<a href=") >= 8
    assert drawing.count("leads") == 1


def test_curves_of_chosen_steps(zoo: Pages) -> None:
    page = zoo.json("/runs/zoo/train-3/overview?from=10&to=14&metric=loss")
    (series,) = page["cards"][0]["series"]
    assert [point[0] for point in series["points"]] == [10, 11, 12, 13, 14]
    assert zoo.json(page["all_steps"])["last_step"] is None
    assert zoo.get("/runs/zoo/train-3/overview?from=ten").status == 400


def test_a_table_of_two_versions_is_compared_row_by_row(zoo: Pages) -> None:
    versions = zoo.json("/compare/versions?old=zoo/animals:v0&new=zoo/animals:v1")
    page = zoo.json(next(entry["rows"] for entry in versions["changed"] if "rows" in entry))
    assert (page["key"], page["counts"]) == ("path", {"changed": 1, "added": 0, "removed": 1})
    changed, removed = page["rows"]
    assert changed["key"]["text"] == "cat 3.jpg"
    assert [changed["cells"]["label"][side]["text"] for side in ("old", "new")] == ["3", "5"]
    assert (removed["kind"], removed["key"]["text"]) == ("removed", "cat 119.jpg")
    address = "/compare/tables?old=zoo/animals:v0&new=zoo/animals:v1&path="
    assert zoo.json(f"{address}labels.csv&key=label")["repeated"] == {"old": 113, "new": 112}
    assert zoo.get(f"{address}labels.csv&key=colour").status == 400
    assert zoo.get(f"{address}cats/a.txt").status == 400
    assert zoo.get(f"{address}nothing.csv").status == 404


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with artstore.init(project="p", config={"lr": 1, "depth": 2}, store=tmp_path / "store") as run:
        run.log({"lr": 0.5})
    with serving(tmp_path / "store") as pages:
        assert [column["label"] for column in pages.json("/runs")["columns"]] == ["summary.lr", "config.lr", "depth"]


def test_the_pictures_of_the_documentation_are_those_that_the_script_takes() -> None:
    pictures = {path.stem for path in screenshots.PICTURES.glob("*.png")}
    assert pictures == set(screenshots.PAGES)
    shown = re.findall(r"\(pictures/([a-z-]+)\.png\)", (screenshots.PICTURES.parent / "ui.md").read_text())
    assert set(shown) <= pictures and len(shown) >= 5


def test_masks_and_boxes_lie_over_their_picture(zoo: Pages) -> None:
    preview = zoo.json(f"{FILE}?path=marked.image-file.json")["preview"]
    inner, outer = preview["boxes"]
    assert (inner["left"], inner["top"], inner["width"], inner["height"]) == (25, 10, 25, 50)
    # 12 x 8 pixels around the middle of 60 x 40.
    assert (outer["left"], outer["top"], outer["width"], outer["height"]) == (40, 40, 20, 20)
    assert [box["caption"] for box in preview["boxes"]] == ["cat", "class 1"]
    (mask,) = preview["masks"]
    answer = zoo.get(mask["src"])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    with PIL.Image.open(io.BytesIO(answer.body)) as drawn:
        alpha = drawn.convert("RGBA").getchannel("A")
        assert (alpha.getpixel((0, 0)), alpha.getpixel((15, 15))) == (0, 150)
    table = zoo.json(f"{FILE}?path=predictions.table.json")["preview"]
    assert len(table["rows"][0][1]["boxes"]) == 2
    assert zoo.get("/artifacts/zoo/animals/v1/mask?path=labels.csv").status == 400


def test_the_state_of_references_is_asked_for_on_demand(tmp_path: Path) -> None:
    for name in ("same", "moved", "gone"):
        (tmp_path / "bucket" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bucket" / name).write_text(name)
    with artstore.init(project="p", store=tmp_path / "store") as run:
        artifact = Artifact("a", "t")
        artifact.add_reference((tmp_path / "bucket").as_uri())
        run.log_artifact(artifact).wait()
    (tmp_path / "bucket" / "moved").write_text("changed")
    (tmp_path / "bucket" / "gone").unlink()
    with serving(tmp_path / "store") as pages:
        page = pages.json("/artifacts/p/a/v0/status")
        assert page["counts"] == {"unchanged": 1, "changed": 1, "missing": 1}
        assert {one["path"]: one["state"] for one in page["states"][:2]} == {"moved": "changed", "gone": "missing"}
        assert "/artifacts/p/a/v0/status" in pages.get("/artifacts/p/a/v0").text


def test_the_registry_shows_what_is_in_production_and_who_put_it_there(zoo: Pages) -> None:
    (collection,) = zoo.json("/registry")["collections"]
    assert (collection["registry"], collection["name"]) == ("model", "animal-classifier")
    (link,) = collection["links"]
    assert (link["aliases"], link["source"]["qualified_name"]) == (["latest", "production"], "zoo/model:v5")
    changes = {change["what"]: change["user"] for change in link["changes"]}
    assert changes == {"linked": getpass.getuser(), "set production": getpass.getuser()}
    assert "set production" in [change["what"] for change in zoo.json("/artifacts/zoo/model/v5")["label_changes"]]


def test_the_store_tells_its_last_verification(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("a", "t")
        store.add_bytes(draft, noise(5000), "x")
        store.commit(draft)
    with serving(tmp_path / "store") as pages:
        assert pages.json("/store")["verified"] is None
        with Store.open(tmp_path / "store") as store:
            assert store.verify().ok
        detail = pages.json("/store")["verified"]
        assert (detail["versions"], detail["bytes"], detail["findings"]) == (1, 5000, 0)
        (pack,) = (tmp_path / "store" / "packs").glob("*.pack")
        damaged = bytearray(pack.read_bytes())
        damaged[-100] ^= 1
        pack.write_bytes(damaged)
        with Store.open(tmp_path / "store") as store:
            assert not store.verify().ok
        detail = pages.json("/store")["verified"]
        assert (detail["findings"], detail["harmed"]) == (1, ["uncategorized/a:v0"])
        (tmp_path / "store" / "verified.json").write_text('{"at": "yesterday", "versions": 1}')
        assert pages.json("/store")["verified"] is None
