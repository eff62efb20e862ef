"""Report results: as lines for a terminal, and as a page of Markdown with charts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from artstore import charts
from benchmarks import targets
from benchmarks.comparison import OURS, STEPS, Medians, Skipped, StepResult, medians
from benchmarks.datasets import DATASETS, MEBI, Size
from benchmarks.growth import CONSTANT_LIMIT, Curve
from benchmarks.million_files import Growth
from benchmarks.pages import LIMIT as PAINT_LIMIT
from benchmarks.pages import Painted
from benchmarks.peers.peer import Peer
from benchmarks.savings import Saving
from benchmarks.targets.row import Row

_NOISE = 1.1
"""Another tool is ahead if artstore takes more than this many times as much: less is noise."""
_NEGLIGIBLE_BYTES = 1e5
"""A difference of disk space that does not matter."""


def row_line(row: Row) -> str:
    """Format a row of the goals."""
    return f"{row.number:4} {row.description:58} {row.goal:26} {row.measured:58} {_held(row.held)}"


def peer_line(result: StepResult | Skipped) -> str:
    """Format the cost of one step of one tool."""
    if isinstance(result, Skipped):
        return f"{result.dataset:12} {result.peer:10} not measured: {_reason(result)}"
    cost, ours = result.cost, result.beside
    beside = f" (artstore beside it {ours.seconds:.2f} s, cpu {ours.cpu_seconds:.2f} s)" if ours else ""
    return (
        f"{result.dataset:12} {result.peer:10} {result.step:6} {cost.seconds:8.2f} s  cpu {cost.cpu_seconds:8.2f} s  "
        f"memory {cost.peak_bytes / 1e6:8.1f} MB  disk {result.grown_bytes / 1e6:+10.2f} MB{beside}"
    )


def _reason(skipped: Skipped) -> str:
    """Return why something was left out in one line: of a command that failed, the last thing that it said."""
    return skipped.reason.strip().splitlines()[-1]


def curve_line(curve: Curve) -> str:
    """Format the growth of one cost."""
    (smallest, first_seconds), (largest, last_seconds) = curve.points[0], curve.points[-1]
    return (
        f"{curve.name:32} {smallest:>9,.0f} to {largest:>9,.0f} {curve.input:9} "
        f"{_short(first_seconds):>8} to {_short(last_seconds):>8}  "
        f"slope {curve.slope:5.2f} (at most {curve.limit:g}) {_held(curve.held)}"
    )


def million_line(growth: Growth) -> str:
    """Format what a step costs for a set of files, beside a tenth of them."""
    return (
        f"{growth.files:>9,} files, {growth.layout:12} {growth.step:10} cpu {_short(growth.few.cpu_seconds):>8} to "
        f"{_short(growth.many.cpu_seconds):>8}, {growth.times:4.1f} times  rows {growth.few_rows:>9,} to "
        f"{growth.many_rows:>9,}  {_short(growth.many.seconds):>8} by the clock  memory "
        f"{growth.many.largest_bytes / 1e6:4.0f} MB  {_held(growth.held)}"
    )


def page_line(page: Painted) -> str:
    """Format what one page takes, and how many times as much as the page that says hello."""
    return (
        f"{page.name:20} server {_short(page.server):>8} (cpu {_short(page.cpu):>8})  first paint "
        f"{_short(page.paint):>8}, {page.paint / page.hello_paint:4.1f} times hello ({_short(page.hello_paint)})  "
        f"{page.bytes / 1e3:5.0f} kB  {page.boxes:4} boxes, {page.overlapping} overlap  "
        f"memory {page.memory / 1e6:4.0f} MB  {_held(page.paint <= PAINT_LIMIT)}"
    )


def saving_line(saving: Saving) -> str:
    """Format the disk space of one history."""
    parts = [
        f"{kind} {stored.all_bytes / MEBI:,.1f} MiB ({stored.all_bytes / saving.whole_bytes:.0%})"
        for kind, stored in saving.stored.items()
    ]
    return (
        f"{saving.name:38} {saving.versions} versions: whole {saving.whole_bytes / MEBI:,.1f} MiB; {'; '.join(parts)}"
    )


def _held(held: bool) -> str:
    return "held" if held else "NOT held"


def _short(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


class Results:
    """A page of results and its folder of charts. The page is written after each section, so that none is lost."""

    def __init__(self, page: Path, command: str, facts: Mapping[str, str]) -> None:
        self._page = page
        self._sections = [
            f"# Results\n\nWritten by `{command}`; see benchmarks/__main__.py. Times are from one machine on one day: "
            "the ratios within a table count, and a difference of less than a third is noise where something was "
            "measured once.",
            _table(["", ""], facts.items()),
        ]

    def add(self, *parts: str) -> None:
        """Add a section."""
        self._sections += parts
        self._page.write_text("\n\n".join(self._sections) + "\n")

    def chart(self, name: str, title: str, svg: str) -> str:
        """Write a chart; return the Markdown that shows it."""
        folder = self._page.parent / "charts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.svg").write_text(svg)
        return f"![{title}](charts/{name}.svg)"


def add_goals(results: Results, rows: Iterable[Row]) -> None:
    """Add the section of the thirteen goals."""
    sorted_rows = targets.sorted_rows(rows)
    table = _table(
        ["", "what", "goal", "measured", ""],
        ((row.number, row.description, row.goal, row.measured, _held(row.held)) for row in sorted_rows),
    )
    results.add("## The goals P1 to P13", table, f"**{targets.conclusion(sorted_rows)}.**")


def add_tools(
    results: Results, installed: Mapping[str, tuple[Peer, str]], size: Size, measured: Sequence[StepResult | Skipped]
) -> None:
    """Add the section that compares artstore with other tools."""
    table = _table(
        ["tool", "version", ""], ((peer.name, version, peer.remarks) for peer, version in installed.values())
    )
    skipped = dict.fromkeys(
        f"- {result.peer}, {result.dataset}: {_reason(result)}" for result in measured if isinstance(result, Skipped)
    )
    results.add(
        "## Other tools",
        "Each step is a command in a new process, start included, on the same data in one run, which was read into "
        "memory before. Artstore does each step once more just before each tool, and the time of the tool is divided "
        "by that. Memory is the peak of the process and its children together, without mapped files; disk is the disk "
        "space that each step adds.",
        table,
        *(["Not measured:\n\n" + "\n".join(skipped)] if skipped else []),
    )
    by_key = medians(measured)
    thorough = [peer.name for peer, _ in installed.values() if peer.as_thorough]
    for name, dataset in DATASETS.items():
        costs = {key[1:]: cost for key, cost in by_key.items() if key[0] == name}
        if costs:
            results.add(f"### {name}: {dataset.description(size)}", *_dataset(results, name, costs, thorough))


def _dataset(
    results: Results, name: str, costs: Mapping[tuple[str, str], Medians], thorough: Collection[str]
) -> list[str]:
    peers = list(dict.fromkeys(peer for peer, _ in costs))
    head = [
        "tool",
        *(f"{step}, s" for step in STEPS.values()),
        "CPU of each, s",
        "times artstore",
        "memory, MB",
        "disk, MB",
    ]

    def row(peer: str) -> list[str]:
        steps = {step: costs[peer, step] for step in STEPS if (peer, step) in costs}
        return [
            peer,
            *(f"{steps[step].seconds:.2f}" if step in steps else "" for step in STEPS),
            " / ".join(f"{cell.cpu_seconds:.1f}" for cell in steps.values()),
            " / ".join(f"{cell.times_ours:.2f}" for cell in steps.values() if cell.times_ours is not None),
            f"{max(cell.peak_bytes for cell in steps.values()) / 1e6:.0f}",
            " ".join(f"{cell.grown_bytes / 1e6:+.1f}" for step, cell in steps.items() if step != "get"),
        ]

    seconds = {
        STEPS[step]: {peer: costs[peer, step].seconds for peer in peers if (peer, step) in costs} for step in STEPS
    }
    disk = {
        peer: {STEPS[step]: max(0, costs[peer, step].grown_bytes / 1e6) for step in ("first", "again", "few")}
        for peer in peers
        if (peer, "few") in costs
    }
    return [
        _table(head, map(row, peers)),
        results.chart(
            f"{name}-seconds",
            f"{name}: seconds",
            charts.bars(f"{name}: seconds of each step", seconds, "seconds", log=True),
        ),
        results.chart(
            f"{name}-disk", f"{name}: disk", charts.bars(f"{name}: disk space added by each step", disk, "MB")
        ),
        _ahead(costs, thorough),
    ]


def _ahead(costs: Mapping[tuple[str, str], Medians], thorough: Collection[str]) -> str:
    """List where another tool is ahead of artstore; first the tools that are as thorough."""
    lines: dict[bool, list[str]] = {True: [], False: []}
    for (peer, step), cell in costs.items():
        ours = costs.get((OURS, step))
        if ours is None or peer == OURS:
            continue
        our_seconds = ours.seconds if cell.times_ours is None else cell.seconds / cell.times_ours
        if cell.seconds * _NOISE < our_seconds:
            times = f"{peer} {cell.seconds:.2f} s, artstore {our_seconds:.2f} s"
            lines[peer in thorough].append(f"- {STEPS[step]}: {times}")
        if step != "get" and max(cell.grown_bytes, 0) * _NOISE + _NEGLIGIBLE_BYTES < ours.grown_bytes:
            sizes = f"{peer} {cell.grown_bytes / 1e6:+.2f} MB, artstore {ours.grown_bytes / 1e6:+.2f} MB"
            lines[peer in thorough].append(f"- disk, {STEPS[step]}: {sizes}")
    by_thorough = "\n".join(lines[True]) or "- nowhere"
    by_others = "\n".join(lines[False]) or "- nowhere"
    return (
        f"Ahead of artstore, with the same durability and verification ({', '.join(sorted(thorough)) or 'none'}):\n\n"
        f"{by_thorough}\n\nAhead of artstore, without them:\n\n{by_others}"
    )


def add_growth(results: Results, curves: Sequence[Curve]) -> None:
    """Add the section of growth."""
    head = ["what", "input", "from", "to", "seconds", "slope", "at most", ""]
    table = _table(
        head,
        (
            [
                *(curve.name, curve.input, f"{curve.points[0][0]:,.0f}", f"{curve.points[-1][0]:,.0f}"),
                f"{_short(curve.points[0][1])} to {_short(curve.points[-1][1])}",
                *(f"{curve.slope:.2f}", f"{curve.limit:g}", _held(curve.held)),
            ]
            for curve in curves
        ),
    )
    inputs = dict.fromkeys(curve.input for curve in curves)
    plots = []
    for unit in inputs:
        title = f"seconds by {unit}"
        series = {curve.name: curve.points for curve in curves if curve.input == unit}
        plots.append(results.chart(f"growth-{unit}", title, charts.lines(title, series, unit, "seconds")))
    results.add(
        "## Growth",
        "The slope is that of the logarithms over the last two decades of sizes: 1 is proportional to the input, 0 is "
        f"constant. Costs that depend on the change and not on the size may reach {CONSTANT_LIMIT:g}. Entries and "
        "objects are invented: a million real files would measure the file system.",
        table,
        *plots,
    )


def add_savings(results: Results, savings: Sequence[Saving]) -> None:
    """Add the section of successive versions."""
    kinds = list(savings[0].stored)
    rows = []
    drawn: dict[str, dict[str, float]] = {}
    for saving in savings:
        drawn[saving.name] = {"whole files": saving.whole_bytes / MEBI}
        row = [saving.name, saving.description, f"{saving.versions}", f"{saving.whole_bytes / MEBI:,.1f}"]
        for kind in kinds:
            stored = saving.stored[kind]
            drawn[saving.name][kind] = stored.all_bytes / MEBI
            further = (stored.all_bytes - stored.first_bytes) / (saving.versions - 1) / MEBI
            row += [f"{stored.all_bytes / MEBI:,.1f} ({stored.all_bytes / saving.whole_bytes:.0%})", f"{further:,.2f}"]
            row.append(f"{stored.seconds:.1f}")
        rows.append(row)
    head = ["", "", "versions", "whole files, MiB"]
    for kind in kinds:
        head += [f"{kind}, MiB", "each further version, MiB", "s"]
    title = "successive versions: whole files, and in artstore"
    results.add(
        "## Successive checkpoints and tables",
        "Versions as training writes them, logged one after the other; sizes include the catalog.",
        _table(head, rows),
        results.chart("savings", title, charts.bars(title, drawn, "MiB", log=True)),
    )


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
