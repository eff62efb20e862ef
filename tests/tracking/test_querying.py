"""Filters, orders and pages of the listings of the Api, which are evaluated in SQL like W&B's."""

from __future__ import annotations

import re
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import artstore
from artstore import Api, Artifact
from artstore.errors import InvalidInput
from tests.support.environment import clear_environment
from tests.support.lineage_pipeline import new_artifact

RUNS: list[dict[str, Any]] = [
    {"name": "one", "job_type": "train", "tags": ["fast"], "config": {"lr": 0.1, "model": {"depth": 2}}, "acc": 0.5},
    {"name": "two", "job_type": "train", "tags": ["fast", "best"], "config": {"lr": 0.01, "on": True}, "acc": 0.9},
    {"name": "three", "job_type": "eval", "tags": [], "config": {"lr": "auto", "on": False, "layers": [64, 32]}},
    {"name": "four", "job_type": None, "tags": ["slow"], "config": {"lr": None, "on": 1, "a.b": "flat"}, "acc": 0.9},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs in the project zoo, and one in another; tests only read them."""
    store = tmp_path_factory.mktemp("queried") / "store"
    for fields in RUNS:
        arguments = {key: fields[key] for key in ("name", "job_type", "tags", "config")}
        with artstore.init(project="zoo", id=f"id-{fields['name']}", store=store, group="g", **arguments) as run:
            if "acc" in fields:
                run.log({"acc": fields["acc"]})
    with pytest.raises(RuntimeError), artstore.init(project="farm", name="five", store=store):
        raise RuntimeError
    return store


def run_names(store: Path, filters: Any = None, project: str | None = "zoo", **more: Any) -> list[str]:
    return [run.name for run in Api(store=store).runs(project, filters, **more)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "one two three four"),
        ({"config.lr": 0.1}, "one"),
        ({"config.lr": {"$eq": 0.1}}, "one"),
        ({"config.lr": {"$gt": 0.01}}, "one"),
        ({"config.lr": {"$gte": 0.01, "$lt": 0.1}}, "two"),
        ({"config.lr": {"$gt": "a"}}, "three"),
        ({"config.lr": None}, "four"),
        ({"config.on": None}, "one"),
        ({"config.lr": {"$exists": True}}, "one two three four"),
        ({"config.on": {"$exists": False}}, "one"),
        ({"config.on": True}, "two"),
        ({"config.on": 1}, "four"),
        ({"config.on": {"$ne": True}}, "one three four"),
        ({"config.model.depth": {"$lte": 2}}, "one"),
        ({"config.model": {"depth": 2}}, "one"),
        ({"config.a.b": "flat"}, "four"),
        ({"config.layers": 32}, "three"),
        ({"config.layers": [64, 32]}, "three"),
        ({"config.layers": {"$gt": 63}}, "three"),
        ({"config.lr": {"$in": [0.01, "auto"]}}, "two three"),
        ({"config.lr": {"$in": []}}, ""),
        ({"config.lr": {"$in": [None, True]}}, "four"),
        ({"config.lr": {"$nin": [0.01, "auto"]}}, "one four"),
        ({"summary_metrics.acc": {"$gte": 0.9}}, "two four"),
        ({"summary_metrics.acc": {"$not": {"$gte": 0.9}}}, "one three"),
        ({"summary.acc": 0.5}, "one"),
        ({"tags": "fast"}, "one two"),
        ({"tags": {"$in": ["best", "slow"]}}, "two four"),
        ({"tags": {"$nin": ["fast"]}}, "three four"),
        ({"tags": []}, "three"),
        ({"display_name": {"$regex": "^t"}}, "two three"),
        ({"displayName": {"$regex": "o$|u"}}, "two four"),
        ({"name": "id-two"}, "two"),
        ({"jobType": "train", "config.lr": {"$lt": 0.05}}, "two"),
        ({"job_type": None}, "four"),
        ({"$or": [{"job_type": "eval"}, {"config.lr": 0.1}]}, "one three"),
        ({"$and": [{"job_type": "train"}, {"$or": [{"tags": "best"}, {"tags": "slow"}]}]}, "two"),
        ({"$not": {"job_type": "train"}}, "three four"),
        ({"$nor": [{"job_type": "train"}, {"tags": "slow"}]}, "three"),
        ({"config.lr.value": {"$gt": 0.01}}, "one"),
        ({"config.model.depth.value": 2}, "one"),
        ({"host": socket.gethostname(), "duration": {"$lt": 600}}, "one two three four"),
        ({"duration": {"$lt": 0}}, ""),
        ({"state": "finished", "group": "g"}, "one two three four"),
        ({"state": {"$ne": "finished"}}, ""),
        ({"metadata.artstore": artstore.__version__}, "one two three four"),
        ({"config.lr": {"$regex": "1"}}, ""),
    ],
)
def test_a_filter_finds_the_expected_runs(store: Path, filters: dict[str, Any], expected: str) -> None:
    assert run_names(store, filters) == expected.split()
    assert len(Api(store=store).runs("zoo", filters)) == len(expected.split())


def test_filters_search_all_projects_if_none_is_named(store: Path) -> None:
    assert run_names(store, {"state": "failed"}, project=None) == ["five"]
    assert run_names(store, {"exit_code": 1, "project": "farm"}, project=None) == ["five"]


def test_times_are_compared_as_times_in_any_format(store: Path) -> None:
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    for before, after in (
        (now - hour, now + hour),
        ((now - hour).isoformat(), (now + hour).isoformat()),
        ((now - hour).strftime("%Y-%m-%dT%H:%M:%S"), (now + hour).strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("2020-01-01", "2999-12-31"),
    ):
        assert len(run_names(store, {"created_at": {"$gt": before, "$lt": after}})) == 4
        assert run_names(store, {"createdAt": {"$lt": before}}) == []
    with pytest.raises(InvalidInput, match="'yesterday' is not a time: write it as in"):
        run_names(store, {"created_at": {"$gt": "yesterday"}})
    assert run_names(store, {"created_at": {"$lt": "0900-01-01"}}) == []
    with pytest.raises(InvalidInput, match=r"'0001-01-01T00:00:00\+14:00' is not a time"):
        run_names(store, {"created_at": {"$gt": "0001-01-01T00:00:00+14:00"}})


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"config.lr": {"$near": 1}},
            "no operator '$near': use one of $eq, $gt, $gte, $lt, $lte, $in, $regex, $contains, $ne, $nin,",
        ),
        ({"$nor": []}, "$nor takes a list of filters, not []"),
        ({"$xor": []}, "no operator '$xor'"),
        ({"colour": "red"}, "runs have no field 'colour': use one of name, id, display_name"),
        ({"config": {}}, "runs have no field 'config'"),
        ({'config.a"b': 1}, "is not a key of a filter"),
        ({"config.a..b": 1}, "is not a key of a filter"),
        ({"$or": []}, "$or takes a list of filters, not []"),
        ({"$and": {"state": "failed"}}, "$and takes a list of filters"),
        ({"$and": ["state"]}, "a filter is a dict such as"),
        ({"config.lr": {"$in": 3}}, "$in takes a list, not 3"),
        ({"config.lr": {"$gt": None}}, "$gt takes a number or a string, not None"),
        ({"config.lr": {"$regex": "("}}, "$regex takes a regular expression, not '('"),
        ({"config.lr": {"$regex": 3}}, "$regex takes a regular expression, not 3"),
        ({"config.lr": {"$not": 3}}, "$not takes operators"),
        ({"config.lr": object()}, "compares with a JSON value"),
        ({"config.lr": float("nan")}, "compares with a JSON value"),
    ],
)
def test_an_invalid_filter_is_refused_with_the_valid_names(store: Path, filters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        Api(store=store).runs("zoo", filters)


def test_values_of_filters_are_values_and_never_sql(store: Path) -> None:
    for text in ("' or 1=1 --", '"); drop table runs; --', "$.x", "%"):
        assert run_names(store, {"display_name": text}) == []
        assert run_names(store, {f"config.{text.replace(chr(34), '')}": "x"}) == []
    assert len(run_names(store)) == 4


def test_a_filter_may_have_a_thousand_choices(store: Path) -> None:
    assert run_names(store, {"name": {"$in": [f"id-{i}" for i in range(5000)] + ["id-two"]}}) == ["two"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("+created_at", "one two three four"),
        ("-created_at", "four three two one"),
        ("createdAt", "one two three four"),
        ("display_name", "four one three two"),
        ("-summary_metrics.acc", "four two one three"),
        ("+summary_metrics.acc", "one two four three"),
        ("config.lr", "two one three four"),
        ("-config.lr", "three one two four"),
        ("-config.lr.value", "three one two four"),
        ("-heartbeat_at", "four three two one"),
    ],
)
@pytest.mark.parametrize("per_page", [1, 2, 50])
def test_orders_sort_by_any_field_with_missing_values_last_at_any_page_size(
    store: Path, order: str, expected: str, per_page: int
) -> None:
    assert run_names(store, order=order, per_page=per_page) == expected.split()


def test_the_heartbeat_of_a_run_is_its_last_log(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = artstore.init(project="zoo", name="first", store=store)
    second = artstore.init(project="zoo", name="second", store=store, reinit="create_new")
    assert run_names(store, order="heartbeat_at") == ["first", "second"]
    first.log({"loss": 1})
    # Metrics are written within about a second.
    while run_names(store, order="heartbeat_at") != ["second", "first"]:
        time.sleep(0.05)
    assert run_names(store, {"heartbeat_at": {"$gt": datetime.now(UTC)}}) == []
    second.finish()
    assert run_names(store, order="-heartbeat_at") == ["second", "first"]
    first.finish()


def test_an_unknown_order_is_refused(store: Path) -> None:
    with pytest.raises(InvalidInput, match="runs have no field 'colour'"):
        Api(store=store).runs("zoo", order="-colour")


def test_a_run_whose_process_is_dead_is_found_as_crashed(tmp_path: Path) -> None:
    with artstore.init(project="zoo", store=tmp_path / "store") as run:
        assert run_names(tmp_path / "store", {"state": "running"}) == [run.name]
    with closing(sqlite3.connect(tmp_path / "store" / "artstore.db")) as connection, connection:
        connection.execute("update runs set state = 'running', session = '00000000deadbeef'")
    assert run_names(tmp_path / "store", {"state": "crashed"}) == [run.name]
    assert run_names(tmp_path / "store", {"state": "running"}) == []


# A model: the same filters on plain Python values

VALUES = st.sampled_from([None, True, False, 0, 1, 2, 1.0, 1.5, "", "1", "a", "ab", [1, "a"], [], {"x": 1}])
SIMPLE = st.sampled_from([0, 1, 1.5, "", "1", "a"])
CONDITIONS = st.one_of(
    VALUES,
    st.builds(lambda v: {"$eq": v}, VALUES),
    st.builds(lambda v: {"$ne": v}, VALUES),
    st.builds(lambda o, v: {o: v}, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), SIMPLE),
    st.builds(lambda o, v: {o: v}, st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=3)),
    st.builds(lambda v: {"$exists": v}, st.booleans()),
    st.builds(lambda v: {"$regex": v}, st.sampled_from(["a", "^$", "b$"])),
    st.builds(lambda v, w: {"$not": {"$gt": v}, "$ne": w}, SIMPLE, VALUES),
)
FILTERS = st.recursive(
    st.dictionaries(st.sampled_from(["config.k", "config.m"]), CONDITIONS, max_size=2),
    lambda inner: st.one_of(
        st.builds(lambda fs: {"$and": fs}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda fs: {"$or": fs}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda fs: {"$nor": fs}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda f: {"$not": f}, inner),
    ),
    max_leaves=4,
)
MISSING = object()


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(value: Any, expected: Any) -> bool:
    if value is MISSING:
        return expected is None
    if is_number(value) and is_number(expected):
        return bool(value == expected)
    return type(value) is type(expected) and bool(value == expected)


def less(value: Any, limit: Any) -> bool:
    comparable = (is_number(value) and is_number(limit)) or (isinstance(value, str) and isinstance(limit, str))
    return comparable and bool(value < limit)


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": same,
    "$lt": less,
    "$gt": lambda value, wanted: less(wanted, value),
    "$lte": lambda value, wanted: less(value, wanted) or same(value, wanted),
    "$gte": lambda value, wanted: less(wanted, value) or same(value, wanted),
    "$in": lambda value, wanted: any(same(value, item) for item in wanted),
    "$regex": lambda value, wanted: isinstance(value, str) and re.search(wanted, value) is not None,
}


def passes(value: Any, condition: Any) -> bool:
    if not isinstance(condition, dict) or not any(key.startswith("$") for key in condition):
        condition = {"$eq": condition}
    candidates: list[Any] = [value, *value] if isinstance(value, list) else [value]
    for operator, operand in condition.items():
        if operator == "$exists":
            holds = (value is not MISSING) == operand
        elif operator == "$not":
            holds = not passes(value, operand)
        elif operator in ("$ne", "$nin"):
            positive = {"$ne": "$eq", "$nin": "$in"}[operator]
            holds = not any(TESTS[positive](item, operand) for item in candidates)
        else:
            holds = any(TESTS[operator](item, operand) for item in candidates)
        if not holds:
            return False
    return True


def matches(filters: dict[str, Any], config: dict[str, Any]) -> bool:
    results = []
    for key, condition in filters.items():
        if key == "$and":
            results.append(all(matches(item, config) for item in condition))
        elif key == "$or":
            results.append(any(matches(item, config) for item in condition))
        elif key == "$nor":
            results.append(not any(matches(item, config) for item in condition))
        elif key == "$not":
            results.append(not matches(condition, config))
        else:
            results.append(passes(config.get(key.removeprefix("config."), MISSING), condition))
    return all(results)


SAID: list[Any] = [None, True, False, 0, 1, 1.5, "", "1", "ab", [1, "a"], [], {"x": 1}, [[]]]
CONFIGS: list[dict[str, Any]] = [
    *({"k": value} for value in SAID),
    {"m": 2},
    {"k": 1, "m": "a"},
    {},
]


@pytest.fixture(scope="module")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """A store with one run for each of `CONFIGS`, named by its position."""
    store = tmp_path_factory.mktemp("modelled") / "store"
    for index, config in enumerate(CONFIGS):
        artstore.init(project="zoo", name=str(index), store=store, config=config).finish()
    return Api(store=store)


@settings(max_examples=300, deadline=None)
@given(filters=FILTERS)
def test_filters_in_sql_agree_with_filters_in_python(model_store: Api, filters: dict[str, Any]) -> None:
    expected = [str(index) for index, config in enumerate(CONFIGS) if matches(filters, config)]
    assert [run.name for run in model_store.runs("zoo", filters)] == expected


# Versions, collections and registries


@pytest.fixture(scope="module")
def registry_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five versions of a model, v0 deleted and two linked in a registry; and a dataset linked in another registry."""
    store = tmp_path_factory.mktemp("filled") / "store"
    with artstore.init(project="zoo", store=store) as run:
        for index in range(5):
            model = new_artifact("fox", "model", f"{index}" * (index + 1))
            model.metadata = {"accuracy": index / 10, "data": {"kind": "even" if index % 2 == 0 else "odd"}}
            run.log_artifact(model, aliases=[f"a{index}"], tags=["good"] if index > 2 else [])
            model.wait()
            if index in (1, 3):
                model.link("wandb-registry-model/foxes", aliases=["live"] if index == 1 else [])
        run.log_artifact(new_artifact("images", "dataset", "1")).wait().link("wandb-registry-data/pictures")
    Api(store=store).artifact("zoo/fox:v0").delete(delete_aliases=True)
    collection = Api(store=store).artifact_collection("dataset", "zoo/images")
    collection.description, collection.tags = "all of them", ["raw"]
    collection.save()
    return store


def names(listing: Any) -> list[str]:
    return [item.name for item in listing]


def versions(listing: Any) -> list[str]:
    return [item.version for item in listing]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, "v4 v3 v2 v1"),
        ({"metadata.accuracy": {"$gte": 0.2}}, "v4 v3 v2"),
        ({"metadata.data.kind": "odd"}, "v3 v1"),
        ({"alias": "latest"}, "v4"),
        ({"aliases": {"$in": ["a1", "a2"]}}, "v2 v1"),
        ({"tag": "good", "size": {"$lt": 5}}, "v3"),
        ({"version_index": {"$lt": 3}}, "v2 v1"),
        ({"version": "v3"}, "v3"),
        ({"alias": "a0"}, ""),
    ],
)
def test_versions_are_filtered_by_their_fields(registry_store: Path, filters: Any, expected: str) -> None:
    listing = Api(store=registry_store).artifacts("model", "zoo/fox", filters=filters, per_page=1)
    assert (versions(listing), len(listing)) == (expected.split(), len(expected.split()))


