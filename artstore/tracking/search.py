"""The values that a sweep tries: by grid, at random, or by optuna from the results so far."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from artstore.errors import InvalidInput
from artstore.runtime.optional_imports import need

METHODS = ("grid", "random", "bayes")
_GOALS = ("minimize", "maximize")
_OF_EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")
_OF_VALUES = ("log_uniform_values", "q_log_uniform_values", "inv_log_uniform_values")
_BOUNDED = ("int_uniform", "uniform", "q_uniform", *_OF_EXPONENTS, *_OF_VALUES)
_UNBOUNDED = ("normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta")
_DISTRIBUTIONS = ("constant", "categorical", *_BOUNDED, *_UNBOUNDED)


class Parameter(NamedTuple):
    """A parameter of a sweep; those that are nested in others have several parts in their path."""

    path: tuple[str, ...]
    distribution: str
    spec: Mapping[str, Any]

    @property
    def values(self) -> Sequence[Any] | None:
        """The values that the parameter can have; None if these are not a list."""
        if self.distribution == "constant":
            return [self.spec["value"]]
        if self.distribution == "categorical":
            return list(self.spec["values"])
        if self.distribution == "int_uniform":
            return range(self.spec["min"], self.spec["max"] + 1)
        if self.distribution == "q_uniform":
            least, step = self.spec["min"], self.spec.get("q", 1)
            return [least + step * number for number in range(int((self.spec["max"] - least) / step + 1e-9) + 1)]
        return None

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value."""
        least, most = self.spec["min"], self.spec["max"]
        if self.distribution == "inv_log_uniform":
            least, most = -most, -least
        return (math.exp(least), math.exp(most)) if self.distribution in _OF_EXPONENTS else (least, most)

    def rounded(self, value: float) -> float:
        """Return a value as a multiple of `q` within the bounds, if the distribution asks for that."""
        if not self.distribution.startswith("q_"):
            return value
        step: float = self.spec.get("q", 1)
        number = round(value / step)
        if self.distribution in _BOUNDED:
            least, most = self.bounds
            number = max(math.ceil(least / step), min(number, math.floor(most / step)))
        return number * step

    def draw(self, dice: random.Random) -> Any:
        """Return a value at random."""
        if self.distribution == "categorical":
            return dice.choices(list(self.spec["values"]), self.spec.get("probabilities"))[0]
        if (values := self.values) is not None:
            return dice.choice(values)
        if self.distribution == "uniform":
            return dice.uniform(*self.bounds)
        if self.distribution in _BOUNDED:
            least, most = self.bounds
            return self.rounded(min(max(math.exp(dice.uniform(math.log(least), math.log(most))), least), most))
        if self.distribution.endswith("beta"):
            return self.rounded(dice.betavariate(self.spec.get("a", 1), self.spec.get("b", 1)))
        drawn = dice.gauss(self.spec.get("mu", 0), self.spec.get("sigma", 1))
        return self.rounded(math.exp(drawn) if self.distribution.endswith("log_normal") else drawn)


