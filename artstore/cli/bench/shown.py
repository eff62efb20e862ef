"""What both benches have in common: tables with room, sizes as people type them, and the file of a chart."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from artstore.cli import _format
from artstore.runtime.terminal import note, visible

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_WIDE = 200
"""How wide a table may be where there is no terminal to fit it to."""


def _an_svg_in_a_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    # Whoever has waited for the figures is not to lose them over this.
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(value.parent)!r}: make it first, or choose another")
    if value is not None and value.suffix != ".svg":
        raise click.BadParameter(f"{str(value)!r} is no name of an SVG: end it with .svg")
    return value


plot_option = click.option(
    "--plot",
    metavar="FILE",
    callback=_an_svg_in_a_folder,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw a chart as SVG.",
)


class Size(click.ParamType[int]):
    """A number of bytes as a person writes it: `4096`, `64KiB`, `1.5GB`."""

    name = "size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)(i?)b?", value.strip(), re.ASCII | re.IGNORECASE)
        size = 0
        if found is not None and not (found[3] and not found[2]):
            size = round(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower()])
        if not 1 <= size < 1 << 60:
            self.fail(f"{value!r} is no size: write 4096, 64KiB, 1.5GB", param, ctx)
        return size


def piece_size(count: int) -> str:
    """Bytes in powers of two where they are round there, else decimal: `64 KiB`, `1 MiB`, `2.5 MB`."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power and count % 1024**power == 0:
            return f"{count // 1024**power} {unit}"
    return _format.size(count)


def speed(bytes_per_second: float) -> str:
    """A speed in MB/s: `1,234`, below ten with a decimal."""
    amount = bytes_per_second / 1e6
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.1f}"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], strong: str | None = None) -> None:
    """Print a table; the first column holds names, the others numbers. The row named `strong` stands out."""
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
        table.add_row(*(Text(visible(cell)) for cell in row), style="bold green" if row[0] == strong else None)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    with console.capture() as captured:
        # Above the table, because a title of it would be folded to its width.
        console.print(Text(visible(title)), style="bold")
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def write_plot(path: Path | None, draw: Callable[[], str]) -> None:
    """Write a chart where somebody asked for one, and say so."""
    if path is not None:
        path.write_text(draw(), encoding="utf-8")
        note(f"the chart is in {path}")
