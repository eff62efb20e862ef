"""Output of both benchmarks: tables and chart files; also sizes as arguments."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from artstore.cli import _format
from artstore.runtime.terminal import note, visible

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_WIDTH = 200
"""The width of tables if the output is not a terminal."""


def _svg_path(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    # Checked before the measurement, so that its results are not lost.
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder {str(value.parent)!r} does not exist: create it first, or choose another")
    if value is not None and value.suffix != ".svg":
        raise click.BadParameter(f"{str(value)!r} is not the name of an SVG file: end it with .svg")
    return value


plot_option = click.option(
    "--plot",
    metavar="FILE",
    callback=_svg_path,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw a chart as SVG.",
)


class Size(click.ParamType[int]):
    """A number of bytes as an argument: `4096`, `64KiB`, `1.5GB`."""

    name = "size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)(i?)b?", value.strip(), re.ASCII | re.IGNORECASE)
        size = 0
        if match is not None and not (match[3] and not match[2]):
            size = round(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2].lower()])
        if not 1 <= size < 1 << 60:
            self.fail(f"{value!r} is not a size: use 4096, 64KiB or 1.5GB", param, ctx)
        return size


def piece_size(count: int) -> str:
    """Format bytes with binary units if they are whole there, otherwise decimal: `64 KiB`, `1 MiB`, `2.5 MB`."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power and count % 1024**power == 0:
            return f"{count // 1024**power} {unit}"
    return _format.size(count)


def speed(bytes_per_second: float) -> str:
    """Format a speed in MB/s: `1,234`; below ten with one decimal."""
    amount = bytes_per_second / 1e6
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.1f}"


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], highlighted: str | None = None
) -> None:
    """Print a table of names and numbers. The row named `highlighted` is emphasized."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row), style="bold green" if row[0] == highlighted else None)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    with console.capture() as captured:
        # Printed separately, because the title of a rich table would be wrapped to its width.
        console.print(Text(visible(title)), style="bold")
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def write_plot(path: Path | None, draw: Callable[[], str]) -> None:
    """Write a chart, if one was asked for, and say so."""
    if path is not None:
        path.write_text(draw(), encoding="utf-8")
        note(f"the chart is in {path}")
