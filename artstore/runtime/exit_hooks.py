"""Functions called with the exit code before this process ends: at its last line, by `sys.exit`, an error or SIGTERM.

They are not called for SIGKILL and power failures; other processes notice those from lock files. Nor does Python
report a `raise SystemExit(3)` that nothing catches: the hooks then get the code 0.
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

Hook = Callable[[int], None]
ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

_guard = threading.Lock()
_process: int | None = None
"""The process whose state this is. In a forked child it is still the parent until the child registers a hook."""
_code = 0
_hooks: list[Hook] = []
_ending = False


def _reset_in_child() -> None:
    # Another thread of the parent may have held the guard.
    global _guard
    _guard = threading.Lock()
    _release_sigterm()


forking.register(after_in_child=_reset_in_child)


def register(hook: Hook) -> None:
    """Call a function with the exit code before this process ends; the last one registered is called first.

    A forked child registers its own.
    """
    global _process, _code, _ending
    with _guard:
        if _process != os.getpid():
            _process, _code, _ending = os.getpid(), 0, False
            _hooks.clear()
            _install()
        _hooks.append(hook)
        _catch_sigterm()


def unregister(hook: Hook) -> None:
    """Do not call a registered function any more."""
    with _guard:
        if _process == os.getpid() and hook in _hooks:
            _hooks.remove(hook)
            if not _hooks:
                _release_sigterm()


def _install() -> None:
    sys.excepthook = _noting_exception(sys.excepthook)
    sys.exit = _noting_exit(sys.exit)
    Quitter.__call__ = _noting_quitter(Quitter.__call__)  # type: ignore[method-assign]
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        # Before Python 3.13, a process that multiprocessing forked ends without atexit.
        from multiprocessing.util import Finalize

        Finalize(None, _end, exitpriority=100)
    atexit.register(_end)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _catch_sigterm() -> None:
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _release_sigterm() -> None:
    # A process that waits for a lock of multiprocessing may miss a signal that Python handles, but not the default.
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end() -> None:
    global _ending
    if _process != os.getpid():
        return
    _ending = True
    _note_code_of_multiprocessing(sys._getframe().f_back)
    while _hooks:
        _hooks.pop()(_code)


def _note_code_of_multiprocessing(caller: FrameType | None) -> None:
    """Note how a process of multiprocessing ends: by an exception in flight or, since 3.13, by its caller's `code`."""
    error = sys.exc_info()[1]
    if error is not None:
        _note(exit_code(error.code) if isinstance(error, SystemExit) else 1)
    elif caller is not None and caller.f_globals.get("__name__", "").startswith("multiprocessing."):
        _note(caller.f_locals.get("code", _code))


def _terminate(number: int, frame: FrameType | None) -> None:
    # A second SIGTERM ends the process immediately.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if _process != os.getpid() or not (_hooks or _ending):
        os.kill(os.getpid(), number)
    elif not _ending:
        _note(128 + number)
        raise SystemExit(128 + number)


def _note(code: int) -> None:
    global _code
    if _process == os.getpid():
        _code = code


def exit_code(argument: object) -> int:
    """Return the exit code that Python makes of the argument of `sys.exit`."""
    if argument is None:
        return 0
    return argument if isinstance(argument, int) else 1


def _noting_exception(original: ExceptHook) -> ExceptHook:
    def noting(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> object:
        _note(1)
        return original(kind, error, traceback)

    return noting


def _noting_exit(original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def noting(code: str | int | None = None) -> NoReturn:
        _note_exit(code)
        original(code)

    return noting


def _noting_quitter(original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """Wrap `exit` and `quit`, which do not call `sys.exit`."""

    def noting(self: Quitter, code: str | int | None = None) -> NoReturn:
        _note_exit(code)
        original(self, code)

    return noting


def _note_exit(argument: object) -> None:
    # In any other thread it ends only that thread.
    if _in_main_thread():
        _note(exit_code(argument))
