"""Every verb answers hostile arguments with an exit code and a message, never with a traceback.

The verbs, arguments and options are those that the command line lists, so that a new one is attacked as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from artstore.cli import VERBS, verbs
from tests.support.cli_runner import prepare_folder, put_two_versions, run

HOSTILE = [
    *("", " ", "\n", "\x1b[2J", "\udcff", "caf\udce9", "x" * 300, "x" * 5000, "é" * 200, "-", "--", ".."),
    *("../x", "a/../b", "/dev/null", "/dev/full/x", "animals:v0", "animals:v99999999999999999999", "animals:", ":"),
    *(
        "a:b:c",
        "a/b/c/d/e",
        "%00",
        "*",
        "[",
        "{}",
        '{"$and": 1}',
        '{"a": {"$regex": "("}}',
        '{"a": {"$gt": {}}}',
        "[" * 5000,
        "{" * 999,
    ),
    *("0", "-1", "9" * 30, "1e999", "nan", "0.5", "v0", "+x", "=", "a=b", "a=\udcff", "1d", "-1d", "99999999999d"),
    *("s3://", "http://[", "x://y", "file://", "file:///\udcff", "animals", "animals/cat.jpg", "select", "select 1"),
    *("select x'ff'", "attach 'x' as y", "config.a", "a.b.c", "*/*", "null", "true", "ｖ0", "\u202egpj.exe"),
]
_ARGUMENTS = {
    "path": "animals",
    "uri": "file:animals",
    "name": "animals:v0",
    "old": "animals:v0",
    "new": "animals:v1",
    "requested": "animals:v9",
    "folder": "made",
    "backup": "backup",
    "query": "select 1",
    "paths": "animals",
}
"""Arguments that are right, by name; all others are a version."""
_NOT_RUN = {
    "ui": "it serves until it is stopped",
    "demo": "it takes no argument",
    "bench": "it measures for as long as it is told to",
}


def _attackable() -> Iterator[tuple[str, click.Parameter]]:
    context = click.Context(verbs)
    for verb in VERBS:
        command = verbs.get_command(context, verb)
        assert command is not None
        if verb not in _NOT_RUN:
            yield from ((verb, parameter) for parameter in command.params)


ATTACKED = list(_attackable())


def _command_line(verb: str, attacked: click.Parameter, value: str) -> list[str]:
    arguments = [
        value if parameter is attacked else _ARGUMENTS.get(str(parameter.name), "animals:v0")
        for owner, parameter in ATTACKED
        if owner == verb and isinstance(parameter, click.Argument) and (parameter.required or parameter is attacked)
    ]
    if isinstance(attacked, click.Argument):
        return [verb, "--", *arguments]
    is_flag = isinstance(attacked, click.Option) and (attacked.is_flag or attacked.count)
    return [verb, attacked.opts[-1], *([] if is_flag else [value]), "--", *arguments]


def _attack(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code in (0, 1, 2), (arguments, result.exit_code)
    assert result.exit_code != 2 or result.stderr.strip(), arguments
    assert "Traceback" not in result.output, arguments


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a store of two versions, two levels below the test's own, for `../x`."""
    folder = tmp_path / "above" / "here"
    folder.mkdir(parents=True)
    prepare_folder(folder, monkeypatch)
    put_two_versions()
    return folder


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        pytest.param(verb, option, id=f"{verb} {option.opts[0]}")
        for verb, option in ATTACKED
        if isinstance(option.type, click.types.IntParamType)
    ],
)
def test_a_number_that_nothing_can_count_to_is_refused(verb: str, option: click.Parameter, zoo: Path) -> None:
    result = run(*_command_line(verb, option, "9" * 30))
    assert result.exit_code == 2
    assert f"Invalid value for '{option.opts[0]}'" in result.stderr
    assert "is more than 9223372036854775807" in result.stderr


@pytest.mark.parametrize("count", [1, pytest.param(len(HOSTILE), marks=pytest.mark.torture)], ids=["sampled", "all"])
def test_a_hostile_argument_ends_in_a_message(zoo: Path, count: int) -> None:
    for verb, parameter in ATTACKED:
        for value in random.Random(f"{verb} {parameter.name}").sample(HOSTILE, count):
            _attack(_command_line(verb, parameter, value))


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.torture)], ids=["few", "many"])
def test_a_command_line_made_by_chance_ends_in_a_message(zoo: Path, count: int) -> None:
    words = sorted({option for _, parameter in ATTACKED for option in parameter.opts if option.startswith("-")})
    characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    word = st.sampled_from(words) | st.sampled_from(HOSTILE) | st.text(characters, max_size=20)

    @settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(verb=st.sampled_from(sorted({verb for verb, _ in ATTACKED})), rest=st.lists(word, max_size=4))
    def attack(verb: str, rest: list[str]) -> None:
        _attack([verb, *rest])

    attack()
