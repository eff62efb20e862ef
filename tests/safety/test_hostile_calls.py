"""No public call lets out an exception that is not artstore's, whatever it is given; none hangs or leaves its folder.

The calls are found by looking at the package, so that a new one is attacked without a change here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import hostile_calls, public_calls
from tests.support.environment import clear_environment
from tests.support.hostile_calls import HOSTILE, Attacker, Call

FEW, MANY = 1, len(HOSTILE)
"""How many hostile values each parameter gets in a sample, and with `make torture`."""
_TEXTS = st.text(max_size=30) | st.text("/.:%\0\ud800[]*?#&= \u202ev0-", max_size=12)
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | st.binary(max_size=9)
_NESTED = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3))


@pytest.fixture
def attacker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attacker]:
    """Attacks public calls in a folder of its own; nothing beside that folder may change."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    attacker = Attacker(inside)
    yield attacker
    attacker.scene.close()
    # The scenes are one folder further down: hostile values name that folder, as `..` and `../x` do, and none above it.
    assert list(tmp_path.iterdir()) == [inside]


@pytest.mark.parametrize(
    "count", [FEW, pytest.param(MANY, marks=[pytest.mark.torture, pytest.mark.timeout(7200)])], ids=["sampled", "all"]
)
def test_no_foreign_exception_leaves_a_call_with_a_hostile_argument(attacker: Attacker, count: int) -> None:
    calls = hostile_calls.public_calls(attacker.scene)
    assert len(calls) > 1_000
    found = []
    for call in calls:
        values = [value for value in HOSTILE if not (call.takes_function and callable(value))]
        chosen = random.Random(str(call)).sample(values, min(count, len(values)))
        found += [said for value in chosen if (said := attacker.attack(call, value))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "count", [200, pytest.param(30_000, marks=[pytest.mark.torture, pytest.mark.timeout(7200)])], ids=["few", "many"]
)
def test_no_foreign_exception_leaves_a_call_with_an_argument_made_by_chance(attacker: Attacker, count: int) -> None:
    calls = hostile_calls.public_calls(attacker.scene)

    @settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(call=st.sampled_from(calls), value=_NESTED)
    def attack(call: Call, value: object) -> None:
        assert not (said := attacker.attack(call, value)), said

    attack()


def test_every_public_class_is_attacked() -> None:
    classes = public_calls.public_classes()
    assert {"Store", "Artifact", "Run", "Api", "Table", "Lineage", "PublicRun", "Listing"} <= set(classes)
    attacked = {name.partition(",")[0] for name in hostile_calls.targets()} | set(hostile_calls.NOT_CALLED)
    with_methods = {name for name, kind in classes.items() if public_calls.has_methods(kind)}
    assert with_methods <= attacked, "add how to get one to TARGETS"
