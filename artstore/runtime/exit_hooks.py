"""How this process ends, and what is done before: at its last line, by `sys.exit`, an exception, or SIGTERM.

SIGKILL and a power failure tell nobody; those are found out by others, from lock files. Nor does Python tell anybody of
a `raise SystemExit(3)` that nothing catches: the process then counts as one that came to its last line.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from _sitebuiltins import Quitter
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn

from artstore.runtime import forking

Ending = Callable[[int], None]

_guard = threading.Lock()
_watching: int | None = None
_code = 0
_endings: list[Ending] = []
_under_way = False


def _begin_anew_in_child() -> None:
    # Another thread of the parent may have held it.
    global _guard
    _guard = threading.Lock()
    _leave_sigterm()


forking.register(after_in_child=_begin_anew_in_child)


def watch(ending: Ending) -> None:
    """Have a function called with the exit code before this process ends, the last one that was given first.

    A child that is forked later has to ask for itself.
    """
    global _watching, _code, _under_way
    with _guard:
        if _watching != os.getpid():
            _watching, _code, _under_way = os.getpid(), 0, False
            _endings.clear()
            _install()
        _endings.append(ending)
        _catch_sigterm()


def unwatch(ending: Ending) -> None:
    """Take back what was asked of `watch`."""
    with _guard:
        if _watching == os.getpid() and ending in _endings:
            _endings.remove(ending)
            if not _endings:
                _leave_sigterm()


def _install() -> None:
    sys.excepthook = _noting_exception(sys.excepthook)
    sys.exit = _noting_exit(sys.exit)
    Quitter.__call__ = _noting_quitter(Quitter.__call__)  # type: ignore[method-assign]
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        # Before Python 3.13, what multiprocessing forks leaves without atexit.
        from multiprocessing.util import Finalize

        Finalize(None, _end, exitpriority=100)
    atexit.register(_end)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _catch_sigterm() -> None:
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _leave_sigterm() -> None:
    # A process that waits for a lock of multiprocessing may miss a signal that Python handles, but not the default.
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end() -> None:
    global _under_way
    if _watching != os.getpid():
        return
    _under_way = True
    _note_what_no_hook_is_told(sys._getframe().f_back)
    while _endings:
        _endings.pop()(_code)


def _note_what_no_hook_is_told(caller: FrameType | None) -> None:
    """Note how a process of multiprocessing ends: the exception is on its way, or, since 3.13, its caller knows."""
    error = sys.exc_info()[1]
    if error is not None:
        _note(exit_code(error.code) if isinstance(error, SystemExit) else 1)
    elif caller is not None and caller.f_globals.get("__name__", "").startswith("multiprocessing."):
        _note(caller.f_locals.get("code", _code))


def _terminate(number: int, frame: FrameType | None) -> None:
    # A second one ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if _watching != os.getpid() or not (_endings or _under_way):
        os.kill(os.getpid(), number)
    elif not _under_way:
        _note(128 + number)
        raise SystemExit(128 + number)


def _note(code: int) -> None:
    global _code
    if _watching == os.getpid():
        _code = code


def exit_code(code: object) -> int:
    """The exit code that Python makes of what `sys.exit` was called with."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def _noting_exception(before: ExceptHook) -> ExceptHook:
    def noted(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> object:
        _note(1)
        return before(kind, error, traceback)

    return noted


def _noting_exit(before: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def noted(code: str | int | None = None) -> NoReturn:
        _note_exit(code)
        before(code)

    return noted


def _noting_quitter(before: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """The same for `exit` and `quit`, which do not go by `sys.exit`."""

    def noted(self: Quitter, code: str | int | None = None) -> NoReturn:
        _note_exit(code)
        before(self, code)

    return noted


def _note_exit(code: object) -> None:
    # In another thread it ends that thread alone.
    if _in_main_thread():
        _note(exit_code(code))
