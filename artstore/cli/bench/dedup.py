"""`artstore bench dedup`: compare what several storage strategies would store of the user's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _completion, _format, _options
from artstore.cli.bench import _output
from artstore.runtime import terminal
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.bench.dedup import DedupResult, StrategyTotals

_MOST_ROWS = 20
"""The most versions shown; of more, the middle ones are left out."""


@click.command(
    "dedup",
    short_help="Compare storage strategies on your data.",
    epilog=_options.examples(
        "artstore bench dedup checkpoints/1 checkpoints/2 checkpoints/3",
        "artstore bench dedup data.artstore --name animals --plot animals.svg",
        "artstore bench dedup s3://bucket/images --limit 5GB --json",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--name",
    metavar="NAME",
    help="The collection to measure, if PATH is a store.",
    shell_complete=_completion.collections,
)
@click.option(
    "--limit",
    metavar="SIZE",
    type=_output.Size(),
    help="Read at most this much of each version.  [default: 1GB of each URI, all of each path]",
)
@click.option("--zstd/--no-zstd", default=True, show_default=True, help="Also measure compression of each piece.")
@_output.plot_option
@_options.json_option
def dedup(
    paths: tuple[str, ...], name: str | None, limit: int | None, zstd: bool, plot: Path | None, as_json: bool
) -> None:
    """Compare how much several storage strategies would store of PATHs, as consecutive versions.

    A PATH is a folder, a file, a URI (an object, or all objects below a prefix), or a store; of a store, all versions
    of the collection --name are measured. The data is read once, and nothing is written.

    \b
    whole files   each different file once, as W&B does
    fixed         each different piece once, all pieces of one size
    by content    each different piece once, cut where the content decides, of this average size
    artstore      what artstore does: by content, 64 KiB on average

    Speeds are for cutting and hashing on one core; reading is not included.
    """
    # Late: the help needs neither these nor their libraries.
    from artstore.bench.dedup import measure
    from artstore.bench.sources import Sources

    here = location.find()
    progress = terminal.progress()
    with Sources(here if here.is_dir() else None, limit, progress) as sources:
        versions = [source for path in paths for source in sources.find(path, name)]
        result = measure(versions, compress=zstd, progress=progress)
    for note in sources.notes:
        terminal.note(note)
    if as_json:
        _format.print_json({**_data(result), "notes": sources.notes})
    else:
        _print(result)
    _output.write_plot(plot, lambda: _chart(result))


def _data(result: DedupResult) -> dict[str, Any]:
    return {
        "versions": [{"label": v.label, "files": v.files, "size": v.size} for v in result.versions],
        "size": result.size,
        "ways": [_strategy_data(totals, result) for totals in result.totals],
        "seconds": result.seconds,
    }


def _strategy_data(totals: StrategyTotals, result: DedupResult) -> dict[str, Any]:
    strategy = totals.strategy
    plain = {
        "name": strategy.name,
        "kind": strategy.kind,
        "piece_size": strategy.piece,
        "pieces": strategy.pieces,
        "stored": strategy.stored,
        "stored_after_each_version": totals.stored,
        "ratio": result.size / strategy.stored,
        "bytes_per_second": _per_second(result.size, strategy.seconds),
    }
    if not result.compress:
        return {**plain, "zstd": None}
    return {
        **plain,
        "zstd": {
            "stored": strategy.compressed,
            "stored_after_each_version": totals.compressed,
            "ratio": result.size / strategy.compressed,
            "bytes_per_second": _per_second(result.size, strategy.seconds + strategy.compression_seconds),
        },
    }


def _per_second(size: int, seconds: float) -> float:
    # The clock may not advance for a few bytes.
    return size / max(seconds, 1e-9)


def _print(result: DedupResult) -> None:
    files = sum(version.files for version in result.versions)
    title = ", ".join(
        [
            _format.counted(len(result.versions), "version", "versions"),
            _format.counted(files, "file", "files"),
            f"{_format.size(result.size)} read and compared in {result.seconds:.1f} s",
        ]
    )
    columns = ["", "stored", "ratio", "MB/s", "pieces"]
    if result.compress:
        columns[4:4] = ["with zstd", "ratio", "MB/s"]
    _output.print_table(title, columns, [_row(totals, result) for totals in result.totals], highlighted="artstore")
    if len(result.versions) > 1:
        _print_growth(result)
    click.echo(_sentence(result))


def _row(totals: StrategyTotals, result: DedupResult) -> list[str]:
    data = _strategy_data(totals, result)
    cells = [
        cell
        for of in (data, data["zstd"])
        if of is not None
        for cell in (_format.size(of["stored"]), f"{of['ratio']:.2f}", _output.speed(of["bytes_per_second"]))
    ]
    return [totals.strategy.name, *cells, f"{totals.strategy.pieces:,}"]


def _print_growth(result: DedupResult) -> None:
    """Print what each version adds, for the strategies that users choose between."""
    whole, *others, ours = result.totals
    fixed = min((t for t in others if t.strategy.kind == "fixed"), key=lambda totals: totals.strategy.stored)
    series = {totals.strategy.name: _steps(totals.stored) for totals in (whole, fixed, ours)}
    if result.compress:
        series["artstore, zstd"] = _steps(ours.compressed)
    rows = [
        [version.label, _format.size(version.size), *(f"+{_format.size(steps[index])}" for steps in series.values())]
        for index, version in enumerate(result.versions)
    ]
    if len(rows) > _MOST_ROWS:
        half = _MOST_ROWS // 2
        hidden = len(rows) - 2 * half
        rows = [*rows[:half], [f"... {hidden:,} more (--json)"] + [""] * (len(series) + 1), *rows[-half:]]
    _output.print_table("what each version adds", ["", "size", *series], rows)


def _steps(totals: list[int]) -> list[int]:
    return [after - before for before, after in zip([0, *totals], totals, strict=False)]


def _sentence(result: DedupResult) -> str:
    """Return the comparison of artstore with whole files, as a sentence."""
    whole, ours = result.totals[0].strategy, result.totals[-1].strategy
    data = "this" if len(result.versions) == 1 else "these"
    plain = (
        f"artstore would store {data} in {_format.size(ours.stored)}, where storing whole files takes "
        f"{_format.size(whole.stored)}: {_less(ours.stored, whole.stored)}"
    )
    if not result.compress:
        return f"{plain}."
    return f"{plain}; with zstd {_format.size(ours.compressed)}, {_less(ours.compressed, whole.stored)}."


def _less(ours: int, whole: int) -> str:
    part = 100 * (whole - ours) / whole
    return f"{part:.1f} % less" if part >= 0.05 else "the same" if part > -0.05 else f"{-part:.1f} % more"


def _chart(result: DedupResult) -> str:
    from artstore import charts  # late: only --plot needs it

    if len(result.versions) == 1:
        rows = {
            totals.strategy.name: {"stored": totals.strategy.stored}
            | ({"with zstd": totals.strategy.compressed} if result.compress else {})
            for totals in result.totals
        }
        return charts.bars(f"What {result.versions[0].label} takes", rows, "bytes")
    *others, ours = result.totals
    series = {"artstore": _points(ours.stored)}
    if result.compress:
        series["artstore, zstd"] = _points(ours.compressed)
    series |= {totals.strategy.name: _points(totals.stored) for totals in others}
    return charts.lines("What versions take together", series, "versions", "bytes", log=False)


def _points(totals: list[int]) -> list[tuple[float, float]]:
    return [(number, total) for number, total in enumerate(totals, 1)]
