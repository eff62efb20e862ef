"""Tables: typed rows and columns, converted from and to data frames and artifacts, with nothing cut or guessed."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

import artstore
from artstore import Artifact, Table
from artstore.data_types import Html, JoinedTable, PartitionedTable
from artstore.errors import ArtifactNotLoggedError, InvalidInput, NoEntry, NotJson, PathConflict, WrongValue
from tests.support.programs import script_output
from tests.support.roundtrip import log_objects, round_trip

pytestmark = pytest.mark.usefixtures("workdir")

NOON = datetime(2024, 2, 3, 12, 0, 0, 123456, UTC)


# Rows and columns


def test_a_table_has_the_rows_that_were_added() -> None:
    table = Table(columns=["a", "b"], data=[[1, "x"]])
    table.add_data(2, "y")
    table.add_row(3, None)
    assert table.data == [[1, "x"], [2, "y"], [3, None]]
    assert [(number, row) for number, row in table.iterrows()] == [(0, [1, "x"]), (1, [2, "y"]), (2, [3, None])]
    assert table.get_column("b") == ["x", "y", None]
    assert table.get_column("a", convert_to="numpy").tolist() == [1, 2, 3]
    assert Table().columns == ["Input", "Output", "Expected"]


def test_columns_are_added_with_values_or_computed_from_the_others() -> None:
    table = Table(columns=["x"], data=[[3], [5]])
    table.add_column("y", numpy.array([1, 2]))
    table.add_computed_columns(lambda number, row: {"d": row["x"] - row["y"], "n": number})
    assert table.columns == ["x", "y", "d", "n"]
    assert table.data == [[3, 1, 2, 0], [5, 2, 3, 1]]


def test_a_frame_without_rows_is_a_table() -> None:
    table = Table(columns=[])
    table.add_column("x", [1, 2])
    assert table.data == [[1], [2]]


def test_rows_know_their_table_so_another_one_can_point_at_them() -> None:
    people = Table(columns=["name"], data=[["ann"], ["bob"]])
    orders = Table(columns=["who"], data=[[people.get_index()[1]], [people.index_ref(0)]])
    stored = round_trip(orders)
    assert stored.data == [[1], [0]]
    assert orders.data[0][0].get_row() == {"name": "bob"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table(columns="ab"), "columns must be a list of names"),
        (lambda: Table(columns=["a", 1.5]), "the name of a column must be a string or an int, not 1.5"),
        (lambda: Table(columns=["a", "b", "a"]), "two columns are called 'a'"),
        (lambda: Table(columns=[1, "1"]), "two columns are called '1'"),
        (lambda: Table(columns=["a"], data=7), "data must be a list of rows"),
        (lambda: Table(columns=["a"], data=["x"]), "row 0 must be a list of values"),
        (lambda: Table(columns=["a"], data=[{"a": 1}]), "row 0 must be a list of values"),
        (lambda: Table(columns=["a"], data=[[1, 2]]), r"expects 1 columns: \['a'\], found 2"),
        (lambda: Table(columns=["a"], data=[[1]], dtype=[int, str]), "dtype has 2 items, and the table 1 columns"),
        (lambda: Table(columns=["a"], data=[[1]], log_mode="SOMETIMES"), "Invalid log_mode: SOMETIMES"),
        (lambda: Table(dataframe=[[1]]), "dataframe must be a data frame of pandas, polars or pyarrow, not list"),
        (lambda: Table(columns=["a"]).get_column("b"), r"'b' is not a column: the table has \['a'\]"),
        (
            lambda: Table(columns=["a"]).get_column("a", convert_to="torch"),
            "convert_to must be 'numpy' or None, not 'torch'",
        ),
        (lambda: Table(columns=["a"]).add_column("a", []), "must be a new string, not 'a'"),
        (lambda: Table(columns=["a"], data=[[1]]).add_column("b", [1, 2]), "Expected length 1, found 2"),
        (lambda: Table(columns=["a"]).index_ref(0), "row 0 does not exist"),
    ],
)
def test_an_invalid_source_is_refused_with_the_valid_ones(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()


# Types


def test_a_column_takes_values_of_one_type_and_names_the_wrong_one() -> None:
    table = Table(columns=["n", "s"], data=[[1, "a"], [2.5, None]])
    with pytest.raises(WrongValue, match=r"row 2, column 'n' holds None or Number, and 'three' is String"):
        table.add_data("three", "b")
    assert table.data == [[1, "a"], [2.5, None]]
    with pytest.raises(TypeError):
        Table(columns=["b"], data=[[True], [1]])


def test_a_refused_row_leaves_no_trace_in_the_types() -> None:
    table = Table(columns=["a", "b"], data=[[None, 1]])
    with pytest.raises(WrongValue):
        table.add_data("text", "no number")
    table.add_data(7, 2)
    assert table.data == [[None, 1], [7, 2]]


@pytest.mark.parametrize(
    ("dtype", "right", "wrong"),
    [
        (int, 1, "1"),
        (float, 1.5, True),
        (str, "a", 1),
        (bool, True, 1),
        (datetime, NOON, "noon"),
        (list, [1, 2], 3),
        ([int], [1, 2], ["a"]),
        ([int, str], "a", 1j),
        ({"k": int}, {"k": 1}, {"k": "a"}),
        ({"k": int}, {"k": 1}, {"other": 1}),
        (7, 7, 8),
        (Html, Html("<b>"), "b"),
        (artstore.Classes([{"id": 1, "name": "cat"}]).get_type(), 1, 2),
    ],
)
def test_a_dtype_is_enforced(dtype: Any, right: Any, wrong: Any) -> None:
    table = Table(columns=["x"], dtype=[dtype])
    table.add_data(right)
    table.add_data(None)
    with pytest.raises(WrongValue):
        table.add_data(wrong)


def test_values_are_missing_only_in_optional_columns() -> None:
    for missing in (None, float("nan"), numpy.float32("nan"), pandas.NaT, pandas.NA, numpy.datetime64("NaT", "ns")):
        assert round_trip(Table(columns=["x"], data=[[1], [missing]], allow_mixed_types=True)).data == [[1], [None]]
        with pytest.raises(WrongValue):
            Table(columns=["x"], data=[[1], [missing]], optional=False)
    with pytest.raises(WrongValue, match="column 'b' has 1 missing values: pass optional=True"):
        Table(dataframe=pandas.DataFrame({"a": [1, 2], "b": [1.0, None]}), optional=[True, False])


def test_casting_checks_the_existing_values() -> None:
    table = Table(columns=["x"], data=[[1], ["a"]], allow_mixed_types=True)
    with pytest.raises(WrongValue, match="Existing data 'a' in row 1 of column 'x', of type String, cannot be cast"):
        table.cast("x", int)
    table.cast("x", [int, str])
    with pytest.raises(WrongValue):
        table.add_data(None)


def test_missing_values_are_accepted_inside_lists_and_dicts() -> None:
    rows = [[[[1, 2], [3]], {"k": 1}], [[[None], [4]], {"k": None}], [None, None]]
    assert round_trip(Table(columns=["l", "d"], data=rows)).data == rows


def test_values_put_into_data_directly_are_checked_when_the_table_is_added() -> None:
    table = Table(columns=["x"], data=[[1]])
    table.data.append(["a"])
    with pytest.raises(WrongValue, match="row 1, column 'x'"):
        round_trip(table)
    table.data[1] = [2, 3]
    with pytest.raises(InvalidInput, match="row 1 has 2 values"):
        round_trip(table)


# JSON


def test_keys_of_dicts_become_strings() -> None:
    table = Table(columns=["d"], data=[[{1: "a", "b": 2}], [{1: None, "b": None}], [None]])
    assert round_trip(table).data == [[{"1": "a", "b": 2}], [{"1": None, "b": None}], [None]]
    assert round_trip(Table(columns=["d"], data=[[{1: "a", 2: "b"}]])).data == [[{"1": "a", "2": "b"}]]


def test_a_small_table_is_unchanged_by_json() -> None:
    rows = [
        [1, 1.5, "é\ud800", True, NOON, [1, [2]], {"k": {"n": 1}}],
        [-(2**70), None, "", None, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), [], None],
    ]
    table = Table(columns=["int", "float", "text", "bool", "time", "list", "dict"], data=rows, allow_mixed_types=False)
    artifact = log_objects(item=table)
    assert artifact.get_entry("item.table.json").size
    assert artifact.get("item") == table
    assert artifact.get("item").data == rows


def test_times_are_utc_in_json_and_dates_are_midnights() -> None:
    there = timezone(timedelta(hours=2))
    table = Table(
        columns=["t"], data=[[datetime(2024, 1, 1, 2, tzinfo=there)], [datetime(2024, 1, 1)], [date(2024, 1, 1)]]
    )
    assert round_trip(table).data == [[datetime(2024, 1, 1, tzinfo=UTC)]] * 3


def test_arrays_come_back_as_arrays() -> None:
    table = Table(columns=["square", "short"])
    table.add_data(numpy.array([[1.5, 2], [3, 4]], dtype="float32"), numpy.arange(3))
    stored = round_trip(table)
    assert stored.data[0][0].dtype == numpy.float32 and stored.data[0][0].tolist() == [[1.5, 2], [3, 4]]
    assert stored.data[0][1] == [0, 1, 2]
    table.add_data(None, None)
    assert round_trip(table).get_column("square") == [[[1.5, 2], [3, 4]], None]


@pytest.mark.parametrize("value", [b"\xff", timedelta(1), 1j, object(), {(1, 2): 3}, datetime.max])
def test_a_value_that_json_cannot_hold_is_an_error_that_names_its_cell(value: Any) -> None:
    artifact = Artifact("things", "dataset")
    with pytest.raises(NotJson, match=r"row 1 of column 'x'.*\*\.table\.parquet"):
        artifact.add(Table(columns=["x"], data=[[None], [value]]), "item")
    assert len(artifact.manifest) == 0


def test_bytes_and_decimals_are_unchanged_by_json_where_it_can_hold_them() -> None:
    table = Table(columns=["b", "d"], data=[[b"text", Decimal("0.1")], [None, Decimal("-7")]])
    assert round_trip(table).data == table.data
    with pytest.raises(NotJson, match=r"row 0 of column 'd'.*more digits"):
        round_trip(Table(columns=["d"], data=[[Decimal("0.1234567890123456789")]]))


# Parquet


def test_a_table_with_a_parquet_name_is_parquet_that_any_program_reads() -> None:
    table = Table(columns=["n", "s"], data=[[1, "a"], [None, "b"]])
    artifact = log_objects(**{"item.table.parquet": table})
    stored = pyarrow.parquet.read_table(artifact.get_entry("item.table.parquet").download())
    assert stored.to_pydict() == {"n": [1, None], "s": ["a", "b"]}
    for name in ("item", "item.table.parquet", "item.table.json"):
        assert artifact.get_table(name) == table


def test_a_large_table_is_parquet_with_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 10)
    small, large = (Table(columns=["n"], data=[[number] for number in range(count)]) for count in (10, 11))
    artifact = log_objects(small=small, **{"large.table.json": large})
    assert sorted(artifact.manifest.entries) == ["large.table.parquet", "small.table.json"]
    assert artifact.get("large.table.json").data == large.data
    assert artifact.get("large") == large


def test_parquet_keeps_values_that_json_cannot_hold() -> None:
    rows: list[list[Any]] = [
        [NOON, date(2024, 1, 1), b"\xff", timedelta(1), Decimal("1.50"), [b"\x00"], datetime(2024, 1, 1)],
        [None, None, None, None, None, None, None],
    ]
    table = Table(columns=[*"abcdefg"], data=rows)
    stored = log_objects(**{"item.table.parquet": table}).get("item")
    assert stored.data == rows
    stored.add_data(*rows[0])
    assert stored.data == [*rows, rows[0]]


def test_columns_of_mixed_types_are_text_in_parquet_and_are_unchanged_when_read() -> None:
    table = Table(columns=["x", "e"], data=[[1, {}], ["a", {}], [[1, "b"], None], [2**70, {}]], allow_mixed_types=True)
    page = Table(columns=["page"], data=[[Html("<b>x</b>")], [None]])
    artifact = log_objects(**{"item.table.parquet": table, "page.table.parquet": page})
    assert artifact.get("item").data == table.data
    assert artifact.get("page").data[0][0].html == page.data[0][0].html


@pytest.mark.parametrize("order", [1, -1])
def test_times_with_and_without_zones_are_not_mixed_up(order: int) -> None:
    mixed = [[date(2024, 1, 1)], [datetime(2024, 1, 1, 5, tzinfo=UTC)]][::order]
    stored = log_objects(**{"item.table.parquet": Table(columns=["t"], data=mixed)}).get("item")
    assert stored.data == [[datetime(2024, 1, 1, tzinfo=UTC)], [datetime(2024, 1, 1, 5, tzinfo=UTC)]][::order]


def test_a_parquet_file_of_another_program_is_a_table(workdir: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"n": [1, None], "l": [[1], [2, 3]]}), workdir / "theirs.parquet")
    artifact = Artifact("things", "dataset")
    artifact.add_file("theirs.parquet", "theirs.table.parquet")
    artifact.save()
    assert artifact.get("theirs").data == [[1, [1]], [None, [2, 3]]]


# Data frames


def frame_of_all_types() -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "int8": numpy.array([1, -2], dtype="int8"),
            "Int64": pandas.array([1, None], dtype="Int64"),
            "float": [0.5, math.nan],
            "text": ["a", None],
            "bool": [True, False],
            "time": pandas.to_datetime(["2024-01-01 00:00:00.123456789", None], format="ISO8601"),
            "zoned": pandas.to_datetime(["2024-01-01", None]).tz_localize("Europe/Berlin"),
            "kind": pandas.Categorical(["x", "y"]),
            "list": [[1, 2], []],
            "dict": [{"k": 1}, None],
        }
    )


def test_a_data_frame_comes_back_from_parquet_with_its_types() -> None:
    frame = frame_of_all_types()
    stored = log_objects(**{"item.table.parquet": Table(dataframe=frame)}).get_table("item").dataframe()
    assert stored.drop(columns=["list", "dict"]).equals(frame.drop(columns=["list", "dict"]))
    assert list(stored.dtypes.drop(["list", "dict"])) == list(frame.dtypes.drop(["list", "dict"]))
    assert [list(cell) for cell in stored["list"]] == [[1, 2], []]
    assert list(stored["dict"]) == [{"k": 1}, None]


def test_a_data_frame_comes_back_from_json_with_its_values() -> None:
    frame = frame_of_all_types()
    stored = round_trip(Table(dataframe=frame))
    assert stored.get_column("Int64") == [1, None]
    assert stored.get_column("time")[0] == datetime(2024, 1, 1, 0, 0, 0, 123457, UTC)
    assert stored.get_column("zoned") == [datetime(2023, 12, 31, 23, tzinfo=UTC), None]
    assert stored.get_column("list") == [[1, 2], []]
    assert stored.dataframe()["float"].isna().tolist() == [False, True]


@pytest.mark.parametrize("name", ["item", "item.table.parquet"])
def test_polars_and_pyarrow_go_in_and_out(name: str) -> None:
    frame = polars.DataFrame({"n": [1, None], "s": ["a", "b"], "t": [NOON, None], "l": [[1], [2, 3]]})
    for source in (frame, frame.lazy(), frame.to_arrow()):
        stored = log_objects(**{name: Table(dataframe=source)}).get_table("item")
        assert isinstance(stored, Table)
        assert stored.polars().to_dict(as_series=False) == frame.to_dict(as_series=False)
        assert stored.arrow().to_pydict() == frame.to_dict(as_series=False)


def test_a_frame_with_objects_or_mixed_types_is_read_row_by_row() -> None:
    page = Html("<b>x</b>")
    assert Table(dataframe=pandas.DataFrame({"page": [page, None]})).data == [[page], [None]]
    with pytest.raises(WrongValue, match="row 1, column 'x'"):
        Table(dataframe=pandas.DataFrame({"x": [1, "a"]}, dtype=object))
    with pytest.raises(WrongValue, match="row 1, column 'x'"):
        Table(dataframe=pandas.DataFrame({"x": [b"a", "a"]}, dtype=object))
    mixed = Table(dataframe=pandas.DataFrame({"x": [1, "a"]}, dtype=object), allow_mixed_types=True)
    assert mixed.data == [[1], ["a"]]


def test_types_of_a_frame_without_an_equivalent_are_not_guessed() -> None:
    page = Html("<b>x</b>")
    assert round_trip(Table(dataframe=polars.DataFrame({"x": [page]}))).data[0][0].html == page.html
    wide = Table(dataframe=polars.DataFrame({"x": polars.Series([2**80], dtype=polars.Int128)}))
    assert log_objects(**{"item.table.parquet": wide}).get("item").data == [[2**80]]
    periods = Table(dataframe=pandas.DataFrame({"p": pandas.period_range("2024", periods=2, freq="D")}))
    with pytest.raises(WrongValue, match=r"column 'p' holds periods of pandas.*\.table\.parquet"):
        round_trip(periods)
    stored = log_objects(**{"item.table.parquet": periods}).get_table("item").dataframe()
    assert stored["p"].tolist() == periods.dataframe()["p"].tolist()
    with pytest.raises(InvalidInput, match="not UTF-8"):
        log_objects(**{"item.table.parquet": Table(columns=["\ud800"])})


def test_a_frame_is_checked_against_a_dtype() -> None:
    with pytest.raises(WrongValue, match="column 'x' holds int64, but is declared as"):
        Table(dataframe=pyarrow.table({"x": [1]}), dtype=str)
    assert Table(data=pandas.DataFrame({0: [1], 1: [2]})).columns == [0, 1]
    with pytest.raises(InvalidInput, match="the name of a column"):
        Table(dataframe=pandas.DataFrame({("a", "b"): [1]}))


def test_a_frame_and_rows_of_the_same_values_are_equal() -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})
    table = Table(columns=["a", "b"], data=[[1, "x"], [2, None]])
    assert Table(dataframe=frame) == table
    assert Table(dataframe=frame) == Table(dataframe=frame)
    table.add_data(3, "z")
    assert Table(dataframe=frame) != table
    assert Table(columns=["a"]) != Table(columns=["b"])


def test_a_row_is_added_to_a_table_of_a_frame() -> None:
    table = Table(dataframe=pandas.DataFrame({"a": [1]}))
    table.add_data(2)
    table.add_column("b", ["x", "y"])
    assert round_trip(table).data == [[1, "x"], [2, "y"]]


def test_tables_work_without_pandas_and_arrow_and_name_the_missing_library() -> None:
    program = """
