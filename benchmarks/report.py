"""What was measured, as lines for a terminal and as sections of Markdown with charts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from artstore import charts
from benchmarks import targets
from benchmarks.growth import AS_THE_CHANGE, Curve
from benchmarks.peers.peer import Peer
from benchmarks.savings import Saving
from benchmarks.shapes import MEBI, SHAPES, Size
from benchmarks.side_by_side import STEPS, Cell, Left, Measured, cells
from benchmarks.targets.row import Row

_OURS = "artstore"
_CLEARLY = 1.1
"""Another tool is ahead where artstore takes this many times as much: less is noise."""
_LITTLE = 1e5
"""Bytes of disk that nobody minds."""


def row_line(row: Row) -> str:
    """A row of the goals."""
    return f"{row.number:4} {row.what:58} {row.goal:26} {row.measured:36} {_held(row.held)}"


def peer_line(result: Measured | Left) -> str:
    """What one step of one tool took."""
    if isinstance(result, Left):
        return f"{result.shape:12} {result.peer:10} not measured: {result.why}"
    cost = result.cost
    return (
        f"{result.shape:12} {result.peer:10} {result.step:6} {cost.seconds:8.2f} s  cpu {cost.cpu_seconds:8.2f} s  "
        f"memory {cost.peak_bytes / 1e6:8.1f} MB  disk {result.grown_bytes / 1e6:+10.2f} MB"
    )


def curve_line(curve: Curve) -> str:
    """How one cost grows."""
    (least, cheapest), (most, dearest) = curve.points[0], curve.points[-1]
    return (
        f"{curve.name:32} {least:>9,.0f} to {most:>9,.0f} {curve.input:9} "
        f"{_short(cheapest):>8} to {_short(dearest):>8}  "
        f"slope {curve.slope:5.2f} (at most {curve.most:g}) {_held(curve.held)}"
    )


def saving_line(saving: Saving) -> str:
    """What one history takes."""
    parts = [
        f"{kind} {found.all_bytes / MEBI:,.1f} MiB ({found.all_bytes / saving.whole_bytes:.0%})"
        for kind, found in saving.stored.items()
    ]
    return (
        f"{saving.name:38} {saving.versions} versions: whole {saving.whole_bytes / MEBI:,.1f} MiB; {'; '.join(parts)}"
    )


def _held(held: bool) -> str:
    return "held" if held else "NOT held"


def _short(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


class Results:
    """A page of results, and a folder of charts beside it. It is written after each section, so that none is lost."""

    def __init__(self, page: Path, how: str, facts: Mapping[str, str]) -> None:
        self._page = page
        self._sections = [
            f"# Results\n\nWritten by `{how}`, which anybody may run again; benchmarks/__main__.py tells how. "
            "Times are of one machine on one day: the ratios within a table count, and less than about a third is "
            "noise where a thing was measured once.",
            _table(["", ""], facts.items()),
        ]

    def add(self, *parts: str) -> None:
        """Add a section."""
        self._sections += parts
        self._page.write_text("\n\n".join(self._sections) + "\n")

    def chart(self, name: str, title: str, svg: str) -> str:
        """Write a chart; give the Markdown that shows it."""
        folder = self._page.parent / "charts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.svg").write_text(svg)
        return f"![{title}](charts/{name}.svg)"


def goals(results: Results, rows: Iterable[Row]) -> None:
    """The section of the thirteen goals."""
    listed = targets.sorted_rows(rows)
    table = _table(
        ["", "what", "goal", "measured", ""],
        ((row.number, row.what, row.goal, row.measured, _held(row.held)) for row in listed),
    )
    results.add("## The goals P1 to P13", table, f"**{targets.conclusion(listed)}.**")


def tools(
    results: Results, found: Mapping[str, tuple[Peer, str]], size: Size, measured: Sequence[Measured | Left]
) -> None:
    """The section of artstore beside other tools."""
    table = _table(["tool", "version", ""], ((peer.name, version, peer.remarks) for peer, version in found.values()))
    left = dict.fromkeys(
        f"- {each.peer}, {each.shape}: {each.why.splitlines()[0]}" for each in measured if isinstance(each, Left)
    )
    results.add(
        "## Beside other tools",
        "Each step is a command in a process of its own, start included, on the same data in one run, which was read "
        "into memory before. Memory is the most that the process and its children held at once, without mapped files; "
        "disk is what the tool takes more after each step.",
        table,
        *(["Not measured:\n\n" + "\n".join(left)] if left else []),
    )
    taken = cells(measured)
    thorough = [peer.name for peer, _ in found.values() if peer.as_thorough]
    for name, shape in SHAPES.items():
        here = {key[1:]: cell for key, cell in taken.items() if key[0] == name}
        if here:
            results.add(f"### {name}: {shape.what(size)}", *_shape(results, name, here, thorough))


def _shape(results: Results, name: str, here: Mapping[tuple[str, str], Cell], thorough: Collection[str]) -> list[str]:
    peers = list(dict.fromkeys(peer for peer, _ in here))
    head = ["tool", *(f"{said}, s" for said in STEPS.values()), "CPU of each, s", "memory, MB", "disk, MB"]

    def said(peer: str) -> list[str]:
        steps = {step: here[peer, step] for step in STEPS if (peer, step) in here}
        return [
            peer,
            *(f"{steps[step].seconds:.2f}" if step in steps else "" for step in STEPS),
            " / ".join(f"{cell.cpu_seconds:.1f}" for cell in steps.values()),
            f"{max(cell.peak_bytes for cell in steps.values()) / 1e6:.0f}",
            " ".join(f"{cell.grown_bytes / 1e6:+.1f}" for step, cell in steps.items() if step != "get"),
        ]

    seconds = {
        STEPS[step]: {peer: here[peer, step].seconds for peer in peers if (peer, step) in here} for step in STEPS
    }
    disk = {
        peer: {STEPS[step]: max(0, here[peer, step].grown_bytes / 1e6) for step in ("first", "again", "few")}
        for peer in peers
        if (peer, "few") in here
    }
    return [
        _table(head, map(said, peers)),
        results.chart(
            f"{name}-seconds",
            f"{name}: seconds",
            charts.bars(f"{name}: seconds of each step", seconds, "seconds", log=True),
        ),
        results.chart(f"{name}-disk", f"{name}: disk", charts.bars(f"{name}: disk taken by each step", disk, "MB")),
        _ahead(here, thorough),
    ]


def _ahead(here: Mapping[tuple[str, str], Cell], thorough: Collection[str]) -> str:
    """Where another tool is ahead of artstore, first those that do as much."""
    lines: dict[bool, list[str]] = {True: [], False: []}
    for (peer, step), cell in here.items():
        ours = here.get((_OURS, step))
        if ours is None or peer == _OURS:
            continue
        if cell.seconds * _CLEARLY < ours.seconds:
            said = f"{peer} {cell.seconds:.2f} s, artstore {ours.seconds:.2f} s"
            lines[peer in thorough].append(f"- {STEPS[step]}: {said}")
        if step != "get" and max(cell.grown_bytes, 0) * _CLEARLY + _LITTLE < ours.grown_bytes:
            said = f"{peer} {cell.grown_bytes / 1e6:+.2f} MB, artstore {ours.grown_bytes / 1e6:+.2f} MB"
            lines[peer in thorough].append(f"- disk, {STEPS[step]}: {said}")
    as_much = "\n".join(lines[True]) or "- nowhere"
    less = "\n".join(lines[False]) or "- nowhere"
    return (
        f"Ahead of artstore, durable and verifying as it is ({', '.join(sorted(thorough)) or 'none was there'}):\n\n"
        f"{as_much}\n\nAhead of artstore, doing less:\n\n{less}"
    )


def growing(results: Results, curves: Sequence[Curve]) -> None:
    """The section of growth."""
    head = ["what", "input", "from", "to", "seconds", "slope", "at most", ""]
    table = _table(
        head,
        (
            [
                *(curve.name, curve.input, f"{curve.points[0][0]:,.0f}", f"{curve.points[-1][0]:,.0f}"),
                f"{_short(curve.points[0][1])} to {_short(curve.points[-1][1])}",
                *(f"{curve.slope:.2f}", f"{curve.most:g}", _held(curve.held)),
            ]
            for curve in curves
        ),
    )
    inputs = dict.fromkeys(curve.input for curve in curves)
    shown = []
    for what in inputs:
        title = f"seconds by {what}"
        series = {curve.name: curve.points for curve in curves if curve.input == what}
        shown.append(results.chart(f"growth-{what}", title, charts.lines(title, series, what, "seconds")))
    results.add(
        "## Growth",
        "The slope is that of the logarithms, over the last two decades of sizes: 1 grows as the input, 0 not at all. "
        f"What follows the change and not the size may reach {AS_THE_CHANGE:g}. Entries and objects are made up beyond "
        "what files are logged: a million of real ones would measure the file system.",
        table,
        *shown,
    )


def saved(results: Results, savings: Sequence[Saving]) -> None:
    """The section of successive versions."""
    kinds = list(savings[0].stored)
    rows = []
    drawn: dict[str, dict[str, float]] = {}
    for each in savings:
        drawn[each.name] = {"whole files": each.whole_bytes / MEBI}
        row = [each.name, each.what, f"{each.versions}", f"{each.whole_bytes / MEBI:,.1f}"]
        for kind in kinds:
            found = each.stored[kind]
            drawn[each.name][kind] = found.all_bytes / MEBI
            further = (found.all_bytes - found.first_bytes) / (each.versions - 1) / MEBI
            row += [f"{found.all_bytes / MEBI:,.1f} ({found.all_bytes / each.whole_bytes:.0%})", f"{further:,.2f}"]
            row.append(f"{found.seconds:.1f}")
        rows.append(row)
    head = ["", "", "versions", "whole files, MiB"]
    for kind in kinds:
        head += [f"{kind}, MiB", "a further version, MiB", "s"]
    title = "successive versions: whole files, and in artstore"
    results.add(
        "## Successive checkpoints and tables",
        "Versions as training makes them, logged one after the other; the catalog is counted.",
        _table(head, rows),
        results.chart("savings", title, charts.bars(title, drawn, "MiB", log=True)),
    )


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines)
