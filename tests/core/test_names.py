"""The names and paths that artstore accepts, and those that it refuses with a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore import Store
from artstore.core import names
from artstore.core.names import VersionName
from artstore.errors import InvalidName, InvalidPath, NotFound

LONG = "x" * 128
TOO_LONG = "x" * 129
SURROGATE = "caf\udce9"
"""A name whose bytes are not UTF-8, as Python represents it."""


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "..x", "...", "v3", "latest", LONG], ids=repr)
def test_collection_names_are_accepted(name: str) -> None:
    assert names.collection(name) == name


BAD_COLLECTIONS = {
    "empty": "",
    "newline at the end": "x\n",
    "newline alone": "\n",
    "the folder itself": ".",
    "the folder above": "..",
    "slash": "a/b",
    "colon": "a:b",
    "space": "a b",
    "backslash": "a\\b",
    "percent": "a%b",
    "umlaut": "kätzchen",
    "a digit that is not ASCII": "a٣",
    "NUL": "a\0",
    "not UTF-8": SURROGATE,
    "too long": TOO_LONG,
    "not text": 7,
    "nothing": None,
}


@pytest.mark.parametrize("name", BAD_COLLECTIONS.values(), ids=BAD_COLLECTIONS.keys())
def test_collection_names_are_refused(name: str) -> None:
    refuses(names.collection, name)


@pytest.mark.parametrize("name", ["dataset", "raw data", "Modèle", "模型", "a.b-c", "50%", LONG], ids=repr)
def test_types_are_accepted(name: str) -> None:
    assert names.artifact_type(name) == name


BAD_TYPES = {
    "empty": "",
    "slash": "a/b",
    "colon": "a:b",
    "newline": "dataset\n",
    "NUL": "a\0b",
    "escape": "\x1b[31m",
    "delete": "a\x7f",
    "not UTF-8": SURROGATE,
    "too long": TOO_LONG,
    "not text": 1.5,
}


@pytest.mark.parametrize("name", BAD_TYPES.values(), ids=BAD_TYPES.keys())
def test_types_are_refused(name: str) -> None:
    refuses(names.artifact_type, name)


@pytest.mark.parametrize("name", ["uncategorized", "my project", "Größe", "a.b_c-d", "(1)", LONG], ids=repr)
def test_project_names_are_accepted(name: str) -> None:
    assert names.project(name) == name


BAD_PROJECTS = {
    "empty": "",
    "slash": "a/b",
    "backslash": "a\\b",
    "hash": "a#b",
    "question mark": "a?b",
    "percent": "a%b",
    "colon": "a:b",
    "newline": "a\n",
    "NUL": "a\0",
    "the folder itself": ".",
    "the folder above": "..",
    "not UTF-8": SURROGATE,
    "too long": TOO_LONG,
    "not text": b"a",
}


@pytest.mark.parametrize("name", BAD_PROJECTS.values(), ids=BAD_PROJECTS.keys())
def test_project_names_are_refused(name: str) -> None:
    refuses(names.project, name)


@pytest.mark.parametrize(
    "name", ["best", "v", "v3a", "v01", "V3", "vv3", "ready for use", "名", "Latest", LONG], ids=repr
)
def test_aliases_are_accepted(name: str) -> None:
    assert names.alias(name) == name


BAD_ALIASES = {
    "empty": "",
    "latest moves by itself": "latest",
    "an index": "v3",
    "the first index": "v0",
    "an index longer than Python reads": "v" + "9" * 100,
    "slash": "a/b",
    "colon": "a:b",
    "newline": "best\n",
    "NUL": "a\0",
    "not UTF-8": SURROGATE,
    "too long": TOO_LONG,
    "not text": 3,
}


@pytest.mark.parametrize("name", BAD_ALIASES.values(), ids=BAD_ALIASES.keys())
def test_aliases_are_refused(name: str) -> None:
    refuses(names.alias, name)


@pytest.mark.parametrize("name", ["a", "two words", "two  spaces", "-", "snake_case", "größe", "v3", LONG], ids=repr)
def test_tags_are_accepted(name: str) -> None:
    assert names.tag(name) == name


BAD_TAGS = {
    "empty": "",
    "blank": " ",
    "space before": " a",
    "space after": "a ",
    "newline": "a\n",
    "tab": "a\tb",
    "dot": "a.b",
    "slash": "a/b",
    "colon": "a:b",
    "comma": "a,b",
    "NUL": "a\0b",
    "not UTF-8": SURROGATE,
    "too long": TOO_LONG,
    "not text": None,
}


@pytest.mark.parametrize("name", BAD_TAGS.values(), ids=BAD_TAGS.keys())
def test_tags_are_refused(name: str) -> None:
    refuses(names.tag, name)


def refuses(check: Callable[[str], str], name: str) -> None:
    with pytest.raises(InvalidName) as caught:
        check(name)
    assert isinstance(caught.value, ValueError)
    # `latest` is shown as people write it, other values so that a newline is visible.
    assert repr(name) in str(caught.value) or name == "latest" in str(caught.value)


REFERENCES = {
    "animals": VersionName(None, "animals", "latest"),
    "animals:latest": VersionName(None, "animals", "latest"),
    "animals:v0": VersionName(None, "animals", "v0"),
    "animals:best": VersionName(None, "animals", "best"),
    "zoo/animals": VersionName("zoo", "animals", "latest"),
    "zoo/animals:v12": VersionName("zoo", "animals", "v12"),
    "me/zoo/animals:v12": VersionName("zoo", "animals", "v12"),
    "my zoo/a.b-c_d:ready for use": VersionName("my zoo", "a.b-c_d", "ready for use"),
}


@pytest.mark.parametrize("text", REFERENCES)
def test_version_names_are_parsed(text: str) -> None:
    assert names.parse(text) == REFERENCES[text]


@pytest.mark.parametrize(
    ("alias", "number"),
    [("v0", 0), ("v12", 12), ("v01", None), ("v", None), ("v-1", None), ("V1", None), ("v1 ", None), ("v١", None)],
)
def test_a_version_index_is_v_and_a_number(alias: str, number: int | None) -> None:
    assert names.version_number(alias) == number
    assert names.parse(f"animals:{alias}").number == number


BAD_REFERENCES = {
    "empty": "",
    "only an alias": ":v0",
    "no alias after the colon": "animals:",
    "no name after the slash": "zoo/",
    "no project before the slash": "/animals",
    "four parts": "a/b/c/d",
    "absolute": "/me/zoo/animals",
    "the folder above": "zoo/..",
    "climbing project": "../animals",
    "space in the name": "my animals:v0",
    "newline": "animals\n",
    "a URL": "s3://bucket/key",
    "not UTF-8": SURROGATE,
    "not text": 3,
    "nothing": None,
}


@pytest.mark.parametrize("text", BAD_REFERENCES.values(), ids=BAD_REFERENCES.keys())
def test_version_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidName) as caught:
        names.parse(text)
    assert isinstance(caught.value, ValueError)
    parts = [repr(part) for part in str(text).partition(":")[0].split("/")]
    assert repr(text) in str(caught.value) or any(part in str(caught.value) for part in parts)


PATHS = {
    "a": "a",
    "a/b": "a/b",
    "a//b": "a/b",
    "./a": "a",
    "a/./b/": "a/b",
    "a/": "a",
    ".hidden/..x/...": ".hidden/..x/...",
    " a /\tb\n": " a /\tb\n",
    "a\\b": "a\\b",
    "ab:c": "ab:c",
    "100%/~/$HOME": "100%/~/$HOME",
    "x:y": "x:y",
    "C:/x": "C:/x",
    "c:": "c:",
    "a/C:\\x": "a/C:\\x",
    "caf\u00e9": "caf\u00e9",
    "cafe\u0301": "cafe\u0301",
    "日本/🐈.jpg": "日本/🐈.jpg",
}


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_entry_paths_are_normalised_only_in_their_slashes(path: str) -> None:
    assert names.entry_path(path) == PATHS[path]


BAD_PATHS = {
    "empty": "",
    "nothing but slashes and dots": "./.",
    "absolute": "/etc/passwd",
    "absolute by two slashes": "//server/share/x",
    "the folder above": "..",
    "climbing": "../x",
    "climbing from within": "a/../../x",
    "climbing and coming back": "a/../b",
    "climbing at the end": "a/b/..",
    "climbing on Windows": "a\\..\\..\\x",
    "absolute on Windows": "\\x",
    "share": "\\\\server\\share\\x",
    "device": "\\\\?\\C:\\x",
    "a long name": "x/" + "日" * 86,
    "a long path": "x/" * 2048 + "x",
    "NUL": "a\0b",
    "NUL alone": "\0",
    "not UTF-8": f"{SURROGATE}/x",
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS.keys())
def test_entry_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidPath) as caught:
        names.entry_path(path)
    assert isinstance(caught.value, ValueError)
    assert repr(path) in str(caught.value) or repr(path.removeprefix("x/")[:40]) in str(caught.value)


@given(st.text(alphabet=st.sampled_from("a.b/\\:\0 \né\udce9"), max_size=12))
@settings(deadline=None)
def test_an_entry_path_never_leads_outside_its_folder(text: str) -> None:
    try:
        path = names.entry_path(text)
    except InvalidPath:
        return
    inside = PurePosixPath("/root") / path
    assert inside.is_relative_to("/root") and ".." not in inside.parts and str(inside) == f"/root/{path}"
    assert names.entry_path(path) == path


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None)
def test_accepted_names_are_parsed_back_unchanged(project: str, collection: str, alias: str) -> None:
    try:
        checked = names.project(project), names.collection(collection), names.alias(alias)
    except InvalidName:
        return
    assert names.parse(f"{project}/{collection}:{alias}") == VersionName(*checked)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "cat").write_bytes(b"meow")
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        store.add_file(draft, tmp_path / "cat")
        store.commit(draft)
        yield store


@pytest.mark.parametrize("project", ["my zoo", "Größe", "(1)"])
def test_every_accepted_name_can_be_used(store: Store, tmp_path: Path, project: str) -> None:
    draft = store.draft("..x", "raw data 50%", project=project)
    store.add_file(draft, tmp_path / "cat", "日本/cafe\u0301\n")
    version = store.commit(draft, aliases=["ready for use", "名"], tags=["two words", "größe"])
    assert store.version(f"{project}/..x:名") == version
    assert version.aliases == ("latest", "ready for use", "名")
    assert version.tags == ("größe", "two words")
    assert store.get(version, tmp_path / "out").written == 1
    assert (tmp_path / "out" / "日本" / "cafe\u0301\n").read_bytes() == b"meow"


def test_the_store_refuses_a_bad_name_before_it_changes_anything(store: Store, tmp_path: Path) -> None:
    events = store.events()
    draft = store.draft("animals")
    with pytest.raises(InvalidName, match="'a b'"):
        store.draft("a b", "dataset")
    with pytest.raises(InvalidName, match="'a:b'"):
        store.draft("animals2", "a:b")
    with pytest.raises(InvalidName, match="'a#b'"):
        store.draft("animals2", "dataset", project="a#b")
    with pytest.raises(InvalidPath, match=r"'\.\./cat'"):
        store.add_file(draft, tmp_path / "cat", "../cat")
    with pytest.raises(InvalidPath, match="'/cats'"):
        store.add_dir(draft, tmp_path, "/cats")
    with pytest.raises(InvalidName, match="v7"):
        store.commit(draft, aliases=["v7"])
    with pytest.raises(InvalidName, match="'a,b'"):
        store.commit(draft, tags=["a,b"])
    with pytest.raises(InvalidName, match="latest"):
        store.describe("animals:v0", add_aliases=["latest"])
    assert store.events() == events


@pytest.mark.parametrize("number", ["3", "9" * 18, "9" * 19, "9" * 30, "9" * 5000], ids=lambda number: str(len(number)))
def test_an_unknown_index_is_not_found(store: Store, number: str) -> None:
    with pytest.raises(NotFound, match="latest is v0"):
        store.version(f"animals:v{number}")


@pytest.mark.parametrize("alias", ["beast", "Latest", "v0 ", "a/b", "a:b", "v0\n", "x" * 1000])
def test_an_unknown_alias_is_not_found_or_refused(store: Store, alias: str) -> None:
    with pytest.raises((NotFound, InvalidName)) as caught:
        store.version(f"animals:{alias}")
    assert alias in str(caught.value) or repr(alias) in str(caught.value)


@pytest.mark.parametrize("argument", ["description", "metadata", "type", "alias"])
def test_text_that_is_not_utf_8_is_refused_everywhere(store: Store, tmp_path: Path, argument: str) -> None:
    def put() -> None:
        draft = store.draft(
            "others",
            SURROGATE if argument == "type" else "dataset",
            description=SURROGATE if argument == "description" else None,
            metadata={"name": SURROGATE} if argument == "metadata" else None,
        )
        store.add_file(draft, tmp_path / "cat")
        store.commit(draft, aliases=[SURROGATE] if argument == "alias" else [])

    with pytest.raises(ValueError) as caught:
        put()
    assert type(caught.value).__module__ == "artstore.errors", f"{caught.value!r} is not artstore's"
