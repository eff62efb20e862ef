"""`artstore bench checksum`: how fast this machine reads and hashes files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _format, _options
from artstore.cli.bench import shown
from artstore.runtime import platform, terminal
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.bench.checksum import Cell

_SECONDS, _QUICK_SECONDS = 10.0, 3.0
_MOST_THREADS = 1024


@click.command(
    "checksum",
    epilog=_options.examples(
        "artstore bench checksum",
        "artstore bench checksum --quick",
        "artstore bench checksum --size 4KiB --size 1GiB --threads 1 --threads 8 --plot checksums.svg",
    ),
)
@click.option(
    "--size",
    "sizes",
    metavar="SIZE",
    multiple=True,
    type=shown.Size(),
    help="Size of the files; again for more of them.  [default: 4KiB, 1MiB, 256MiB]",
)
@click.option(
    "--threads",
    metavar="N",
    multiple=True,
    type=click.IntRange(1, _MOST_THREADS),
    help="How many at once; again for more.  [default: 1, and one for each core]",
)
@click.option(
    "--seconds",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    help=f"How long to measure, all together.  [default: {_SECONDS:.0f}]",
)
@click.option("--quick", is_flag=True, help=f"Measure for {_QUICK_SECONDS:.0f} seconds.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to put the files meanwhile.  [default: beside the store, on its disk]",
)
@shown.plot_option
@_options.json_option
def checksum(
    sizes: tuple[int, ...],
    threads: tuple[int, ...],
    seconds: float | None,
    quick: bool,
    folder: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure checksums on this machine: blake3, sha256, md5, xxh3 and crc32c, beside bare reading.

    Files are made for this, and removed again. They have just been written when they are read, so what is measured is
    the processor: a disk that is slower than `reading` is what limits you.

    \b
    buffer  read into memory that is used again
    mmap    mapped into memory
    store   what artstore does: a large file is cut by content, and hashed both in chunks and as a whole
    """
    from artstore.bench.checksum import SIZES, measure

    if quick and seconds is not None:
        raise click.UsageError("--quick says how long: leave out --seconds or --quick.")
    load = platform.load_average()
    if load is not None and load > platform.cores():
        cores = _format.counted(platform.cores(), "core", "cores")
        terminal.note(f"other programs use this machine (load {load:.1f} on {cores}): it can do more than this says")
    found = measure(
        folder or next(each for each in location.find().parents if each.is_dir()),
        sizes=sorted(set(sizes)) or SIZES,
        threads=sorted(set(threads)) or None,
        seconds=seconds or (_QUICK_SECONDS if quick else _SECONDS),
        progress=terminal.progress(),
    )
    if as_json:
        _format.print_json(_data(found, load))
    else:
        _print(found)
    shown.write_plot(plot, lambda: _chart(found))


def _data(found: list[Cell], load: float | None) -> dict[str, Any]:
    return {
        "cores": platform.cores(),
        "load": load,
        "results": [
            {
                "algorithm": each.algorithm,
                "method": each.method,
                "size": each.size,
                "threads": each.threads,
                "bytes": each.done,
                "seconds": each.seconds,
                "bytes_per_second": each.bytes_per_second,
            }
            for each in found
        ],
    }


def _print(found: list[Cell]) -> None:
    speeds = {(each.size, each.threads, each.algorithm, each.method): each.bytes_per_second for each in found}
    counts = list(dict.fromkeys(each.threads for each in found))
    methods = list(dict.fromkeys(each.method for each in found))
    for size in dict.fromkeys(each.size for each in found):
        columns = [f"{method}\n{_threads(count)}" for count in counts for method in methods]
        rows = []
        for algorithm in dict.fromkeys(each.algorithm for each in found):
            cells = (speeds.get((size, count, algorithm, method)) for count in counts for method in methods)
            rows.append([algorithm, *("" if each is None else shown.speed(each) for each in cells)])
        shown.print_table(f"files of {shown.piece_size(size)}, in MB/s", ["", *columns], rows, strong="blake3")
    click.echo(_in_words(found))


def _threads(count: int) -> str:
    return _format.counted(count, "thread", "threads")


def _in_words(found: list[Cell]) -> str:
    """What artstore's own checksum makes of the largest files with most threads."""
    size, count = max(each.size for each in found), max(each.threads for each in found)
    here = [each for each in found if (each.size, each.threads) == (size, count)]
    reading, *_ = here
    store = next(each for each in here if (each.algorithm, each.method) == ("blake3", "store"))
    part = 100 * store.bytes_per_second / reading.bytes_per_second if reading.done else 0
    return (
        f"Of {shown.piece_size(size)} files, artstore would take in {shown.speed(store.bytes_per_second)} MB/s on "
        f"{_threads(count)}, if its disk can: {part:.0f} % of bare reading from memory."
    )


def _chart(found: list[Cell]) -> str:
    """Reading into a buffer with most threads, against the size of files; one size alone as bars, by threads."""
    from artstore import charts

    most = max(each.threads for each in found)
    sizes = {each.size for each in found}
    if len(sizes) == 1:
        rows: dict[str, dict[str, float]] = {}
        for each in found:
            row = rows.setdefault(_named(each), {})
            row[_threads(each.threads)] = each.bytes_per_second / 1e6
        return charts.bars(f"Checksums of files of {shown.piece_size(*sizes)}", rows, "MB/s", log=True)
    series: dict[str, list[tuple[float, float]]] = {}
    for each in found:
        if each.threads == most and each.method in ("buffer", "store"):
            series.setdefault(_named(each), []).append((each.size, each.bytes_per_second / 1e6))
    return charts.lines(f"Checksums on {_threads(most)}", series, "file size in bytes", "MB/s")


def _named(cell: Cell) -> str:
    return cell.algorithm if cell.method == "buffer" else f"{cell.algorithm}, {cell.method}"
