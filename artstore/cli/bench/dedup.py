"""`artstore bench dedup`: what whole files, pieces of one size, pieces cut by content and artstore would store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _completion, _format, _options
from artstore.cli.bench import shown
from artstore.runtime import terminal
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.bench.dedup import Kept, Outcome

_MOST_ROWS = 20
"""Versions that are shown before the middle ones are left out."""


@click.command(
    "dedup",
    epilog=_options.examples(
        "artstore bench dedup checkpoints/1 checkpoints/2 checkpoints/3",
        "artstore bench dedup data.artstore --name animals --plot animals.svg",
        "artstore bench dedup s3://bucket/images --limit 5GB --json",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--name", metavar="NAME", help="Whose versions, where PATH is a store.", shell_complete=_completion.collections
)
@click.option(
    "--limit",
    metavar="SIZE",
    type=shown.Size(),
    help="Read at most this much of each version.  [default: 1GB of each URI, all of everything else]",
)
@click.option("--zstd/--no-zstd", default=True, show_default=True, help="Also compress each piece.")
@shown.plot_option
@_options.json_option
def dedup(
    paths: tuple[str, ...], name: str | None, limit: int | None, zstd: bool, plot: Path | None, as_json: bool
) -> None:
    """Tell what storing PATHs would take, as versions that follow each other, in each of several ways.

    A PATH is a folder, a file, a URI that a driver knows (an object, or all below a prefix), or a store, which has a
    version for each of those of the collection --name. The data is read once, and nothing is written.

    \b
    whole files   each different file once, as W&B keeps them
    fixed         pieces of one size, each different one once
    by content    pieces cut where the content says, of this size on average
    artstore      what artstore does: by content, 64 KiB on average

    Speeds are those of one core, for cutting and hashing what was read; the reading is not counted.
    """
    from artstore.bench.dedup import measure
    from artstore.bench.sources import Sources

    here = location.find()
    progress = terminal.progress()
    with Sources(here if here.is_dir() else None, limit, progress) as sources:
        found = [source for path in paths for source in sources.of(path, name)]
        outcome = measure(found, compress=zstd, progress=progress)
    for each in sources.notes:
        terminal.note(each)
    if as_json:
        _format.print_json({**_data(outcome), "notes": sources.notes})
    else:
        _print(outcome)
    shown.write_plot(plot, lambda: _chart(outcome))


def _data(outcome: Outcome) -> dict[str, Any]:
    return {
        "versions": [{"label": each.label, "files": each.files, "size": each.size} for each in outcome.versions],
        "size": outcome.size,
        "ways": [_way_data(each, outcome) for each in outcome.kept],
        "seconds": outcome.seconds,
    }


def _way_data(kept: Kept, outcome: Outcome) -> dict[str, Any]:
    way = kept.way
    plain = {
        "name": way.name,
        "kind": way.kind,
        "piece_size": way.piece,
        "pieces": way.pieces,
        "stored": way.stored,
        "stored_after_each_version": kept.stored,
        "ratio": outcome.size / way.stored,
        "bytes_per_second": _per_second(outcome.size, way.seconds),
    }
    if not outcome.compress:
        return {**plain, "zstd": None}
    return {
        **plain,
        "zstd": {
            "stored": way.compressed,
            "stored_after_each_version": kept.compressed,
            "ratio": outcome.size / way.compressed,
            "bytes_per_second": _per_second(outcome.size, way.seconds + way.compressing_seconds),
        },
    }


def _per_second(size: int, seconds: float) -> float:
    # A clock may stand still over a few bytes.
    return size / max(seconds, 1e-9)


def _print(outcome: Outcome) -> None:
    files = sum(each.files for each in outcome.versions)
    title = ", ".join(
        [
            _format.counted(len(outcome.versions), "version", "versions"),
            _format.counted(files, "file", "files"),
            f"{_format.size(outcome.size)} read and compared in {outcome.seconds:.1f} s",
        ]
    )
    columns = ["", "stored", "ratio", "MB/s", "pieces"]
    if outcome.compress:
        columns[4:4] = ["with zstd", "ratio", "MB/s"]
    shown.print_table(title, columns, [_row(each, outcome) for each in outcome.kept], strong="artstore")
    if len(outcome.versions) > 1:
        _print_growth(outcome)
    click.echo(_in_words(outcome))


def _row(kept: Kept, outcome: Outcome) -> list[str]:
    data = _way_data(kept, outcome)
    told = [
        cell
        for of in (data, data["zstd"])
        if of is not None
        for cell in (_format.size(of["stored"]), f"{of['ratio']:.2f}", shown.speed(of["bytes_per_second"]))
    ]
    return [kept.way.name, *told, f"{kept.way.pieces:,}"]


def _print_growth(outcome: Outcome) -> None:
    """What each version adds, for the ways that people choose between."""
    whole, *others, ours = outcome.kept
    fixed = min((each for each in others if each.way.kind == "fixed"), key=lambda each: each.way.stored)
    series = {each.way.name: _steps(each.stored) for each in (whole, fixed, ours)}
    if outcome.compress:
        series["artstore, zstd"] = _steps(ours.compressed)
    rows = [
        [version.label, _format.size(version.size), *(f"+{_format.size(steps[index])}" for steps in series.values())]
        for index, version in enumerate(outcome.versions)
    ]
    if len(rows) > _MOST_ROWS:
        half = _MOST_ROWS // 2
        hidden = len(rows) - 2 * half
        rows = [*rows[:half], [f"... {hidden:,} more (--json)"] + [""] * (len(series) + 1), *rows[-half:]]
    shown.print_table("what each version adds", ["", "size", *series], rows)


def _steps(totals: list[int]) -> list[int]:
    return [after - before for before, after in zip([0, *totals], totals, strict=False)]


def _in_words(outcome: Outcome) -> str:
    whole, ours = outcome.kept[0].way, outcome.kept[-1].way
    said = [f"artstore would keep {'this' if len(outcome.versions) == 1 else 'these'} in {_format.size(ours.stored)}"]
    said.append(f"where whole-file storage takes {_format.size(whole.stored)}: {_less(ours.stored, whole.stored)}")
    if outcome.compress:
        said.append(f"with zstd {_format.size(ours.compressed)}, {_less(ours.compressed, whole.stored)}")
    return f"{said[0]}, {said[1]}{'; ' + said[2] if outcome.compress else ''}."


def _less(ours: int, whole: int) -> str:
    part = 100 * (whole - ours) / whole
    return f"{part:.1f} % less" if part >= 0.05 else "the same" if part > -0.05 else f"{-part:.1f} % more"


def _chart(outcome: Outcome) -> str:
    from artstore import charts

    if len(outcome.versions) == 1:
        rows = {
            each.way.name: {"stored": each.way.stored}
            | ({"with zstd": each.way.compressed} if outcome.compress else {})
            for each in outcome.kept
        }
        return charts.bars(f"What {outcome.versions[0].label} takes", rows, "bytes")
    *others, ours = outcome.kept
    series = {"artstore": _points(ours.stored)}
    if outcome.compress:
        series["artstore, zstd"] = _points(ours.compressed)
    series |= {each.way.name: _points(each.stored) for each in others}
    return charts.lines("What versions take together", series, "versions", "bytes", log=False)


def _points(totals: list[int]) -> list[tuple[float, float]]:
    return [(number, total) for number, total in enumerate(totals, 1)]
