"""The loop of a worker process: it makes the calls that come in on its standard input, and answers each in turn.

A call and an answer are one pickle each, after its length; an empty message ends the loop. Every worker imports this
module, so it imports little.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import threading
import time
from typing import IO, Any

from artstore.errors import ArtstoreError

_PARENT_CHECK_SECONDS = 0.5
_LENGTH = struct.Struct("<Q")


def serve(mark: bytes) -> None:
    """Answer calls until there are no more, or until the parent process has ended, however that ended.

    The answers begin after `mark`: what this Python printed while it started comes before it.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), name="artstore-parent", daemon=True).start()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not get between the answers.
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    answers.write(mark)
    while call := receive(sys.stdin.buffer):
        function, arguments = pickle.loads(call)
        send(answers, _answer(function, arguments))
    # Nothing is left to be cleaned up: this takes less time than an ordinary end.
    os._exit(0)


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one message."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one message; return None if the other side has ended."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


def _answer(function: Any, arguments: tuple[Any, ...]) -> bytes:
    """Return the pickle of a call's result and None, or of None and what it raised."""
    try:
        return pickle.dumps((function(*arguments), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        if not isinstance(error, ArtstoreError):
            import traceback  # only for a fault of ours

            error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return pickle.dumps((None, error), pickle.HIGHEST_PROTOCOL)


def _end_with(parent: int) -> None:
    # On Windows the number stays the same; there, the input ends with the parent.
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)
