"""Line and bar charts as SVG files that stand alone: no script, no font and nothing else is fetched.

They follow the reader's choice of a light or dark page. Series differ by colour and by the shape of their marks; each
mark tells its numbers where a browser's pointer rests on it. Numbers are written with decimal prefixes: 1.5M is
1,500,000.
"""

from __future__ import annotations

from artstore.charts.bars import bars as bars
from artstore.charts.lines import lines as lines
