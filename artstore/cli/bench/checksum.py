"""`artstore bench checksum`: measure how fast this machine reads and hashes files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _format, _options
from artstore.cli.bench import _output
from artstore.runtime import platform, terminal
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.bench.checksum import Measurement

_SECONDS, _QUICK_SECONDS = 10.0, 3.0
_MOST_THREADS = 1024


@click.command(
    "checksum",
    short_help="Measure checksums on this machine.",
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
    type=_output.Size(),
    help="Size of the files. Repeatable.  [default: 4KiB, 1MiB, 256MiB]",
)
@click.option(
    "--threads",
    metavar="N",
    multiple=True,
    type=click.IntRange(1, _MOST_THREADS),
    help="Number of threads. Repeatable.  [default: 1, and one per core]",
)
@click.option(
    "--seconds",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    help=f"How long to measure in total.  [default: {_SECONDS:.0f}]",
)
@click.option("--quick", is_flag=True, help=f"Measure for {_QUICK_SECONDS:.0f} seconds.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to put the temporary files.  [default: next to the store, on its disk]",
)
@_output.plot_option
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
    """Measure checksums on this machine: blake3, sha256, md5, xxh3 and crc32c, compared with plain reading.

    Files are created for this and removed afterwards. They have just been written when they are read, so this measures
    the processor. If your disk is slower than `reading`, the disk is the limit.

    \b
    buffer  read into a buffer that is reused
    mmap    mapped into memory
    store   what artstore does: cut large files by content, and hash both the chunks and the whole
    """
    # Late: the help needs neither this nor its libraries.
    from artstore.bench.checksum import SIZES, measure

    if quick and seconds is not None:
        raise click.UsageError("--quick and --seconds both set the duration: leave one out.")
    load = platform.load_average()
    if load is not None and load > platform.cores():
        cores = _format.counted(platform.cores(), "core", "cores")
        terminal.note(
            f"other programs use this machine (load {load:.1f} on {cores}): it can do more than these results"
        )
    results = measure(
        folder or next(parent for parent in location.find().parents if parent.is_dir()),
        sizes=sorted(set(sizes)) or SIZES,
        threads=sorted(set(threads)) or None,
        seconds=seconds or (_QUICK_SECONDS if quick else _SECONDS),
        progress=terminal.progress(),
    )
    if as_json:
        _format.print_json(_data(results, load))
    else:
        _print(results)
    _output.write_plot(plot, lambda: _chart(results))


def _data(results: list[Measurement], load: float | None) -> dict[str, Any]:
    return {
        "cores": platform.cores(),
        "load": load,
        "results": [
            {
                "algorithm": result.algorithm,
                "method": result.method,
                "size": result.size,
                "threads": result.threads,
                "bytes": result.processed,
                "seconds": result.seconds,
                "bytes_per_second": result.bytes_per_second,
            }
            for result in results
        ],
    }


def _print(results: list[Measurement]) -> None:
    speeds = {(r.size, r.threads, r.algorithm, r.method): r.bytes_per_second for r in results}
    counts = list(dict.fromkeys(result.threads for result in results))
    methods = list(dict.fromkeys(result.method for result in results))
    for size in dict.fromkeys(result.size for result in results):
        columns = [f"{method}\n{_threads(count)}" for count in counts for method in methods]
        rows = []
        for algorithm in dict.fromkeys(result.algorithm for result in results):
            row = (speeds.get((size, count, algorithm, method)) for count in counts for method in methods)
            rows.append([algorithm, *("" if speed is None else _output.speed(speed) for speed in row)])
        _output.print_table(f"files of {_output.piece_size(size)}, in MB/s", ["", *columns], rows, highlighted="blake3")
    click.echo(_sentence(results))


def _threads(count: int) -> str:
    return _format.counted(count, "thread", "threads")


def _sentence(results: list[Measurement]) -> str:
    """Return the result of artstore's own checksum for the largest files and most threads, as a sentence."""
    size, count = max(result.size for result in results), max(result.threads for result in results)
    selected = [result for result in results if (result.size, result.threads) == (size, count)]
    reading, *_ = selected
    store = next(result for result in selected if (result.algorithm, result.method) == ("blake3", "store"))
    percent = 100 * store.bytes_per_second / reading.bytes_per_second if reading.processed else 0
    return (
        f"artstore would add {_output.piece_size(size)} files at {_output.speed(store.bytes_per_second)} MB/s on "
        f"{_threads(count)}, if the disk is fast enough: {percent:.0f} % of plain reading from memory."
    )


def _chart(results: list[Measurement]) -> str:
    """Draw the speed of buffered reading with most threads against file size; for a single size, bars by threads."""
    from artstore import charts  # late: only --plot needs it

    threads = max(result.threads for result in results)
    sizes = {result.size for result in results}
    if len(sizes) == 1:
        rows: dict[str, dict[str, float]] = {}
        for result in results:
            speeds = rows.setdefault(_label(result), {})
            speeds[_threads(result.threads)] = result.bytes_per_second / 1e6
        return charts.bars(f"Checksums of files of {_output.piece_size(*sizes)}", rows, "MB/s", log=True)
    series: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        if result.threads == threads and result.method in ("buffer", "store"):
            series.setdefault(_label(result), []).append((result.size, result.bytes_per_second / 1e6))
    return charts.lines(f"Checksums on {_threads(threads)}", series, "file size in bytes", "MB/s")


def _label(result: Measurement) -> str:
    return result.algorithm if result.method == "buffer" else f"{result.algorithm}, {result.method}"
