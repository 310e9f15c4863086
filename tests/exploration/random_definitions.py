"""Definitions thrown by dice: small, deeply nested, with shared roles, inside the profile."""

from __future__ import annotations

import random
from collections import Counter

from pavane.core.check.explore import Mishaps
from pavane.core.projection.reading import blocks as b
from tests.exploration.writing import Scenario

_DEPTH = 3


def thrown(seed: int) -> tuple[Scenario, Counter[str]]:
    """The scenario of a seed, and how much of what is in it."""
    dice = _Dice(random.Random(seed))
    return dice.scenario(f"PAVANE_SEED={seed}"), dice.met


class _Dice:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.met: Counter[str] = Counter()
        self.roles = [f"r{i}" for i in range(chance.randint(2, 4))]
        self.steps: list[str] = []
        self.left = chance.choice([3, 3, 3, 4, 5])  # steps to come
        self.names = 0

    def scenario(self, name: str) -> Scenario:
        body = self.line(_DEPTH, "", self.left)
        while self.left > 0:
            body += self.line(_DEPTH, "", self.left)
        if self.likely("pivot", 0.35):
            body.append(self.pivot())
        deadline = self.likely("deadline", 0.6)
        root = b.Sub("w", body, home=self.role(0.3), deadline=deadline)
        lost = [each for each in self.steps if self.likely("process dies", 0.05)]
        retries = {each: 1 for each in self.steps if self.likely("retry", 0.05)}
        mishaps = Mishaps(lost=frozenset(lost), retries=retries)
        return Scenario(name, 0, root, mishaps, large=True)

    def likely(self, feature: str, chance: float) -> bool:
        thrown = self.chance.random() < chance
        self.met[feature] += thrown
        return thrown

    def role(self, chance: float = 1) -> str:
        return self.chance.choice(self.roles) if self.chance.random() < chance else ""

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def line(self, depth: int, path: str, most: int) -> list[b.Block]:
        found: list[b.Block] = []
        before = self.left
        while not found or (
            self.left > 0 and before - self.left < most and self.chance.random() < 0.5
        ):
            found.append(self.block(depth, path))
        return found

    def block(self, depth: int, path: str) -> b.Block:
        if depth == 0 or self.left <= 1 or self.chance.random() < 0.4:
            return self.step(path)
        makes = [self.fork, self.some, self.each, self.loop, self.scope, self.scope, self.choice]
        make = self.chance.choice(makes)
        self.met[make.__name__] += 1
        return make(depth - 1, path)

    def step(self, path: str) -> b.Step:
        self.left -= 1
        ref = self.name("S")
        self.steps.append(f"{path}/{ref}" if path else ref)
        return b.Step(
            ref,
            self.role(),
            fallible=self.likely("may fail", 0.4),
            late=self.likely("late", 0.15),
            optional=self.likely("optional", 0.1),
        )

    def pivot(self) -> b.Block:
        pivot = b.Step(
            self.name("P"), self.role(), pivot=True, fallible=self.likely("pivot may fail", 0.3)
        )
        if not self.likely("pivot in a scope", 0.4):
            return pivot
        ref = self.name("T")
        body = [b.Step(self.name("S"), self.role()), pivot]
        return b.Sub(ref, body, self.role(0.3), deadline=self.likely("deadline inside", 0.3))

    def fork(self, depth: int, path: str) -> b.Fork:
        half = max(1, self.left // 2)
        branches = [self.line(depth, path, half), self.line(depth, path, half)]
        return b.Fork(self.name("f"), branches, role=self.role(0.3), join_role=self.role(0.3))

    def some(self, depth: int, path: str) -> b.Some:
        half = max(1, self.left // 2)
        need = 2 if self.likely("all but none", 0.1) else 1
        branches = [self.sub(depth, path, half, caught=False) for _ in range(2)]
        return b.Some(self.name("s"), branches, need, role=self.role(0.3), join_role=self.role(0.3))

    def each(self, depth: int, path: str) -> b.Each:
        counts = self.chance.choice([(0, 2), (1, 2), (2,)])
        body = self.line(depth, path, 2)
        return b.Each(self.name("e"), body, counts, role=self.role(0.3), join_role=self.role(0.3))

    def loop(self, depth: int, path: str) -> b.Loop:
        body = self.line(depth, path, 2)
        return b.Loop(self.name("l"), body, times=2, role=self.role(0.3))

    def scope(self, depth: int, path: str) -> b.Sub:
        return self.sub(depth, path, 3, caught=self.likely("caught", 0.5))

    def sub(self, depth: int, path: str, most: int, *, caught: bool) -> b.Sub:
        ref = self.name("T")
        body = self.line(depth, f"{path}/{ref}" if path else ref, most)
        deadline = self.likely("deadline inside", 0.25)
        return b.Sub(ref, body, self.role(0.3), deadline=deadline, caught=caught)

    def choice(self, depth: int, path: str) -> b.Choice:
        cases = {"yes": self.line(depth, path, 2)}
        other = self.line(depth, path, 1) if self.left > 0 and self.likely("other way", 0.3) else []
        return b.Choice(self.name("c"), cases, other, role=self.role(0.3))
