"""A pack returns the pieces that were appended, however many and however long."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from artstore.storage.packs import Packs, Place


@pytest.mark.parametrize(
    ("count", "longest"), [(1, 100), (2, 100), (1024, 100), (1025, 100), (5000, 50), (3, 9_000_000)]
)
def test_a_pack_returns_each_appended_piece(tmp_path: Path, count: int, longest: int) -> None:
    packs, draw = Packs(tmp_path), random.Random(count)
    pieces = [draw.randbytes(draw.randint(1, longest)) for _ in range(count)]
    writer = packs.create()
    places = [Place(writer.name, writer.append(memoryview(piece)), len(piece)) for piece in pieces]
    end = writer.sync()
    assert packs.path(writer.name).stat().st_size == end == places[-1].offset + places[-1].length
    writer.close()
    assert [packs.read(place) for place in places] == pieces
    packs.close()
