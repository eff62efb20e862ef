"""Show the progress of long operations: as bars in terminals and notebooks, otherwise as lines of a log."""

from __future__ import annotations

import sys
import threading
import time
from html import escape
from typing import TYPE_CHECKING, Any

from artstore.runtime import notebook, words
from artstore.runtime.progress import Progress, Total
from artstore.runtime.words import visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar

_SOON = 1.0
"""The seconds after which a bar appears."""
_EVERY = 5.0
"""The seconds between the lines of a log, and before the first."""
_REDRAWN = 0.5
"""The seconds between the pictures of a bar in a notebook."""
_FIRST = 0.5
"""The seconds of work from which the time left is estimated."""


class State:
    """The progress of a step."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self.what = visible(what)
        self.total = total
        self.unit = unit
        self.done = 0
        self.seconds = 0.0

    @property
    def left(self) -> float | None:
        """The seconds that the rest will take at the speed so far; None if that is not known."""
        if not self.total or not self.done or self.seconds < _FIRST or self.done > self.total:
            return None
        return self.seconds * (self.total - self.done) / self.done

    def text(self) -> str:
        """Return the amounts in words: `adding big.bin: 1.2 GB of 2.0 GB, 60%, 85.0 MB/s, 9 s left`."""
        parts = [self._amount(self.done)]
        if self.total:
            parts = [f"{parts[0]} of {self._amount(self.total)}", f"{min(1.0, self.done / self.total):.0%}"]
        if self.unit == "bytes" and self.seconds:
            parts.append(f"{words.size(round(self.done / self.seconds))}/s")
        if self.left is not None:
            parts.append(f"{words.duration(self.left)} left")
        return f"{self.what}: {', '.join(parts)}"

    def end_text(self) -> str:
        """Return what was done, and how long it took."""
        return f"{self.what}: {self._amount(self.done)} in {words.duration(self.seconds)}"

    def _amount(self, count: int) -> str:
        return words.size(count) if self.unit == "bytes" else f"{count:,} {self.unit}"


class Shown:
    """A listener that shows a step which takes longer than `patience` seconds; safe for several threads."""

    patience = _SOON
    every = 0.0

    def __init__(self, patience: float | None = None) -> None:
        if patience is not None:
            self.patience = patience
        self._lock = threading.Lock()
        self._state = State("", None, "bytes")
        self._measure: Total = None
        self._started = self._drawn = 0.0
        self._open = False

    def begin(self, what: str, total: Total, unit: str) -> None:
        """Begin a step."""
        with self._lock:
            self._close()
            self._state = State(what, total if isinstance(total, int) else None, unit)
            self._measure = None if isinstance(total, int) else total
            self._started = time.monotonic()

    def advance(self, amount: int) -> None:
        """Add to the amount that is done, and show it if the step has taken long enough."""
        with self._lock:
            self._state.done += amount
            now = time.monotonic()
            self._state.seconds = now - self._started
            if not self._open and self._state.seconds > self.patience:
                self._open = True
                self._find_total(self._state)
                self.appear(self._state)
                self._drawn = now
            elif self._open and now - self._drawn >= self.every:
                self._drawn = now
                self.draw(self._state)

    def end(self) -> None:
        """End the step."""
        with self._lock:
            self._state.seconds = time.monotonic() - self._started
            self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self.disappear(self._state)

    def _find_total(self, state: State) -> None:
        """Find the total in a thread of its own: that may take as long as the work."""
        measure = self._measure
        if callable(measure):

            def find() -> None:
                state.total = measure()

            threading.Thread(target=find, name="artstore-total", daemon=True).start()

    def appear(self, state: State) -> None:
        """Show a step for the first time."""
        raise NotImplementedError

    def draw(self, state: State) -> None:
        """Show how far it is."""
        raise NotImplementedError

    def disappear(self, state: State) -> None:
        """End what is shown."""
        raise NotImplementedError


class Bars(Shown):
    """Bars on stderr, for a terminal, which are removed at the end."""

    _bar: RichBar

    def appear(self, state: State) -> None:
        # Late, for the start-up time.
        from rich.console import Console
        from rich.markup import escape as escape_markup
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        amount = (DownloadColumn(), TransferSpeedColumn()) if state.unit == "bytes" else (MofNCompleteColumn(),)
        console = Console(file=sys.stderr)
        name = TextColumn("{task.description}")
        left = TimeRemainingColumn(compact=True)
        self._bar = Bar(name, BarColumn(bar_width=None), *amount, left, console=console, transient=True, expand=True)
        self._bar.add_task(escape_markup(state.what), total=state.total)
        self._bar.start()
        self.draw(state)

    def draw(self, state: State) -> None:
        self._bar.update(self._bar.task_ids[0], completed=state.done, total=state.total)

    def disappear(self, state: State) -> None:
        self._bar.stop()


class Lines(Shown):
    """A line on stderr every few seconds, for logs, and one at the end."""

    patience = _EVERY
    every = _EVERY

    def appear(self, state: State) -> None:
        self.draw(state)

    def draw(self, state: State) -> None:
        print(f"artstore: {state.text()}", file=sys.stderr, flush=True)

    def disappear(self, state: State) -> None:
        print(f"artstore: {state.end_text()}", file=sys.stderr, flush=True)


class NotebookBars(Shown):
    """A bar below the cell of a notebook; in the end it says how long the step took."""

    every = _REDRAWN
    _handle: Any

    def appear(self, state: State) -> None:
        display = sys.modules["IPython.display"].display
        self._handle = display(_drawn(state), raw=True, display_id=True)

    def draw(self, state: State) -> None:
        self._handle.update(_drawn(state), raw=True)

    def disappear(self, state: State) -> None:
        text = state.end_text()
        self._handle.update({"text/html": f"<p>{escape(text)}</p>", "text/plain": text}, raw=True)


def _drawn(state: State) -> dict[str, str]:
    value = f' max="{state.total}" value="{min(state.done, state.total)}"' if state.total else ""
    text = state.text()
    return {"text/html": f"<p><progress{value}></progress> {escape(text)}</p>", "text/plain": text}


def listener() -> Progress:
    """Return the listener that fits where this program runs."""
    if notebook.is_running():
        return NotebookBars()
    return Bars() if sys.stderr.isatty() else Lines()
