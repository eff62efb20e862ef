"""Rebuild a folder as a power cut may have left it, from a recorded trace of the calls that changed it.

`Disk` replays the trace. It knows for every file and folder what was written and what was made durable by a sync:
the data of a file by a sync of that file, a name by a sync of the folder that has it. A **strict** cut leaves what was
durable and nothing else. A **lenient** one also leaves blocks of 4 KiB, lengths and names that survived by chance.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

BLOCK = 4096
ACKNOWLEDGED = b'["report"'
"""How the message begins with which a child process says what was acknowledged to it."""
IN_MEMORY = "-shm"
"""The end of the names of files that processes share as memory: SQLite makes them again after a cut."""


@dataclass(eq=False)
class File:
    """A file: its durable bytes, its present bytes, and the changes between the two."""

    durable: bytearray = field(default_factory=bytearray)
    present: bytearray = field(default_factory=bytearray)
    changes: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Either bytes at an offset, or a new length and None."""

    def change(self, at: int, data: bytes | None) -> None:
        _apply(self.present, at, data)
        self.changes.append((at, data))

    def sync(self, count: int) -> None:
        """Make the first changes durable."""
        for at, data in self.changes[:count]:
            _apply(self.durable, at, data)
        del self.changes[:count]

    def by_chance(self, draw: random.Random) -> bytes:
        """Return what a cut may leave: each block, and the length, as it was after some of the changes."""
        count = len(self.changes)
        if not count:
            return bytes(self.durable)
        blocks = range(0, max(len(self.durable), *(at + len(data or b"") for at, data in self.changes)), BLOCK)
        length_after = _chosen(draw, count)
        left_after: dict[int, list[int]] = {}
        for start in blocks:
            left_after.setdefault(_chosen(draw, count), []).append(start)
        state = bytearray(self.durable)
        left = bytearray(len(blocks) * BLOCK)
        length = len(state)
        for done in range(count + 1):
            if done:
                _apply(state, *self.changes[done - 1])
            for start in left_after.get(done, ()):
                part = state[start : start + BLOCK]
                left[start : start + len(part)] = part
            if length_after == done:
                length = len(state)
        return bytes(left[:length].ljust(length, b"\0"))


@dataclass(eq=False)
class Folder:
    """A folder: its durable names, its present names, and the changes between the two."""

    durable: dict[str, Node] = field(default_factory=dict)
    present: dict[str, Node] = field(default_factory=dict)
    changes: list[tuple[int, str, Node | None]] = field(default_factory=list)
    """The number of the call that made the change, the name, and what has it now. A rename is two changes."""

    def sync(self, count: int) -> None:
        """Make the first changes durable."""
        for _, name, node in self.changes[:count]:
            _set(self.durable, name, node)
        del self.changes[:count]


Node: TypeAlias = File | Folder | str
"""A file, a folder, or a link with its target."""


@dataclass(eq=False)
class _Open:
    """An open file or folder, which descriptors of several processes may share."""

    node: File | Folder
    at: int = 0
    appends: bool = False


def _apply(data: bytearray, at: int, new: bytes | None) -> None:
    if new is None:
        del data[at:]
        data.extend(bytes(at - len(data)))
    else:
        data.extend(bytes(max(0, at - len(data))))
        data[at : at + len(new)] = new


def _chosen(draw: random.Random, count: int) -> int:
    return draw.choice((0, draw.randint(0, count), count))


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


