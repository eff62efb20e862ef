"""Cut large files into chunks, so that an edit moves only the cuts near it (docs/format.md, section 3)."""

from __future__ import annotations

WHOLE = 64 * 1024
"""Files up to this many bytes are one chunk."""
SMALLEST = 32 * 1024
"""The smallest chunk of a larger file, except its last."""
AVERAGE = 64 * 1024
LARGEST = 256 * 1024


class Cutter:
    """Cuts one file, window by window. Not safe for use by several threads.

    The format has one `average`; other averages, with limits in the same proportion, are for comparisons.
    """

    def __init__(self, average: int = AVERAGE) -> None:
        # Late, for the start-up time: small files are not cut.
        from pyfastcdc import FastCDC

        scale = average / AVERAGE
        self._cdc = FastCDC(average, min_size=int(SMALLEST * scale), max_size=int(LARGEST * scale))

    def lengths(self, window: memoryview, *, last: bool) -> list[int]:
        """Return the lengths of the chunks at the start of a window.

        Unless it is the last window of the file, the bytes after the final cut belong to the next window.
        """
        lengths = [chunk.length for chunk in self._cdc.cut_buf(window)]
        return lengths if last else lengths[:-1]
