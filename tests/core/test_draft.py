"""A draft behaves as a mapping of paths; these tests show what can be put into it and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore import Entry, Kind, Store, Version
from artstore.core.draft import Draft
from artstore.errors import ArtstoreError, InvalidInput, NotFound, PathConflict, StoreError

CAT, DOG = "blake3:" + "1" * 64, "blake3:" + "2" * 64


def file(path: str, digest: str = CAT) -> Entry:
    return Entry(path, Kind.FILE, digest, 1)


def folder(path: str) -> Entry:
    return Entry(path, Kind.FOLDER)


def link(path: str) -> Entry:
    return Entry(path, Kind.LINK, target="x")


class Stored:
    """A committed version with the interface that drafts use."""

    version = Version(1, "p", "animals", "dataset", 0, DOG, 1, 1, "committed", "2025-01-01T00:00:00.000000Z")

    def __init__(self, *entries: Entry) -> None:
        self.entries = {entry.path: entry for entry in entries}

    def find(self, path: str) -> Entry | None:
        return self.entries.get(path)

    def under(self, folder: str) -> Iterator[Entry]:
        prefix = folder + "/" if folder else ""
        return (entry for path, entry in self.entries.items() if path.startswith(prefix))

    def has_below(self, path: str) -> bool:
        return any(self.under(path))


def draft_of(*entries: Entry, based: bool) -> Draft:
    """Return a draft with these entries, from its base or added one by one."""
    draft = Draft("animals", "dataset", base=Stored(*entries) if based else None)
    if not based:
        draft.add_all(list(entries))
    return draft


def entries_of(draft: Draft) -> dict[str, Entry]:
    listed = list(draft.under(""))
    assert len({entry.path for entry in listed}) == len(listed), "a path is listed twice"
    assert all(draft.find(entry.path) == entry for entry in listed)
    return {entry.path: entry for entry in listed}


based = pytest.mark.parametrize("based", [False, True], ids=["from nothing", "from a version"])


@based
def test_the_same_content_at_the_same_path_changes_nothing(based: bool) -> None:
    draft = draft_of(file("a/cat"), based=based)
    assert draft.add(file("a/cat")) == file("a/cat")
    assert entries_of(draft) == {"a/cat": file("a/cat")}


@based
@pytest.mark.parametrize(
    "other",
    [file("a/cat", DOG), link("a/cat"), file("a/cat")._replace(executable=True)],
    ids=["other content", "a link", "another mode"],
)
def test_other_content_at_the_same_path_is_a_conflict_unless_overwritten(based: bool, other: Entry) -> None:
    draft = draft_of(file("a/cat"), based=based)
    with pytest.raises(PathConflict, match=r"Cannot add the same path twice: 'a/cat'.*overwrite=True"):
        draft.add(other)
    assert entries_of(draft) == {"a/cat": file("a/cat")}
    draft.add(other, overwrite=True)
    assert entries_of(draft) == {"a/cat": other}


@based
@pytest.mark.parametrize("above", [file("a"), link("a")], ids=["file", "link"])
@pytest.mark.parametrize("below", ["a/b", "a/b/c/d"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_can_be_added_below_a_file_or_a_link(based: bool, above: Entry, below: str, overwrite: bool) -> None:
    draft = draft_of(above, based=based)
    with pytest.raises(PathConflict, match=f"'{below}' cannot be added: 'a' is a {above.kind.name.lower()}"):
        draft.add(file(below), overwrite=overwrite)
    assert entries_of(draft) == {"a": above}


@based
@pytest.mark.parametrize("entry", [file("a"), link("a")], ids=["file", "link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_entries_is_not_replaced(based: bool, entry: Entry, overwrite: bool) -> None:
    draft = draft_of(file("a/b/cat"), file("a-b"), based=based)
    with pytest.raises(PathConflict, match="'a' cannot be added: it is a folder"):
        draft.add(entry, overwrite=overwrite)
    assert entries_of(draft) == {"a/b/cat": file("a/b/cat"), "a-b": file("a-b")}
    draft.remove("a")
    draft.add(entry)
    assert entries_of(draft) == {"a": entry, "a-b": file("a-b")}


@based
def test_an_empty_folder_is_replaced_by_an_entry_at_or_below_its_path(based: bool) -> None:
    draft = draft_of(folder("a"), folder("b"), folder("c/d"), based=based)
    draft.add(file("a"))
    draft.add(file("b/x/y"))
    draft.add(folder("c/d/e"))
    assert entries_of(draft) == {"a": file("a"), "b/x/y": file("b/x/y"), "c/d/e": folder("c/d/e")}


@based
@pytest.mark.parametrize("inside", ["a/cat", "a/b/cat"])
def test_a_folder_with_entries_has_no_entry_of_its_own(based: bool, inside: str) -> None:
    """Only folders that hold nothing have an entry (docs/format.md)."""
    draft = draft_of(file(inside), based=based)
    draft.add(folder("a"))
    assert entries_of(draft) == {inside: file(inside)}


@based
def test_an_empty_folder_replaces_a_file_only_by_overwriting(based: bool) -> None:
    draft = draft_of(file("a"), based=based)
    with pytest.raises(PathConflict):
        draft.add(folder("a"))
    draft.add(folder("a"), overwrite=True)
    assert entries_of(draft) == {"a": folder("a")}


@based
def test_removing_a_file_leaves_its_neighbours(based: bool) -> None:
    draft = draft_of(file("a/b"), file("a/b.txt"), file("a/c"), based=based)
    assert draft.remove("a/b") == ["a/b"]
    assert set(entries_of(draft)) == {"a/b.txt", "a/c"}
    assert draft.find("a/b") is None


@based
def test_removing_a_folder_removes_only_its_entries(based: bool) -> None:
    draft = draft_of(file("a/b/1"), file("a/b/c/2"), file("a/b-c"), file("a/b0"), folder("a/b/d"), based=based)
    assert sorted(draft.remove("a/b/")) == ["a/b/1", "a/b/c/2", "a/b/d"]
    assert set(entries_of(draft)) == {"a/b-c", "a/b0"}
    draft.add(file("a/b"))
    assert set(entries_of(draft)) == {"a/b-c", "a/b0", "a/b"}


@based
def test_removing_a_missing_path_is_an_error(based: bool) -> None:
    draft = draft_of(file("a/b"), based=based)
    for path in ("a/c", "b", "a/b/c"):
        with pytest.raises(NotFound, match=f"no entry '{path}' in animals") as caught:
            draft.remove(path)
        assert isinstance(caught.value, LookupError)
    draft.remove("a/b")
    with pytest.raises(NotFound):
        draft.remove("a/b")


@based
def test_a_removed_path_can_be_added_again(based: bool) -> None:
    draft = draft_of(file("a/b"), based=based)
    draft.remove("a/b")
    draft.add(file("a/b", DOG))
    assert entries_of(draft) == {"a/b": file("a/b", DOG)}
    draft.remove("a")
    draft.add(file("a"))
    assert entries_of(draft) == {"a": file("a")}


@based
@pytest.mark.parametrize("clash", [file("a/cat", DOG), file("a"), file("a/cat/x")], ids=lambda entry: str(entry.path))
def test_adding_many_adds_none_if_one_is_refused(based: bool, clash: Entry) -> None:
    before = [file("a/cat"), folder("e")]
    draft = draft_of(*before, based=based)
    with pytest.raises(PathConflict):
        draft.add_all([file("new"), file("e/x"), file("dir/new"), clash])
    assert entries_of(draft) == {entry.path: entry for entry in before}
    draft.add(file("dir"))
    draft.add(file("e"))
    assert set(entries_of(draft)) == {"a/cat", "e", "dir"}


def test_a_large_version_is_changed_without_touching_what_stays() -> None:
    entries = [file(f"{i // 1000}/{i}") for i in range(20_000)]
    draft = draft_of(*entries, based=True)
    draft.add(file("new"))
    draft.add(file("7/7001", DOG), overwrite=True)
    draft.remove("9/9001")
    assert draft.changes == {"new": file("new"), "7/7001": file("7/7001", DOG), "9/9001": None}


# A model: a dict from path to entry, with the rules written as plainly as possible.


class Model:
    def __init__(self, entries: dict[str, Entry]) -> None:
        self.entries = dict(entries)

    def add(self, entry: Entry, overwrite: bool) -> bool:
        parents = {entry.path[:i] for i, letter in enumerate(entry.path) if letter == "/"}
        if any(self.entries[p].kind != Kind.FOLDER for p in parents & self.entries.keys()):
            return False
        if any(path.startswith(entry.path + "/") for path in self.entries):
            return entry.kind == Kind.FOLDER
        present = self.entries.get(entry.path)
        if present not in (None, entry) and present is not None and present.kind != Kind.FOLDER and not overwrite:
            return False
        for parent in parents:
            self.entries.pop(parent, None)
        self.entries[entry.path] = entry
        return True

    def remove(self, path: str) -> set[str]:
        gone = {p for p in self.entries if p == path or p.startswith(path + "/")}
        for path in gone:
            del self.entries[path]
        return gone


PATHS = st.lists(st.sampled_from(["a", "a-", "b"]), min_size=1, max_size=3).map("/".join)
ENTRIES = st.builds(lambda path, make: make(path), PATHS, st.sampled_from([file, lambda p: file(p, DOG), folder, link]))
STEPS = st.one_of(
    st.tuples(st.just("add"), ENTRIES, st.booleans()),
    st.tuples(st.just("add_all"), st.lists(ENTRIES, max_size=4), st.booleans()),
    st.tuples(st.just("remove"), PATHS, st.just(False)),
)


@given(st.lists(ENTRIES, max_size=6), st.lists(STEPS, max_size=12), st.booleans())
@settings(deadline=None, max_examples=300)
def test_a_draft_is_a_mapping_of_paths(
    start: list[Entry], steps: list[tuple[str, Entry | list[Entry] | str, bool]], based: bool
) -> None:
    model = Model({})
    for entry in start:
        model.add(entry, False)
    draft = draft_of(*model.entries.values(), based=based)
    for verb, target, overwrite in steps:
        if isinstance(target, Entry):
            done = model.add(target, overwrite)
            assert is_added(draft, [target], overwrite) == done, verb
        elif isinstance(target, list):
            attempt = Model(model.entries)
            done = all(attempt.add(entry, overwrite) for entry in target)
            assert is_added(draft, target, overwrite) == done, verb
            model = attempt if done else model
        else:
            gone = model.remove(target)
            try:
                assert set(draft.remove(target)) == gone
            except NotFound:
                assert not gone
        assert entries_of(draft) == model.entries


def is_added(draft: Draft, entries: list[Entry], overwrite: bool) -> bool:
    try:
        if len(entries) == 1:
            draft.add(entries[0], overwrite=overwrite)
        else:
            draft.add_all(entries, overwrite=overwrite)
    except PathConflict as error:
        assert isinstance(error, ValueError)
        return False
    return True


# Drafts of a real store


def write_texts(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def paths_of(store: Store, version: Version | str) -> list[str]:
    return [entry.path for entry in store.entries(version)]


def test_a_version_with_a_base_keeps_unchanged_entries(store: Store, tmp_path: Path) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow", dog="woof", rat="squeak"))
    store.commit(draft)
    draft = store.draft("animals", base="animals:v0")
    store.add_file(draft, write_texts(tmp_path / "two", dog="WOOF") / "dog", overwrite=True)
    draft.remove("rat")
    store.add_dir(draft, write_texts(tmp_path / "three", cow="moo"), "farm")
    version = store.commit(draft)
    assert paths_of(store, version) == ["cat", "dog", "farm/cow"]
    store.get(version, tmp_path / "out")
    assert (tmp_path / "out" / "dog").read_text() == "WOOF"
    assert (tmp_path / "out" / "cat").read_text() == "meow"


def test_adding_a_conflicting_folder_leaves_the_draft_unchanged(store: Store, tmp_path: Path) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow", dog="woof"))
    before = entries_of(draft)
    with pytest.raises(PathConflict, match="'dog'"):
        store.add_dir(draft, write_texts(tmp_path / "two", bat="eek", dog="WOOF"))
    with pytest.raises(PathConflict, match="'cat'"):
        store.add_dir(draft, write_texts(tmp_path / "three", x="x"), "cat")
    assert entries_of(draft) == before
    assert store.add_dir(draft, tmp_path / "two", overwrite=True) == 2
    version = store.commit(draft)
    assert paths_of(store, version) == ["bat", "cat", "dog"]
    assert store.verify().ok


def test_a_draft_without_entries_is_a_version(store: Store, tmp_path: Path) -> None:
    version = store.commit(store.draft("nothing", "dataset"))
    assert (version.entries, version.size, paths_of(store, version)) == (0, 0, [])
    assert store.get(version, tmp_path / "out").written == 0
    assert store.commit(store.draft("nothing")) == version


def test_a_version_with_a_base_can_remove_everything(store: Store, tmp_path: Path) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow"))
    store.commit(draft)
    draft = store.draft("animals", base="animals:v0")
    draft.remove("cat")
    version = store.commit(draft)
    assert (version.number, version.entries) == (1, 0)


def test_a_collection_that_does_not_exist_needs_a_type(store: Store) -> None:
    with pytest.raises(
        InvalidInput, match="the artifact 'animals' does not exist in project 'uncategorized' yet: pass type='dataset'"
    ):
        store.draft("animals")


@pytest.mark.parametrize(
    "metadata",
    [{"a": float("nan")}, {"a": object()}, {(1, 2): 3}, ["a"], "a"],
    ids=["NaN", "object", "key", "list", "text"],
)
def test_metadata_that_json_cannot_hold_is_refused(store: Store, metadata: object) -> None:
    draft = store.draft("animals", "dataset", metadata=metadata)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="metadata must be"):
        store.commit(draft)
    assert store.collections() == []


def test_a_draft_can_be_committed_again(store: Store, tmp_path: Path) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow"))
    first = store.commit(draft)
    assert store.commit(draft) == first
    store.add_file(draft, write_texts(tmp_path / "two", dog="woof") / "dog")
    assert paths_of(store, store.commit(draft)) == ["cat", "dog"]


@pytest.mark.parametrize("how", ["dropped", "its version deleted"])
def test_a_draft_that_lost_its_content_cannot_be_committed(store: Store, tmp_path: Path, how: str) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow"))
    if how == "dropped":
        store.drop(draft)
    else:
        store.delete(store.commit(draft), delete_aliases=True)
    with pytest.raises(ArtstoreError, match="draft"):
        store.commit(draft)
    assert store.verify().ok


def test_a_draft_whose_base_was_deleted_cannot_be_committed(store: Store, tmp_path: Path) -> None:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, write_texts(tmp_path / "one", cat="meow"))
    version = store.commit(draft)
    late = store.draft("animals", base=version)
    store.delete(version, delete_aliases=True)
    with pytest.raises(NotFound, match=r"animals:v0.*was deleted: start from another version"):
        store.commit(late)
    with pytest.raises(StoreError, match=r"animals:v0 was deleted"):
        store.draft("animals", base=version)
