"""Histories of files as training writes them: checkpoints of a network, and Parquet files of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Size

Weights = dict[str, NDArray[np.float32]]
_VERSIONS = 5


class History(NamedTuple):
    """Successive versions of a folder with one file."""

    name: str
    description: str
    write: Callable[[Path, Size], Iterator[int]]
    """Writes the versions into a folder one by one; yields the size of the file in bytes."""


def weights(size: Size) -> Weights:
    """Return the weights of a small transformer; its width depends on the size of the large file."""
    draw = np.random.default_rng(11)
    width, layers = (768, 6) if size.large_bytes >= 2**28 else (64, 6)
    tensors = {"embedding.weight": _normal(draw, 4 * width, width)}
    for layer in range(layers):
        for name, rows in (("attention.query", 1), ("attention.key", 1), ("attention.value", 1), ("feed_forward", 4)):
            tensors[f"layers.{layer}.{name}.weight"] = _normal(draw, rows * width, width)
            tensors[f"layers.{layer}.{name}.bias"] = np.zeros(rows * width, np.float32)
    tensors["head.weight"] = _normal(draw, 100, width)
    return tensors


def _normal(draw: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    return draw.normal(0, 0.02, (rows, columns)).astype(np.float32)


def trained(before: Weights, number: int, layers: tuple[str, ...]) -> Weights:
    """Return the weights after a training step that changed those whose names start with `layers`."""
    draw = np.random.default_rng(100 + number)
    return {
        name: value + draw.normal(0, 1e-4, value.shape).astype(np.float32) if name.startswith(layers) else value
        for name, value in before.items()
    }


def save_npz(path: Path, weights: Weights) -> None:
    """Write weights as `numpy.savez` does: an uncompressed zip file."""
    with path.open("wb") as file:
        np.savez(file, **weights)  # type: ignore[arg-type]


def save_tensors(path: Path, weights: Weights) -> None:
    """Write weights in the layout of safetensors: the length of a JSON header, the header, and the tensors."""
    header: dict[str, Any] = {}
    offset = 0
    for name, value in weights.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for value in weights.values():
            file.write(value.tobytes())


def _checkpoints(save: Callable[[Path, Weights], None], name: str, layers: tuple[str, ...]) -> Any:
    def write(folder: Path, size: Size) -> Iterator[int]:
        current = weights(size)
        for number in range(_VERSIONS):
            save(folder / name, current)
            yield (folder / name).stat().st_size
            current = trained(current, number, layers)

    return write


def _tables(change: Callable[[dict[str, Any], int], dict[str, Any]], by_content: bool) -> Any:
    def write(folder: Path, size: Size) -> Iterator[int]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = _rows(size.entries, 12)
        options = {"use_content_defined_chunking": True} if by_content else {}
        for number in range(_VERSIONS):
            pq.write_table(pa.table(columns), folder / "table.parquet", **options)
            yield (folder / "table.parquet").stat().st_size
            columns = change(columns, number)

    return write


def _rows(count: int, seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {
        "id": draw.integers(0, 2**62, count),
        "at": np.cumsum(draw.integers(1, 1000, count)),
        "label": draw.choice(np.array(["cat", "dog", "fox", "owl"]), count),
        "score": draw.random(count),
        "distance": draw.normal(0, 100, count).astype(np.float32),
    }


def _appended(columns: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the columns with 1 % more rows at the end."""
    more = _rows(len(columns["id"]) // 100, 20 + number)
    return {name: np.concatenate([value, more[name]]) for name, value in columns.items()}


def _inserted(columns: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the columns with 100 more rows in the middle."""
    more = _rows(100, 30 + number)
    half = len(columns["id"]) // 2
    return {name: np.concatenate([value[:half], more[name], value[half:]]) for name, value in columns.items()}


def _rescored(columns: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the columns with one of the five replaced."""
    return {**columns, "score": np.random.default_rng(40 + number).random(len(columns["id"]))}


_LAST = ("layers.5.", "head.")
HISTORIES = [
    History(
        "checkpoints.npz, last layer trained",
        ".npz; the last of 6 layers and the head change",
        _checkpoints(save_npz, "model.npz", _LAST),
    ),
    History(
        "checkpoints, last layer trained",
        "laid out as safetensors; the same changes",
        _checkpoints(save_tensors, "model.safetensors", _LAST),
    ),
    History(
        "checkpoints, everything trained",
        "laid out as safetensors; every weight changes a little",
        _checkpoints(save_tensors, "model.safetensors", ("",)),
    ),
    History("Parquet, rows appended", "1 % more rows at the end each time", _tables(_appended, False)),
    History("Parquet, a column changed", "one of five columns replaced each time", _tables(_rescored, False)),
    History("Parquet, rows inserted", "100 rows more in the middle each time", _tables(_inserted, False)),
    History(
        "Parquet cut by content, rows inserted",
        "the same, written with content-defined chunking",
        _tables(_inserted, True),
    ),
]