def test_tags_and_filters_are_combined_and_counted(registry_store: Path) -> None:
    api = Api(store=registry_store)
    assert versions(api.artifacts("model", "zoo/fox", tags="good", order="+version_index")) == ["v3", "v4"]
    both = api.artifacts("model", "zoo/fox", tags=["good"], filters={"metadata.data.kind": "even"})
    assert (versions(both), len(both)) == (["v4"], 1)
    with pytest.raises(InvalidInput, match="versions have no field 'colour': use one of version_index, version, desc"):
        api.artifacts("model", "zoo/fox", filters={"colour": 1})


def test_links_are_filtered_by_their_own_aliases_and_the_metadata_of_their_versions(registry_store: Path) -> None:
    registry = Api(store=registry_store).registry("model")
    assert versions(registry.versions()) == ["v1", "v0"]
    assert [item.source_version for item in registry.versions({"alias": "live"})] == ["v1"]
    assert [item.source_version for item in registry.versions({"alias": "latest"})] == ["v3"]
    assert [item.source_version for item in registry.versions({"metadata.accuracy": {"$gt": 0.2}})] == ["v3"]
    assert [item.source_version for item in registry.versions({"tag": "good"})] == ["v3"]
    assert list(registry.versions({"alias": "a1"})) == []


def test_collections_and_registries_are_filtered(registry_store: Path) -> None:
    api = Api(store=registry_store)
    assert names(api.registries()) == ["data", "model"]
    assert names(api.registries(filter={"name": {"$regex": "^mod"}})) == ["model"]
    assert names(api.registry("data").collections({"name": {"$regex": "pict"}})) == ["pictures"]
    assert names(api.registry("data").collections({"name": "foxes"})) == []
    tagged = api.artifact_collections("zoo", "dataset", filters={"tag": "raw", "description": {"$regex": "all"}})
    assert (names(tagged), len(tagged)) == (["images"], 1)
    with pytest.raises(InvalidInput, match="registries have no field 'tag': use one of name, full_name"):
        api.registries(filter={"tag": "x"})


def test_deleting_while_a_filtered_listing_is_read_skips_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    with artstore.init(project="zoo", store=tmp_path / "store") as run:
        for index in range(6):
            model = new_artifact("fox", "model", str(index))
            model.metadata = {"odd": index % 2}
            run.log_artifact(model)
    listing: Any = Api(store=tmp_path / "store").artifacts("model", "zoo/fox", filters={"metadata.odd": 1}, per_page=1)
    gone: list[Artifact] = []
    for item in listing:
        item.delete(delete_aliases=True)
        gone.append(item)
    assert versions(gone) == ["v5", "v3", "v1"]
