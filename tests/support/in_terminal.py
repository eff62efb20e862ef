"""Run commands in a terminal of a certain width, in one process: this module as a program runs those of a file."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

_END = "--- end ---"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def outputs(commands: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    """Run commands in this working folder, in one process, and return the lines that each prints on the terminal."""
    listed = Path("commands.json")
    listed.write_text(json.dumps(commands))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "tests.support.in_terminal", str(listed)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**environment, "PYTHONPATH": path}
    )
    os.close(theirs)
    data = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            # The other end of a terminal is closed when its last process ends.
            break
        if not part:
            break
        data += part
    os.close(ours)
    assert program.wait(60) == 0, data.decode()
    text = _COLOURS.sub("", data.decode()).replace("\r\n", "\n")
    return [part.strip("\n").split("\n") for part in text.split(_END)[:-1]]


def _main(listed: str) -> None:
    from artstore.cli import verbs

    for command in json.loads(Path(listed).read_text()):
        try:
            verbs(command, prog_name="artstore")
        except SystemExit:
            print(_END, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