import sys
for name in ("pandas", "numpy", "pyarrow", "polars", "PIL"):
    sys.modules[name] = None
import artstore
artifact = artstore.Artifact("things", "dataset")
table = artstore.Table(columns=["n"], data=[[1], [None]])
artifact["item"] = table
artifact.save()
assert artifact.wait()["item"].data == [[1], [None]]
for ask in (table.get_dataframe, table.arrow, lambda: artstore.Artifact("a", "b").add(table, "t.table.parquet")):
    try:
        ask()
    except artstore.errors.MissingLibrary as error:
        assert "pip install 'artstore[tables]'" in str(error), error
    else:
        raise AssertionError("nothing was missing")
"""
    script_output(program)


# Artifacts


def test_an_object_is_added_and_read_by_its_name_with_or_without_suffix() -> None:
    table = Table(columns=["n"], data=[[1]])
    artifact = Artifact("things", "dataset")
    entry = artifact.add(table, "a/item")
    artifact["other"] = Table(columns=["n"], data=[[2]])
    artifact.add(Html("<b>"), "page")
    with pytest.raises(ArtifactNotLoggedError):
        artifact.get("a/item")
    artifact.save()
    assert entry.path == "a/item.table.json"
    assert artifact["a/item"] == artifact.get("a/item.table.json") == artifact.get_table("a/item") == table
    assert artifact.get("nothing") is None and artifact["nothing"] is None
    for name in ("nothing", "page"):
        with pytest.raises(KeyError, match="Path not contained in artifact"):
            artifact.get_table(name)
    with pytest.raises(NoEntry):
        artifact.get_table("nothing.table.json")


def test_adding_the_same_again_changes_nothing_and_another_object_is_a_conflict() -> None:
    artifact = Artifact("things", "dataset")
    table, other = Table(columns=["n"], data=[[1]]), Table(columns=["n"], data=[[2]])
    assert artifact.add(table, "item") == artifact.add(table, "item")
    with pytest.raises(PathConflict):
        artifact.add(other, "item")
    artifact.add(other, "item", overwrite=True)
    with pytest.raises(PathConflict, match=r"item\.table\.json"):
        artifact.add(table, "item.table.parquet")
    artifact.add(table, "item.table.parquet", overwrite=True)
    assert list(artifact.manifest.entries) == ["item.table.parquet"]
    table.add_data(3)
    artifact.add(table, "item.table.parquet", overwrite=True)
    artifact.save()
    assert artifact.get("item").data == [[1], [3]]


def test_values_that_are_not_objects_are_refused() -> None:
    artifact = Artifact("things", "dataset")
    for wrong in (5, "path", Path("x"), {"a": 1}, None, Table):
        with pytest.raises(WrongValue, match=r"expected one of artstore\.data_types"):
            artifact.add(wrong, "item")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        artifact.add(Table(), "../item")


def test_an_error_names_a_file_that_is_not_a_table() -> None:
    for content in ("no json", "[1]", '{"_type": "table"}', '{"columns": ["a"], "data": [[1, 2]]}'):
        artifact = Artifact("things", "dataset")
        with artifact.new_file("item.table.json") as file:
            file.write(content)
        artifact.save()
        with pytest.raises(InvalidInput):
            artifact.get("item")
    with (artifact := Artifact("things", "dataset")).new_file("item.table.parquet") as file:
        file.write("no parquet")
    artifact.save()
    with pytest.raises(InvalidInput, match=r"'item\.table\.parquet' of things:v4 is not a valid table.*get_entry"):
        artifact.get("item")


def test_a_table_is_added_to_another_artifact() -> None:
    first = log_objects("first", item=Table(columns=["page"], data=[[Html("<b>x</b>")]]))
    second = log_objects("second", item=first.get("item"))
    assert second.manifest.digest() != "" and second.get("item").data[0][0].html == first.get("item").data[0][0].html
    assert [dependency.name for dependency in second.dependencies()] == ["first:v0"]


def test_only_the_files_of_a_table_are_read(workdir: Path) -> None:
    artifact = log_objects(item=Table(columns=["page"], data=[[Html("<b>x</b>")]]), other=Html("<i>y</i>"))
    assert artifact.get("item").data[0][0].html.endswith("<b>x</b>")
    assert not (workdir / "artifacts").exists()


def test_parts_are_read_as_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 1)
    artifact = Artifact("things", "dataset")
    artifact.add(Table(columns=["a"], data=[[1]]), "parts/p0")
    artifact.add(Table(columns=["a"], data=[[2], [3]]), "parts/p1")
    artifact.add(Html("<b>"), "parts/page")
    artifact.add(PartitionedTable("parts"), "all")
    artifact.save()
    table = artifact.get("all")
    assert table == PartitionedTable("parts")
    assert list(table.iterrows()) == [(0, [1]), (1, [2]), (2, [3])]
    assert table.dataframe()["a"].tolist() == [1, 2, 3]
    assert artifact.get_table("all") == table


def test_parts_with_other_columns_are_an_error_that_names_them() -> None:
    artifact = log_objects(
        **{"parts/p0": Table(columns=["a"]), "parts/p1": Table(columns=["b"]), "all": PartitionedTable("parts")}
    )
    with pytest.raises(InvalidInput, match=r"\['a'\] in parts/p0.table.json, \['b'\] in parts/p1.table.json"):
        list(artifact.get("all").iterrows())
    with pytest.raises(ArtifactNotLoggedError):
        list(PartitionedTable("parts").iterrows())


def test_a_joined_table_holds_its_tables_or_names_them() -> None:
    first, second = Table(columns=["id"], data=[[1]]), Table(columns=["id"], data=[[2]])
    artifact = Artifact("things", "dataset")
    artifact.add(first, "first")
    artifact.add(JoinedTable(first, second, "id"), "both")
    artifact.add(JoinedTable("first.table.json", second, ["id", "id"]), "again")
    with pytest.raises(InvalidInput, match=r"table:third\.table\.json not found in artifact"):
        artifact.add(JoinedTable("first.table.json", "third.table.json", "id"), "wrong")
    artifact.save()
    assert artifact.get("both") == JoinedTable(first, second, "id")
    assert [path for path in artifact.manifest.entries if path.endswith(".table.json")] == [
        "first.table.json",
        "t2.table.json",
    ]
    for wrong, key in ((second, 5), (second, ["id"]), (5, "id"), ("second.csv", "id")):
        with pytest.raises(InvalidInput, match="JoinedTable"):
            JoinedTable(first, wrong, key)  # type: ignore[arg-type]


# Runs


def test_a_table_that_a_run_logs_is_an_artifact_of_the_run() -> None:
    with artstore.init(project="animals", id="abc") as run:
        run.log({"seen": Table(columns=["n"], data=[[1]]), "loss": 0.5})
        run.log({"seen": Table(columns=["n"], data=[[1], [2]]), "frame": pandas.DataFrame({"x": [1, 2]})})
        run.log({"eval/all": Table(columns=["n"])})
    api = artstore.Api()
    logged = api.artifact("animals/run-abc-seen:latest")
    assert (logged.type, logged.version) == ("run_table", "v1")
    assert logged.get("seen").data == [[1], [2]]
    assert api.artifact("animals/run-abc-frame:v0").get("frame").data == [[1], [2]]
    assert {version.name for version in api.artifacts("run_table", "animals/run-abc-seen")} == {
        "run-abc-seen:v0",
        "run-abc-seen:v1",
    }
    summary = api.run("animals/abc").summary
    assert summary["seen"] == {
        "_type": "table-file",
        "ncols": 1,
        "nrows": 2,
        "log_mode": "IMMUTABLE",
        "_latest_artifact_path": "wandb-artifact://local/animals/run-abc-seen:latest/seen.table.json",
    }


# Size


def many_rows(count: int) -> pyarrow.Table:
    """Return rows with nulls, times in nanoseconds and nested lists; each column differs from row to row."""
    number = numpy.arange(count)
    offsets = numpy.arange(0, 2 * count + 1, 2, dtype="int32")
    inner = pyarrow.ListArray.from_arrays(pyarrow.array(offsets), pyarrow.array(numpy.arange(2 * count)))
    outer = pyarrow.ListArray.from_arrays(pyarrow.array(numpy.arange(count + 1, dtype="int32")), inner)
    return pyarrow.table(
        {
            "id": number,
            "score": pyarrow.array(number / 7, mask=number % 5 == 0),
            "name": pyarrow.array(number).cast("string"),
            "flag": pyarrow.array(number % 3 == 0, mask=number % 11 == 0),
            "time": pyarrow.array(number * 1_000_000_007, type=pyarrow.timestamp("ns", "UTC"), mask=number % 13 == 0),
            "lists": outer,
        }
    )


def check_unchanged(count: int) -> None:
    arrow = many_rows(count)
    artifact = log_objects(rows=Table(dataframe=arrow))
    table = artifact.get_table("rows")
    assert isinstance(table, Table)
    assert artifact.get_entry("rows.table.parquet").size
    assert table.arrow().equals(arrow)
    frame = table.dataframe()
    assert len(frame) == count and frame["score"].isna().sum() == -(-count // 5)
    number, row = next(table.iterrows())
    assert (number, row[0], row[5]) == (0, 0, [[0, 1]])
    del frame
    again = log_objects("again", rows=Table(dataframe=to_pandas(arrow))).get_table("rows")
    assert isinstance(again, Table)
    assert (
        again.arrow().drop_columns("lists").cast(arrow.drop_columns("lists").schema).equals(arrow.drop_columns("lists"))
    )
    assert again.arrow()["lists"].to_pylist() == arrow["lists"].to_pylist() if count <= 300_000 else True


def to_pandas(arrow: pyarrow.Table) -> pandas.DataFrame:
    frame: pandas.DataFrame = arrow.to_pandas()
    return frame


def test_a_table_larger_than_wandb_allows_is_unchanged() -> None:
    check_unchanged(200_001)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_five_million_rows_are_unchanged() -> None:
    check_unchanged(5_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 << 20


def test_text_that_is_not_utf8_is_mended_in_a_data_frame() -> None:
    table = round_trip(Table(columns=["a\ud800", "b"], data=[["caf\udce9", 1]]))
    frame = table.get_dataframe()
    assert list(frame.columns) == ["a\ufffd", "b"]
    assert frame.to_dict("records") == [{"a\ufffd": "caf\ufffd", "b": 1}]


@pytest.mark.parametrize("number", [numpy.int64(3), numpy.float32("nan"), numpy.array(2)], ids=repr)
def test_a_number_is_not_rows(number: Any) -> None:
    with pytest.raises(InvalidInput, match="data must be a list of rows, an array or a data frame, not "):
        Table(data=number)
