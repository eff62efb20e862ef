"""The config and summary of runs as columns of a table, and as lines that compare runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import click

from artstore.runtime import words
from artstore.tracking.public_run import PublicRun
from artstore.web import facts

CONFIG, SUMMARY = "config.", "summary."


class Line(NamedTuple):
    """One value of several runs, None where a run does not have it."""

    key: str
    values: list[Any]

    @property
    def same(self) -> bool:
        """Whether all runs have the same value."""
        # As JSON, since True == 1 in Python.
        return len({json.dumps(value, sort_keys=True, default=str) for value in self.values}) == 1


def of_run(run: PublicRun) -> dict[str, Any]:
    """Return the config and summary of a run by names with dots: `config.lr`, `summary.accuracy`."""
    config = {CONFIG + key: value for key, value in facts.flat(run.config).items()}
    summary = {SUMMARY + key: value for key, value in facts.summary(run.summary).items()}
    return config | summary


def lines(runs: Iterable[PublicRun]) -> list[Line]:
    """Return a line for each value that one of the runs has, config first."""
    values = [of_run(run) for run in runs]
    keys = sorted(dict.fromkeys(key for one in values for key in one), key=lambda key: not key.startswith(CONFIG))
    return [Line(key, [one.get(key) for one in values]) for key in keys]


def differing(every: Iterable[Line], order: str = "") -> list[Line]:
    """Return the lines whose values are single values and not the same in all runs, the most telling ones first.

    These are the one that orders the runs, then metrics by which runs are judged and the config in turn, and last those
    with one value in some runs and none in others.
    """
    found = [line for line in every if not line.same and not any(isinstance(v, list | dict) for v in line.values)]
    metrics = sorted((line for line in found if line.key.startswith(SUMMARY)), key=lambda x: facts.judged_first(x.key))
    config = [line for line in found if line.key.startswith(CONFIG)]
    turns = [line for pair in zip_longest(metrics, config) for line in pair if line is not None]
    ordered = order.lstrip("+-").removeprefix("summary_metrics.")
    return sorted(turns, key=lambda line: (ordered not in (line.key, label_of(line.key)), _partly(line)))


def _partly(line: Line) -> bool:
    return None in line.values and len({json.dumps(value, default=str) for value in line.values}) == 2


def chosen(every: Sequence[Line], wanted: Sequence[str]) -> list[Line]:
    """Return the lines that were asked for, in that order: `lr`, or `config.lr` if the summary has it as well.

    Raises `UsageError` for a name that no run has.
    """
    by_key = {line.key: line for line in every}
    return [by_key[_key(name, by_key)] for name in wanted]


def field(runs: Iterable[PublicRun], name: str) -> str | None:
    """Return the field by which runs are ordered by a value of their summary or config; None if there are no runs.

    Raises `UsageError` for a value that none of the runs has.
    """
    by_key = {line.key: line for line in lines(runs)}
    if not by_key:
        return None
    key = SUMMARY + name if SUMMARY + name in by_key else _key(name, by_key)
    return key.replace(SUMMARY, "summary_metrics.", 1) if key.startswith(SUMMARY) else key


def _key(name: str, by_key: Mapping[str, Line]) -> str:
    for key in (name, CONFIG + name, SUMMARY + name):
        if key in by_key:
            return key
    labels = {key: label for key in by_key for label in (key, label_of(key))}
    near = words.nearest(name, [*labels.values(), *labels])
    hint = f"did you mean {near!r}?" if near else f"they have {', '.join(_some(labels.values())) or 'no values'}"
    raise click.UsageError(f"These runs have no column {name!r}: {hint}")


def _some(names: Iterable[str], limit: int = 12) -> Iterator[str]:
    for number, name in enumerate(dict.fromkeys(names)):
        if number == limit:
            yield "..."
            return
        yield name


def label_of(key: str) -> str:
    """Return a key without `config.` or `summary.`."""
    return key.partition(".")[2]


def labels(shown: Sequence[Line], taken: Iterable[str] = ()) -> list[str]:
    """Return the headings of columns: the short names, or the full ones where two would be the same."""
    short = [*taken, *(label_of(line.key) for line in shown)]
    return [line.key if short.count(label_of(line.key)) > 1 else label_of(line.key) for line in shown]


def text(value: Any) -> str:
    """Format a value for a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def numeric(line: Line) -> bool:
    """Whether all values of a line are numbers."""
    return all(value is None or facts.is_number(value) for value in line.values)
