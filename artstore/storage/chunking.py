"""Where large files are cut, so that an edit moves only the cuts beside it (docs/format.md, section 3)."""

from __future__ import annotations

from pyfastcdc import FastCDC

WHOLE = 64 * 1024
"""Files up to this many bytes are one chunk."""
SMALLEST = 32 * 1024
"""No chunk of a larger file is smaller, but its last."""
AVERAGE = 64 * 1024
LARGEST = 256 * 1024


class Cutter:
    """Cuts one file, window by window. Not for use by several threads at once.

    The format has one `average`; others, in the same proportions, are there to be compared with it.
    """

    def __init__(self, average: int = AVERAGE) -> None:
        scale = average / AVERAGE
        self._cdc = FastCDC(average, min_size=int(SMALLEST * scale), max_size=int(LARGEST * scale))

    def lengths(self, window: memoryview, *, last: bool) -> list[int]:
        """Return the lengths of the chunks at the beginning of a window.

        Unless the window is the file's last, the bytes after the final cut wait for the next one.
        """
        found = [chunk.length for chunk in self._cdc.cut_buf(window)]
        return found if last else found[:-1]
