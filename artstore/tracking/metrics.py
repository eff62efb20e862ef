"""The values of metrics that the summary keeps: the last of each, or those that `define_metric` asks for."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from typing import Any

from artstore.errors import InvalidInput, WrongValue
from artstore.tracking.config import Summary

_KINDS = ("min", "max", "mean", "best", "last", "first", "copy", "none")


class Metric:
    """A metric that `define_metric` has defined, by its name or a pattern such as `eval/*`."""

    def __init__(self, name: str, step_metric: str | None, kinds: frozenset[str], goal: str | None) -> None:
        self.name = name
        self.step_metric = step_metric
        self.kinds = kinds
        self.goal = goal

    def __repr__(self) -> str:
        return f"<Metric {self.name}>"


class DefinedMetrics:
    """The metrics that a run has defined."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}
        self._sums: dict[str, tuple[float, int]] = {}

    def define(self, name: str, step_metric: Any, summary: str | None, goal: str | None) -> Metric:
        """Define a metric; its kinds of summary are separated by commas. Raises `InvalidInput`."""
        if not isinstance(name, str) or not name:
            raise WrongValue(f"define_metric needs the name of a metric, or a pattern such as 'eval/*', not {name!r}")
        if "*" in name[:-1]:
            raise InvalidInput(f"the * of a pattern of define_metric is its last character, not as in {name!r}")
        if not isinstance(step_metric, Metric | str | None):
            raise WrongValue(f"step_metric is the name of a metric, not {step_metric!r}")
        if not isinstance(summary, str | None):
            raise WrongValue(f"summary is a string such as 'min,max', not {summary!r}")
        kinds = frozenset(word.strip().lower() for word in (summary or "").split(",") if word.strip())
        for kind in sorted(kinds):
            if kind not in _KINDS:
                raise InvalidInput(f"define_metric does not know summary={kind!r}: use one of {', '.join(_KINDS)}")
        if goal is not None and goal not in ("minimize", "maximize"):
            raise InvalidInput(f"define_metric does not know goal={goal!r}: use minimize or maximize")
        metric = Metric(name, step_metric.name if isinstance(step_metric, Metric) else step_metric, kinds, goal)
        self._metrics[name] = metric
        return metric

    def summarize(self, values: Mapping[str, Any], summary: Summary) -> None:
        """Put values that were logged, and have been resolved, into the summary."""
        for key, value in values.items():
            metric = self._find(key)
            if metric is None or not metric.kinds or metric.kinds == {"copy"}:
                summary._set_resolved(key, value)
            elif "none" not in metric.kinds:
                before = summary.get(key)
                if _is_number(value):
                    now = self._summary(key, metric, value, before if isinstance(before, Mapping) else {})
                    summary._set_resolved(key, now)
                elif before is None:
                    summary._set_resolved(key, value)

    def _find(self, key: str) -> Metric | None:
        if key in self._metrics:
            return self._metrics[key]
        return next(
            (metric for name, metric in self._metrics.items() if name.endswith("*") and fnmatch.fnmatch(key, name)),
            None,
        )

    def _summary(self, key: str, metric: Metric, value: float, before: Mapping[str, Any]) -> dict[str, Any]:
        now = dict(before)
        for kind in metric.kinds:
            best = max if metric.goal == "maximize" else min
            match kind:
                case "min" | "max" | "best" | "mean" if math.isnan(value):
                    now.setdefault(kind, value)
                case "min" | "max" | "best":
                    choose = {"min": min, "max": max, "best": best}[kind]
                    is_known = _is_number(before.get(kind)) and not math.isnan(before[kind])
                    now[kind] = choose(before[kind], value) if is_known else value
                case "mean":
                    total, count = self._sums.get(key, (0.0, 0))
                    self._sums[key] = total + value, count + 1
                    now[kind] = (total + value) / (count + 1)
                case "first":
                    now.setdefault(kind, value)
                case "last":
                    now[kind] = value
        return now


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
