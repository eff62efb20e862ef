"""Notes and errors for a person at a terminal, on stderr, and lines that fit it.

With ARTSTORE_SILENT set only errors are written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import IO

from artstore.runtime import environment
from artstore.runtime.arguments import checked
from artstore.runtime.progress import SILENT, Progress
from artstore.runtime.words import visible as visible

_NARROWEST = 20
_SHORTEST = 8
"""The fewest columns that a part of a split word takes."""


def room(stream: IO[str]) -> int | None:
    """Return the columns of the terminal that a stream writes to; None if it writes elsewhere."""
    if not stream.isatty():
        return None
    import shutil  # late: for the start-up time

    return max(_NARROWEST, shutil.get_terminal_size().columns)


def width(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata  # late: most texts are ASCII

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def wrapped(line: str, columns: int, hang: str | None = None) -> Iterator[str]:
    """Split a line that is too long for a terminal at its spaces; `hang` begins the lines after the first.

    By default these are indented further than the first. A word that is longer than a line is split anywhere.
    """
    if hang is None:
        hang = " " * min(len(line) - len(line.lstrip(" ")) + 4, columns // 3)
    current, empty = "", True
    for piece in re.split("( +)", line):
        while width(current + piece) > columns:
            fits_below = width(hang + piece) <= columns or columns - width(current) < _SHORTEST
            if piece.isspace() or (not empty and fits_below):
                yield current.rstrip()
                piece = piece.lstrip(" ")
            else:
                fitting = (end for end in range(len(piece), 1, -1) if width(current + piece[:end]) <= columns)
                end = next(fitting, 1)
                yield current + piece[:end]
                piece = piece[end:]
            current, empty = hang, True
        current += piece
        empty = empty and not piece.strip()
    if not empty:
        yield current.rstrip()


def fitted(text: str, stream: IO[str]) -> str:
    """Return a text with lines that fit the terminal that a stream writes to."""
    columns = room(stream)
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in (wrapped(line, columns) if line else [line]))


def silent() -> bool:
    """Return whether ARTSTORE_SILENT asks for results and errors only."""
    return environment.flag("ARTSTORE_SILENT")


def note(text: str) -> None:
    """Print a note on stderr."""
    if not silent():
        print(fitted(visible(text), sys.stderr), file=sys.stderr)


def print_error(text: str) -> None:
    """Print an error on stderr that cannot be raised, as in a thread in the background."""
    print(fitted(visible(text), sys.stderr), file=sys.stderr)


_printed_once: set[str] = set()
"""The messages of `termlog` and its kind with `repeat=False`."""


@checked
def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a message on stderr, as integrations of W&B do; with `repeat=False` only the first time."""
    if not silent():
        _print(string, newline, repeat, prefix)


@checked
def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning on stderr, as integrations of W&B do."""
    termlog(_prefixed("WARNING", string), newline, repeat, prefix)


@checked
def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error on stderr, as integrations of W&B do, even if ARTSTORE_SILENT is set."""
    _print(_prefixed("ERROR", string), newline, repeat, prefix)


def _prefixed(word: str, string: str) -> str:
    return "\n".join(f"{word} {line}" for line in str(string).split("\n"))


def _print(string: str, newline: bool, repeat: bool, prefix: bool) -> None:
    text = str(string)
    if not repeat and text in _printed_once:
        return
    if not repeat:
        _printed_once.add(text)
    lines = [f"{'artstore: ' if prefix else ''}{visible(line)}" for line in text.split("\n")]
    print("\n".join(lines), end="\n" if newline else "", file=sys.stderr)


def progress() -> Progress:
    """Return what shows progress: a bar in a terminal or a notebook, otherwise a line every few seconds."""
    if silent():
        return SILENT
    from artstore.runtime import progress_display  # late: most verbs are done before anything is shown

    return progress_display.listener()
