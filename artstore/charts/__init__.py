"""Draw line and bar charts as self-contained SVG files, without scripts or fonts.

They follow the reader's light or dark colour scheme. Series differ by colour and by the shape of their marks; a mark
shows its numbers when the pointer is over it. Numbers are written with decimal prefixes: 1.5M is 1,500,000.
"""

from __future__ import annotations

from artstore.charts.bars import bars as bars
from artstore.charts.lines import lines as lines
