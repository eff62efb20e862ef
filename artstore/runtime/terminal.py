"""What is said to a person at a terminal: notes, and bars for what takes long; nothing where ARTSTORE_SILENT is set."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import TYPE_CHECKING

from artstore.runtime import environment
from artstore.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Display

# Control characters, and those that turn the direction of text: in a name they could rewrite the screen.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Text with everything that would not show, or would move the cursor, written as `\x1b`."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def silent() -> bool:
    """Whether ARTSTORE_SILENT asks for results and errors only."""
    return environment.flag("ARTSTORE_SILENT")


def note(text: str) -> None:
    """Tell something beside the result, on stderr."""
    if not silent():
        print(visible(text), file=sys.stderr)


def complain(text: str) -> None:
    """Tell what went wrong, on stderr, where there is nobody to raise it to."""
    print(visible(text), file=sys.stderr)


_told: set[str] = set()


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Tell something on stderr, as integrations of W&B do; with `repeat=False` only the first time."""
    if not silent():
        _tell(string, newline, repeat, prefix)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Tell a warning on stderr, as integrations of W&B do."""
    termlog(_marked("WARNING", string), newline, repeat, prefix)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Tell an error on stderr, as integrations of W&B do, also where ARTSTORE_SILENT is set."""
    _tell(_marked("ERROR", string), newline, repeat, prefix)


def _marked(word: str, string: str) -> str:
    return "\n".join(f"{word} {line}" for line in string.split("\n"))


def _tell(string: str, newline: bool, repeat: bool, prefix: bool) -> None:
    if not repeat and string in _told:
        return
    if not repeat:
        _told.add(string)
    lines = [f"{'artstore: ' if prefix else ''}{visible(line)}" for line in string.split("\n")]
    print("\n".join(lines), end="\n" if newline else "", file=sys.stderr)


class Bars:
    """A bar on stderr for each step that takes longer than `patience` seconds. Several threads may call it."""

    def __init__(self, patience: float = 1.0) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._step: tuple[str, int | None, str] = ("", None, "bytes")
        self._started = 0.0
        self._done = 0
        self._display: Display | None = None

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """A step begins."""
        with self._lock:
            self._close()
            self._step, self._started, self._done = (what, total, unit), time.monotonic(), 0

    def advance(self, amount: int) -> None:
        """So much more of the step is done."""
        with self._lock:
            self._done += amount
            if self._display is None and time.monotonic() - self._started > self._patience:
                self._display = self._open()
            if self._display is not None:
                self._display.update(self._display.task_ids[0], completed=self._done)

    def end(self) -> None:
        """The step is over; its bar goes."""
        with self._lock:
            self._close()

    def _open(self) -> Display:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bar

        what, total, unit = self._step
        amount = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), *amount, console=Console(file=sys.stderr), transient=True
        )
        bar.add_task(escape(visible(what)), total=total)
        bar.start()
        return bar

    def _close(self) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None


def progress() -> Progress:
    """Who shows how far a long verb is: bars on a terminal, otherwise nobody."""
    return Bars() if sys.stderr.isatty() and not silent() else SILENT
