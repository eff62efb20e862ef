"""docs/lifecycle.md as a state machine: every interleaving keeps the promises, and each rule is necessary."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

Slot = int
WRITERS = (0, 1)
PROCESSES = ("w0", "w1", "deleter", "repacker", "collector")
RULES = (
    "decide under the lock",
    "claim what is there",
    "durable, then published",
    "the loser gives way",
    "release, then punch",
    "living claims count",
    "a pack has one writer",
    "repacking asks again",
)


@dataclass(frozen=True)
class World:
    """One chunk, all places where its bytes were written, and the operations under way."""

    row: Slot | None = 0
    """The place of the chunk according to the catalog."""
    bytes: tuple[str, ...] = ("durable",)
    owner: tuple[str, ...] = ("w0",)
    published: frozenset[Slot] = frozenset({0})
    versions: frozenset[str] = frozenset({"old"})
    claims: frozenset[str] = frozenset()
    free: frozenset[Slot] = frozenset()
    steps: tuple[tuple[str, str, Slot | None], ...] = tuple((name, "start", None) for name in PROCESSES)
    power: bool = True

    def step(self, name: str) -> tuple[str, Slot | None]:
        return next((at, slot) for who, at, slot in self.steps if who == name)

    def go(self, name: str, at: str, slot: Slot | None = None) -> World:
        return replace(self, steps=tuple((n, at, slot) if n == name else (n, a, s) for n, a, s in self.steps))

    def alive(self, name: str) -> bool:
        return self.step(name)[0] != "dead"

    def write(self, name: str, state: str = "written") -> tuple[World, Slot]:
        world = replace(self, bytes=(*self.bytes, state), owner=(*self.owner, name))
        return world, len(self.bytes)

    def with_bytes(self, slot: Slot, state: str) -> World:
        return replace(self, bytes=tuple(state if i == slot else b for i, b in enumerate(self.bytes)))


def is_held(world: World, rules: frozenset[str]) -> bool:
    claims = {name for name in world.claims if world.alive(name)} if "living claims count" in rules else set()
    return bool(world.versions or claims)


def release(world: World, rules: frozenset[str]) -> World:
    """Remove dead leases; release the chunk if nothing holds it."""
    world = replace(world, claims=frozenset(name for name in world.claims if world.alive(name)))
    if world.row is None or is_held(world, rules):
        return world
    return replace(world, row=None, free=world.free | {world.row})


def publish(world: World, name: str, slot: Slot, rules: frozenset[str]) -> World:
    world = replace(world, published=world.published | {slot}, claims=world.claims | {name})
    if world.row is None:
        return replace(world, row=slot)
    if "the loser gives way" in rules:
        return replace(world, free=world.free | {slot})
    return replace(world, row=slot)


def punch(world: World) -> World:
    for slot in world.free:
        world = world.with_bytes(slot, "gone")
    return world


def truncate_unpublished(world: World, rules: frozenset[str]) -> World:
    for slot, owner in enumerate(world.owner):
        unlocked = not world.alive(owner) or "a pack has one writer" not in rules
        if slot not in world.published and unlocked:
            world = world.with_bytes(slot, "gone")
    return world


def writer(world: World, name: str, rules: frozenset[str]) -> Iterator[World]:
    at, slot = world.step(name)
    if at == "start":
        if world.row is None:
            after, new = world.write(name)
            yield after.go(name, "written", new)
        elif "claim what is there" not in rules:
            yield world.go(name, "ready")
        elif "decide under the lock" not in rules:
            yield world.go(name, "seen")
        else:
            yield replace(world, claims=world.claims | {name}).go(name, "ready")
    elif at == "seen":
        yield replace(world, claims=world.claims | {name}).go(name, "ready")
    elif at == "written" and slot is not None:
        synced = world.with_bytes(slot, "durable") if world.bytes[slot] == "written" else world
        yield synced.go(name, "durable", slot)
        if "durable, then published" not in rules:
            yield publish(world, name, slot, rules).go(name, "ready", slot)
    elif at == "durable" and slot is not None:
        yield publish(world, name, slot, rules).go(name, "ready", slot)
    elif at == "ready":
        committed = replace(world, versions=world.versions | {name}, claims=world.claims - {name})
        yield committed.go(name, "done")


def deleter(world: World, name: str, rules: frozenset[str]) -> Iterator[World]:
    at, _ = world.step(name)
    early = "release, then punch" not in rules
    if at == "start" and early and world.row is not None and len(world.versions) == 1 and not world.claims:
        yield world.with_bytes(world.row, "gone").go(name, "punched")
    elif at in ("start", "punched"):
        for version in world.versions:
            yield release(replace(world, versions=world.versions - {version}), rules).go(name, "released")
    elif at == "released":
        yield punch(world).go(name, "forgetting")
    elif at == "forgetting":
        gone = {slot for slot in world.free if world.bytes[slot] == "gone"}
        yield replace(world, free=world.free - gone).go(name, "done")


def repacker(world: World, name: str, rules: frozenset[str]) -> Iterator[World]:
    at, slot = world.step(name)
    if at == "start" and world.row is not None and world.bytes[world.row] == "durable":
        after, new = world.write(name, "durable")
        yield after.go(name, f"copied {world.row}", new)
    elif at.startswith("copied") and slot is not None:
        old = int(at.split()[1])
        world = replace(world, published=world.published | {slot})
        if world.row == old or "repacking asks again" not in rules:
            yield replace(world, row=slot, free=world.free | {old}).go(name, "done")
        else:
            yield replace(world, free=world.free | {slot}).go(name, "done")


def collect(world: World, rules: frozenset[str]) -> World:
    world = punch(truncate_unpublished(release(world, rules), rules))
    return replace(world, free=frozenset())


def collector(world: World, name: str, rules: frozenset[str]) -> Iterator[World]:
    at, _ = world.step(name)
    if at == "start":
        yield truncate_unpublished(release(world, rules), rules).go(name, "released")
    elif at == "released":
        yield punch(world).go(name, "done")


def power_fails(world: World) -> World:
    for slot, state in enumerate(world.bytes):
        if state == "written":
            world = world.with_bytes(slot, "gone")
    for name in PROCESSES:
        world = world.go(name, "dead")
    return replace(world, power=False)


def next_worlds(world: World, rules: frozenset[str]) -> Iterator[World]:
    acts = {"w0": writer, "w1": writer, "deleter": deleter, "repacker": repacker, "collector": collector}
    for name, act in acts.items():
        at, slot = world.step(name)
        if at in ("done", "dead"):
            continue
        yield from act(world, name, rules)
        if at != "start":
            yield world.go(name, "dead", slot)
    if world.power:
        yield power_fails(world)


def broken_promise(world: World) -> str | None:
    """Return the promise that this world breaks, or None."""
    readable = world.row is not None and world.bytes[world.row] != "gone"
    if world.versions and not readable:
        return "a committed version lost its bytes"
    for name in ("w0", "w1"):
        if world.step(name)[0] == "ready" and not readable:
            return "an open draft lost its bytes"
    return None


def remains(world: World, rules: frozenset[str]) -> str | None:
    """Return what is left after every process has ended and a collection has run."""
    for name in PROCESSES:
        world = world.go(name, "dead")
    world = collect(world, rules)
    present = {slot for slot, state in enumerate(world.bytes) if state != "gone"}
    needed = {world.row} if world.row is not None else set()
    if present - needed:
        return "garbage that no collection finds"
    return "a claim of the dead" if world.claims else broken_promise(world)


def explore(rules: frozenset[str]) -> tuple[str | None, int]:
    """Visit every reachable world; return the first broken promise and the number of worlds."""
    start = World()
    seen = {start}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        wrong = broken_promise(world) or remains(world, rules)
        if wrong:
            return wrong, len(seen)
        for after in next_worlds(world, rules):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return None, len(seen)


def test_every_interleaving_keeps_the_promises() -> None:
    wrong, worlds = explore(frozenset(RULES))
    assert wrong is None
    assert worlds > 5_000


@pytest.mark.parametrize("rule", RULES)
def test_without_a_rule_a_promise_breaks(rule: str) -> None:
    wrong, _ = explore(frozenset(RULES) - {rule})
    assert wrong is not None