def read_config(config: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of the config of a sweep. Raises `InvalidInput`, which names what is wrong with it."""
    method = config.get("method")
    if method not in METHODS:
        raise InvalidInput(f"a sweep has no method {method!r}: use one of {', '.join(METHODS)}")
    given = config.get("parameters")
    if not isinstance(given, Mapping) or not given:
        raise InvalidInput("a sweep needs parameters, such as {'parameters': {'lr': {'min': 0.001, 'max': 0.1}}}")
    metric = config.get("metric") or {}
    if method == "bayes" and not metric.get("name"):
        raise InvalidInput("a sweep with method 'bayes' needs a metric, such as {'name': 'loss', 'goal': 'minimize'}")
    if metric.get("goal", "minimize") not in _GOALS:
        raise InvalidInput(f"the metric of a sweep has no goal {metric['goal']!r}: use one of {', '.join(_GOALS)}")
    parameters = list(_read((), given))
    if method == "grid":
        for parameter in parameters:
            if parameter.values is None:
                raise InvalidInput(f"a grid needs values for {'.'.join(parameter.path)!r}, not a range")
    return parameters


def _read(before: tuple[str, ...], given: Mapping[str, Any]) -> Iterable[Parameter]:
    for name, spec in given.items():
        path = (*before, str(name))
        if not isinstance(spec, Mapping):
            raise InvalidInput(f"the parameter {'.'.join(path)!r} of a sweep is a dict, such as {{'values': [1, 2]}}")
        if isinstance(spec.get("parameters"), Mapping):
            yield from _read(path, spec["parameters"])
        else:
            yield _checked(Parameter(path, _distribution_of(spec), spec))


def _distribution_of(spec: Mapping[str, Any]) -> str:
    if "distribution" in spec:
        return str(spec["distribution"]).removesuffix("_w_probabilities")
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical"
    bounds = (spec.get("min"), spec.get("max"))
    return "int_uniform" if all(isinstance(bound, int) for bound in bounds) else "uniform"


def _checked(parameter: Parameter) -> Parameter:
    name, spec = ".".join(parameter.path), parameter.spec
    if parameter.distribution not in _DISTRIBUTIONS:
        known = ", ".join(_DISTRIBUTIONS)
        raise InvalidInput(
            f"the parameter {name!r} of a sweep has no distribution {parameter.distribution!r}: use one of {known}"
        )
    if parameter.distribution == "constant" and "value" not in spec:
        raise InvalidInput(f"the parameter {name!r} of a sweep needs a value")
    if parameter.distribution == "categorical" and (not isinstance(spec.get("values"), Sequence) or not spec["values"]):
        raise InvalidInput(f"the parameter {name!r} of a sweep needs values, a list that is not empty")
    if parameter.distribution in _BOUNDED:
        bounds = (spec.get("min"), spec.get("max"))
        kinds = int if parameter.distribution == "int_uniform" else (int, float)
        if not all(isinstance(bound, kinds) for bound in bounds) or spec["min"] > spec["max"]:
            raise InvalidInput(
                f"the parameter {name!r} of a sweep needs a min and a max that are numbers, got {bounds}"
            )
        if parameter.distribution in _OF_VALUES and spec["min"] <= 0:
            raise InvalidInput(f"the parameter {name!r} of a sweep is logarithmic: its min must be above 0")
    return parameter


def nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return values by their path as dicts in each other."""
    made: dict[str, Any] = {}
    for path, value in values.items():
        inner = made
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
    return made


def grid_values(parameters: Sequence[Parameter], number: int) -> dict[str, Any] | None:
    """Return the values at a place of the grid, from 0; the last parameter changes first. None beyond its end."""
    chosen: dict[tuple[str, ...], Any] = {}
    for parameter in reversed(parameters):
        values = parameter.values
        assert values is not None
        number, place = divmod(number, len(values))
        chosen[parameter.path] = values[place]
    return None if number else nested({parameter.path: chosen[parameter.path] for parameter in parameters})


def random_values(parameters: Sequence[Parameter], seed: str) -> dict[str, Any]:
    """Return values at random, the same for the same seed."""
    dice = random.Random(seed)
    return nested({parameter.path: parameter.draw(dice) for parameter in parameters})


def bayes_values(
    parameters: Sequence[Parameter], goal: str, results: Iterable[tuple[Mapping[str, Any], float]], seed: str
) -> dict[str, Any]:
    """Return the values that optuna suggests after results: config and metric of each. Raises `MissingLibrary`."""
    optuna = need("optuna", "a sweep with method 'bayes'", "sweep")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ranges = {".".join(each.path): _optuna_range(optuna, each) for each in parameters}
    sampler = optuna.samplers.TPESampler(seed=random.Random(seed).randrange(2**32))
    study = optuna.create_study(direction=goal, sampler=sampler)
    for config, value in results:
        tried = {".".join(each.path): _choice(each, _look_up(config, each.path)) for each in parameters}
        if all(wanted._contains(wanted.to_internal_repr(tried[name])) for name, wanted in ranges.items()):
            study.add_trial(optuna.trial.create_trial(params=tried, distributions=ranges, value=value))
    asked = study.ask(ranges).params
    return nested({each.path: _value(each, asked[".".join(each.path)]) for each in parameters})


def _look_up(config: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = config
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _listed(parameter: Parameter) -> Sequence[Any] | None:
    return None if parameter.distribution == "int_uniform" else parameter.values


def _choice(parameter: Parameter, value: Any) -> Any:
    """Return the place of a value in the list of a parameter, otherwise the value: optuna chooses places."""
    values = _listed(parameter)
    if values is None:
        return value if isinstance(value, int | float) else math.nan
    return values.index(value) if value in values else -1


def _value(parameter: Parameter, choice: Any) -> Any:
    values = _listed(parameter)
    return parameter.rounded(choice) if values is None else values[choice]


def _optuna_range(optuna: Any, parameter: Parameter) -> Any:
    kinds = optuna.distributions
    values = _listed(parameter)
    if values is not None:
        if parameter.distribution == "q_uniform":
            return kinds.IntDistribution(0, len(values) - 1)
        return kinds.CategoricalDistribution(range(len(values)))
    if parameter.distribution == "int_uniform":
        return kinds.IntDistribution(*parameter.bounds)
    if parameter.distribution in _BOUNDED:
        return kinds.FloatDistribution(*parameter.bounds, log=parameter.distribution != "uniform")
    name = ".".join(parameter.path)
    raise InvalidInput(
        f"a sweep with method 'bayes' needs values or a range for {name!r}, not {parameter.distribution}"
    )