class Disk:
    """The files below a folder, changed by the calls of a trace."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._root = _loaded(base)
        self._tables: dict[str, dict[int, _Open]] = {}
        self._begun: dict[str, str] = {}
        """The calls that have begun and not ended, by thread."""
        self._syncing: dict[str, tuple[File | Folder, int]] = {}
        self._numbers = 0
        self.acknowledged = 0
        self.is_strict_changed = True
        """Whether a strict cut leaves something else than after the call before, or something was acknowledged."""

    def play(self, trace: Path) -> Iterator[None]:
        """Replay a trace; stop after each call that changed a file or a name, made one durable, or acknowledged."""
        with trace.open(encoding="latin-1") as lines:
            for line in lines:
                thread, _, text = line.rstrip("\n").partition(" ")
                if self._line(thread, text.lstrip()):
                    yield
                    self.is_strict_changed = False

    def _line(self, thread: str, text: str) -> bool:
        if text.startswith(("+++", "---")):
            return False
        if text.startswith("<... "):
            text = self._begun.pop(thread) + text.partition(" resumed>")[2]
        else:
            self._begin(thread, text)
            if text.endswith("<unfinished ...>"):
                self._begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
                return False
        call, _, rest = text.partition("(")
        arguments, _, result = rest.rpartition(") = ")
        if not arguments or result[0] in "-?":
            self._syncing.pop(thread, None)
            return False
        return self._call(thread, call, _split(arguments), int(result.split()[0].split("<")[0], 0))

    def _table(self, thread: str) -> dict[int, _Open]:
        if thread not in self._tables:
            # The new thread or process may be seen before the call that made it has ended.
            cloning = [(parent, text) for parent, text in self._begun.items() if re.match(r"v?fork|clone", text)]
            parent, text = cloning[0] if cloning else (None, "")
            self._adopt(thread, parent, text)
        return self._tables[thread]

    def _adopt(self, thread: str, parent: str | None, call: str) -> None:
        if thread not in self._tables:
            table = self._tables.setdefault(parent, {}) if parent else {}
            self._tables[thread] = table if "CLONE_FILES" in call else dict(table)

    def _begin(self, thread: str, text: str) -> None:
        call, _, rest = text.partition("(")
        if call in ("fsync", "fdatasync", "close"):
            number = int(re.match(r"\d+", rest)[0])  # type: ignore[index]
            opened = self._table(thread).get(number)
            if call == "close":
                self._table(thread).pop(number, None)
            elif opened:
                self._syncing[thread] = opened.node, len(opened.node.changes)

    def _call(self, thread: str, call: str, words: list[str], result: int) -> bool:
        table = self._table(thread)
        self._numbers += 1
        if call in ("fsync", "fdatasync"):
            if thread not in self._syncing:
                return False
            synced, count = self._syncing.pop(thread)
            synced.sync(count)
            self.is_strict_changed = True
            return True
        if call.startswith(("clone", "fork", "vfork")):
            self._adopt(str(result), thread, " ".join(words))
        elif call in ("open", "openat", "creat"):
            return self._open(table, call, words, result)
        elif call == "lseek":
            if opened := table.get(int(words[0])):
                opened.at = result
        elif call.startswith("dup"):
            if opened := table.get(int(words[0])):
                table[result] = opened
        elif call in ("write", "writev", "pwrite64", "pwritev", "pwritev2"):
            return self._write(table, call, words, result)
        elif call in ("ftruncate", "fallocate"):
            opened = table.get(int(words[0]))
            return bool(opened and isinstance(opened.node, File) and self._resize(opened.node, call, words))
        elif call == "truncate":
            node = self._found(table, None, words[0])
            return isinstance(node, File) and self._resize(node, "ftruncate", words)
        elif call in ("copy_file_range", "sendfile"):
            if any(int(word) in table for word in words[:3] if word.isdigit()):
                raise NotImplementedError(f"replay of {call}")
        elif call != "close":
            return self._rename(table, call, words)
        return False

    def _open(self, table: dict[int, _Open], call: str, words: list[str], result: int) -> bool:
        folder, path, flags = words[:3] if call == "openat" else (None, *words[:2])
        place = self._place(table, folder, str(path))
        table.pop(result, None)
        if place is None:
            return False
        parent, name = place
        node = parent.present.get(name) if name else parent
        changed = False
        if "O_TMPFILE" in str(flags):
            node = File()
        elif node is None:
            node = File()
            self._name(place, node)
            changed = True
        if isinstance(node, File) and "O_TRUNC" in str(flags) and node.present:
            node.change(0, None)
            changed = True
        if not isinstance(node, str):
            table[result] = _Open(node, appends="O_APPEND" in str(flags))
        return changed

    def _write(self, table: dict[int, _Open], call: str, words: list[str], result: int) -> bool:
        data = b"".join(map(_unquoted, re.findall(r'"[^"]*"', words[1])))[:result]
        opened = table.get(int(words[0]))
        if opened is None or not isinstance(opened.node, File):
            is_acknowledged = data.startswith(ACKNOWLEDGED)
            self.acknowledged += is_acknowledged
            self.is_strict_changed |= is_acknowledged
            return is_acknowledged
        at = int(words[3]) if call[0] == "p" else -1
        if at < 0:
            at = len(opened.node.present) if opened.appends else opened.at
            opened.at = at + len(data)
        opened.node.change(at, data)
        return True

    def _resize(self, node: File, call: str, words: list[str]) -> bool:
        if call == "ftruncate":
            node.change(int(words[1]), None)
            return True
        start, length = int(words[2]), int(words[3])
        if "PUNCH_HOLE" in words[1]:
            node.change(start, bytes(min(length, max(0, len(node.present) - start))))
        elif words[1] == "0" and start + length > len(node.present):
            node.change(start + length, None)
        return True

    def _rename(self, table: dict[int, _Open], call: str, words: list[str]) -> bool:
        """Change names: by mkdir, rename, link, symlink, unlink or rmdir."""
        is_at = "at" in call[-3:]
        if call.startswith("symlink"):
            place = self._place(table, words[1] if is_at else None, words[2] if is_at else words[1])
            return self._name(place, _text(words[0]))
        first = self._place(table, words[0] if is_at else None, words[1] if is_at else words[0])
        if call.startswith("mkdir"):
            return self._name(first, Folder())
        if call.startswith(("unlink", "rmdir")):
            return self._name(first, None)
        second = self._place(table, words[2] if is_at else None, words[3] if is_at else words[1])
        if second is None:
            return call.startswith("rename") and self._name(first, None)
        source = _text(words[1] if is_at else words[0])
        node = first[0].present.get(first[1]) if first else None
        if by_descriptor := re.fullmatch(r"/proc/self/fd/(\d+)", source):
            opened = table.get(int(by_descriptor[1]))
            node = opened.node if opened else None
        if node is None:
            raise NotImplementedError(f"{call} of {source}, which is not below the folder")
        if call.startswith("rename") and first:
            self._name(first, None)
        return self._name(second, node)

    def _name(self, place: tuple[Folder, str] | None, node: Node | None) -> bool:
        """Give a name to something, or take it away; return whether the name is below the base."""
        if place is None:
            return False
        folder, name = place
        _set(folder.present, name, node)
        folder.changes.append((self._numbers, name, node))
        return True

    def _place(self, table: dict[int, _Open], descriptor: str | None, word: str) -> tuple[Folder, str] | None:
        """Return the folder and the name that a path means, or None if it is not below the base."""
        path = _text(word)
        start = self._root
        if path.startswith("/"):
            if path != str(self._base) and not path.startswith(f"{self._base}/"):
                return None
            path = path[len(str(self._base)) :]
        elif descriptor is not None and descriptor != "AT_FDCWD":
            opened = table.get(int(descriptor))
            if opened is None or not isinstance(opened.node, Folder):
                return None
            start = opened.node
        names = [name for name in path.split("/") if name not in ("", ".")]
        for name in names[:-1]:
            inner = start.present.get(name)
            if not isinstance(inner, Folder):
                return None
            start = inner
        return start, names[-1] if names else ""

    def _found(self, table: dict[int, _Open], descriptor: str | None, word: str) -> Node | None:
        place = self._place(table, descriptor, word)
        return place[0].present.get(place[1]) if place else None

    def differences(self) -> list[str]:
        """Return the paths whose replayed content is not what is there: the trace did not tell all."""
        return _differences(self._root, self._base)

    def rebuild(self, names: tuple[str, ...], target: Path, draw: random.Random | None) -> None:
        """Write some of the folders as a cut may leave them: strictly without `draw`, otherwise by chance."""
        kept = {number for number in range(self._numbers + 1) if draw and draw.random() < draw.choice((0.2, 0.8))}
        target.mkdir()
        for name, node in _left(self._root, kept).items():
            if name in names:
                _write(node, target / name, kept, draw)


def _differences(folder: Folder, path: Path) -> list[str]:
    there = {inner.name for inner in path.iterdir() if not inner.name.endswith(IN_MEMORY)}
    names = {name for name in folder.present if not name.endswith(IN_MEMORY)}
    different = [str(path / name) for name in there ^ names]
    for name in there & names:
        node, inner = folder.present[name], path / name
        if isinstance(node, Folder):
            different += _differences(node, inner)
        elif isinstance(node, File) and inner.read_bytes() != node.present:
            different.append(str(inner))
    return different


def _left(folder: Folder, kept: set[int]) -> dict[str, Node]:
    names = dict(folder.durable)
    for number, name, node in folder.changes:
        if number in kept:
            _set(names, name, node)
    return names


def _write(node: Node, target: Path, kept: set[int], draw: random.Random | None) -> None:
    if isinstance(node, Folder):
        target.mkdir(0o700)
        for name, inner in _left(node, kept).items():
            _write(inner, target / name, kept, draw)
    elif isinstance(node, str):
        target.symlink_to(node)
    elif not target.name.endswith(IN_MEMORY):
        target.write_bytes(node.by_chance(draw) if draw else node.durable)


def _loaded(path: Path) -> Folder:
    folder = Folder()
    for inner in path.iterdir():
        node: Node
        if inner.is_symlink():
            node = os.readlink(inner)
        elif inner.is_dir():
            node = _loaded(inner)
        else:
            node = File(bytearray(inner.read_bytes()), bytearray(inner.read_bytes()))
        folder.durable[inner.name] = folder.present[inner.name] = node
    return folder


def _split(arguments: str) -> list[str]:
    """Split at the commas outside brackets; strings are hexadecimal, so they contain neither."""
    words, depth, start = [], 0, 0
    for found in re.finditer(r"[,\[\]{}]", arguments):
        sign = found[0]
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0:
            words.append(arguments[start : found.start()].strip())
            start = found.end()
    return [*words, arguments[start:].strip()]


def _unquoted(word: str) -> bytes:
    return bytes.fromhex(word.strip('"').replace("\\x", ""))


def _text(word: str) -> str:
    return os.fsdecode(_unquoted(word))
