"""Draw metrics of runs: in the terminal, or as a file."""

from __future__ import annotations

import math
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import click

from artstore.charts import smoothing, terminal, vega
from artstore.charts.axes import number
from artstore.cli import _format
from artstore.core.runs import RunRecord
from artstore.operations.runs import Point
from artstore.runtime import terminal as stderr
from artstore.runtime import words
from artstore.store import Store
from artstore.tracking.public_run import PublicRun
from artstore.web import facts

RUNS = 10
"""The most runs that are drawn unless -n asks for more."""
FORMATS = ("svg", "png", "json")
_LINES = 14
_FILE_POINTS = 600
_NAMES_SHOWN = 12
_EXACT = 20_000
"""The steps up to which each has a point of its own."""
_COLOURS = ("blue", "red", "green", "magenta", "yellow", "cyan")


class Options(NamedTuple):
    """Options of the drawing."""

    smooth: float = 0.0
    log: bool = False
    out: Path | None = None


Curves = Mapping[str, list[tuple[PublicRun, list[Point]]]]


def command(store: Store, metrics: Sequence[str], runs: Sequence[PublicRun], options: Options, as_json: bool) -> None:
    """Draw metrics of runs; a metric may be a pattern such as `val/*`. Raises `UsageError` for one that no run has."""
    if not metrics:
        raise click.UsageError("Name one metric or more, as in: artstore runs plot loss accuracy")
    if options.out is not None and options.out.suffix.lower().lstrip(".") not in FORMATS:
        raise click.UsageError(f"--out {str(options.out)!r} is not a chart: end its name with .svg, .png or .json")
    width = shutil.get_terminal_size().columns
    points = _FILE_POINTS if options.out or as_json else 2 * width
    found = {metric: drawn for metric, drawn in _curves(store, metrics, runs, points, options.log).items() if drawn}
    if as_json:
        _format.print_json({metric: [_data(*curve) for curve in curves] for metric, curves in found.items()})
    elif options.out is None:
        for number_of_chart, (metric, curves) in enumerate(found.items()):
            if number_of_chart:
                click.echo()
            _print(store, metric, curves, options, width)
    elif found:
        options.out.write_bytes(vega.rendered(_specification(found, options), options.out.suffix.lower().lstrip(".")))
        stderr.note(f"wrote {options.out}")
    if not found:
        why = "has no values above 0, which a logarithmic axis needs" if options.log else "has no finite values"
        raise click.UsageError(f"{', '.join(metrics)} {why}")


def _curves(store: Store, metrics: Sequence[str], runs: Sequence[PublicRun], points: int, log: bool) -> Curves:
    found = [(run, store.runs.curves(_record(store, run), points=points)) for run in runs]
    known = list(dict.fromkeys(key for _, curves in found for key in sorted(curves)))
    return {
        key: [(run, kept) for run, curves in found if (kept := _drawable(curves.get(key, ()), log))]
        for metric in metrics
        for key in _named(metric, known)
    }


def _record(store: Store, run: PublicRun) -> RunRecord:
    return store.runs.find(f"{run.project}/{run.id}", run.project)


def _named(metric: str, known: Sequence[str]) -> Sequence[str]:
    if metric in known:
        return [metric]
    if matching := [key for key in known if fnmatchcase(key, metric)]:
        return matching
    near = words.nearest(metric, known)
    some = [*known[:_NAMES_SHOWN], *(["..."] if len(known) > _NAMES_SHOWN else [])]
    hint = f"did you mean {near!r}?" if near else f"they have {', '.join(some) or 'logged no numbers'}"
    raise click.UsageError(f"These runs have no metric {metric!r}: {hint}")


def _drawable(points: Iterable[Point], log: bool) -> list[Point]:
    return [point for point in points if all(map(math.isfinite, point)) and (not log or point.low > 0)]


def _labels(runs: Sequence[PublicRun]) -> list[str]:
    """Return the names of runs, with their ids where several have one name."""
    counts = Counter(run.name for run in runs)
    return [run.name if counts[run.name] == 1 else f"{run.name} ({run.id})" for run in runs]


def _print(
    store: Store, metric: str, curves: Sequence[tuple[PublicRun, list[Point]]], options: Options, width: int
) -> None:
    means = [[(point.step, point.mean) for point in points] for _, points in curves]
    drawn = terminal.lines(
        [smoothing.smoothed(one, options.smooth) for one in means],
        width=width,
        height=_LINES,
        log=options.log,
        dots="utf" in (sys.stdout.encoding or "").lower(),
        paint=lambda index, text: click.style(text, fg=_COLOURS[index % len(_COLOURS)]),
    )
    about = "".join([", smoothed" if options.smooth else "", ", logarithmic" if options.log else ""])
    click.echo("\n".join([stderr.visible(f"{metric} over steps{about}"), *drawn]))
    names = _labels([run for run, _ in curves])
    rows = [
        [terminal.letter(index), name, number(_last(store, run, metric, points)), *map(number, _range(points))]
        for index, (name, (run, points)) in enumerate(zip(names, curves, strict=True))
    ]
    columns = ["", "run", "last", "lowest", "highest"]
    _format.print_lines(_format.table(columns, rows, right=columns[2:]))


def _last(store: Store, run: PublicRun, metric: str, points: Sequence[Point]) -> float:
    """Return the last value: the last point of a curve may be the mean of several steps."""
    first = int(points[-2].step) if len(points) > 1 else None
    exact = store.runs.curves(_record(store, run), points=_EXACT, first=first).get(metric)
    return exact[-1].mean if exact else points[-1].mean


def _range(points: Sequence[Point]) -> tuple[float, float]:
    return min(point.low for point in points), max(point.high for point in points)


def _specification(found: Curves, options: Options) -> dict[str, Any]:
    charts = {}
    for metric, curves in found.items():
        names = _labels([run for run, _ in curves])
        looks = facts.apart(f"{run.project}/{run.id}" for run, _ in curves)
        charts[metric] = [
            vega.Curve(name, looks[f"{run.project}/{run.id}"], points)
            for name, (run, points) in zip(names, curves, strict=True)
        ]
    return vega.specification(charts, options.smooth, options.log)


def _data(run: PublicRun, points: Sequence[Point]) -> dict[str, Any]:
    return {"run": run.id, "project": run.project, "name": run.name, "points": [point._asdict() for point in points]}
