"""Random workflows as text: every one is valid Python, and valid in the language."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.language.random_fans import gather_each
from tests.unit.language.random_loops import go_round, jump
from tests.unit.language.random_matches import match
from tests.unit.language.random_races import race_steps
from tests.unit.language.random_tries import attempt

HEAD = '''
from decimal import Decimal

from pavane.errors import Fail, StepFailed
from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, race, scope, sleep, until, workflow
from tests.unit.language.random_tasks import (
    decided, either, forever, maybe, number, price, risky, text, whole, Drawn, Lost, Pair, Won
)


def twice(value: int, more: int = 1) -> int:
    """A helper of one expression."""
    return value * 2 + more


@workflow
async def flow(n: int, s: str, pair: Pair, flag: bool = True) -> str:
'''


class Generator:
    """Writes one random workflow; `made` counts what is in it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made: Counter[str] = Counter()
        self.lines: list[str] = []
        self.depth = 1
        self.count = 0
        self.budget = self.random.randint(6, 22)
        self.place = "workflow"
        self.loops = 0  # around the place that is being written
        self.jump_allowed = False  # right in the body of a loop
        self.known: dict[str, list[str]] = {
            "number": ["n", "pair.number", "pair.left"],
            "text": ["s", "pair.text"],
            "price": ["pair.cost", 'Decimal("1.25")'],
            "maybe": ["pair.note"],
            "decided": ["flag"],
        }
        self.owned: list[tuple[str, str]] = []  # variables of this function, with their kind

    def program(self) -> str:
        while self.budget > 0:
            self.statement()
        last = [name for names in self.known.values() for name in names[-4:] if "(" not in name]
        shown = " ".join(f"{{{name}}}" for name in last)
        self.line(f"return f'{shown}'")
        body = "\n".join(self.lines)
        self.made["spread"] = body.count("[*") + body.count("{**")
        return f"{HEAD}{body}\n"

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    @contextmanager
    def indented(self) -> Iterator[None]:
        """A block; what it assigns anew may be unassigned behind it."""
        known = {kind: list(names) for kind, names in self.known.items()}
        owned = list(self.owned)
        self.depth += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self.line("pass")
        self.depth -= 1
        self.known, self.owned = known, owned

    # expressions

    def pick(self, kind: str) -> str:
        return self.random.choice(self.known[kind])

    def expr(self, kind: str) -> str:
        """An expression of a kind, over what is known here."""
        choices = {
            "number": self.numbers,
            "text": self.texts,
            "price": self.prices,
            "maybe": lambda: [self.pick("maybe"), "None", self.pick("text")],
            "decided": lambda: [self.test()],
        }[kind]()
        return self.random.choice(choices)

    def numbers(self) -> list[str]:
        a, b, k = self.pick("number"), self.pick("number"), self.random.randint(0, 5)
        return [
            a,
            str(k),
            f"{a} + {k}",
            f"{a} * 2 - {b}",
            f"max({a}, {b}, {k})",
            f"len({self.pick('text')}) + {k}",
            f"({a} if {b} > {k} else {k})",
            f"sum(x * {k} for x in pair.numbers if x != {a})",
            f"twice({a}, more={b})",
            f"abs({a} % 7 - {k})",
            f"[{a}, {k}, {b}][1]",
            f"[*pair.numbers, {a}, *[{k}, {b}]][{k} - 5]",
            f"{{**{{word: {a} for word in pair.words}}, 'b ': {k}}}['b ']",
            f"len({{**{{'x': {a}, 'y': {b}}}, 'z': {k}}})",
            f"int({self.pick('price')})",
        ]

    def texts(self) -> list[str]:
        a, b, maybe = self.pick("text"), self.pick("number"), self.pick("maybe")
        return [
            a,
            "'x'",
            f'f"{{{a}}}-{{{b}}}"',
            f"{a}.upper()",
            f"str({b}) + 'y'",
            f"({a} + 'z')[:6]",
            f"'-'.join([*pair.words, {a}, *{a}][:4])",
            "'+'.join([item.strip() for item in pair.words])",
            f"({maybe} or 'none')",
            f"({maybe} if {maybe} is not None else {a})",
            f"str({self.pick('price')})",
            f"str({self.pick('decided')})",
        ]

    def prices(self) -> list[str]:
        a, b, k = self.pick("price"), self.pick("price"), self.random.randint(1, 5)
        return [
            a,
            f"{a} + {b}",
            f"{a} * {k} - {self.pick('number')}",
            f"round({a} / {k}, 2)",
            f"max({a}, {b})",
            f"({a} if {b} > {k} else {b})",
            f"sum([{a}, {b}], Decimal(0))",
            f"sum([*[{b} * x for x in pair.numbers], {a}], Decimal(0))",
            f"Decimal({self.pick('number')})",
        ]

    def test(self) -> str:
        a, b, k = self.pick("number"), self.pick("number"), self.random.randint(0, 6)
        t, m = self.pick("text"), self.pick("maybe")
        return self.random.choice(
            [
                self.pick("decided"),
                f"not {self.pick('decided')}",
                f"{a} > {k}",
                f"{a} == {k}",
                f"{a} != {k}",
                f"{t} == 'x'",
                "pair.mode == 'on'",
                "pair.mode != 'off'",
                f"{a} % 2 == 0 and {b} < {k}",
                f"not {a} > {k} or {t} in ('x', 'a')",
                f"{a} < {b} < {k}",
                f"any(x > {a} for x in pair.numbers)",
                f"{t}.startswith('x')",
                f"bool({a})",
                f"{m} is None",
                f"{m} == 'm'",
                f"{m} is not None and {m} != 'x'",
                f"{self.pick('price')} > {k}",
                f"{self.pick('price')} == {self.pick('price')}",
                f"{self.pick('price')} <= {self.pick('price')} or {a} > {k}",
            ]
        )

    def any_kind(self) -> str:
        return self.random.choice(["number", "number", "text", "price", "maybe", "decided"])

    # statements

    def statement(self) -> None:
        self.budget -= 1
        choices = [self.step, self.step, self.data, self.again, self.choose]
        if self.depth < 4:
            choices += [self.choose, self.parallel, self.scoped]
            choices += [lambda: match(self), lambda: attempt(self)]
            choices += [lambda: gather_each(self), lambda: race_steps(self)]
            if self.loops < 2:
                choices += [lambda: go_round(self)] * 2
        jumps, self.jump_allowed = self.jump_allowed, False
        if jumps:
            choices += [lambda: jump(self)] * 2
        self.random.choice(choices)()
        self.jump_allowed = jumps

    def call(self) -> tuple[str, str]:
        """A call of a step, and the kind of its result."""
        key = self.fresh("k")
        kind = self.random.choice([self.any_kind(), self.any_kind(), "whole"])
        taken = {"whole": "number", "maybe": "text"}.get(kind, kind)
        return f'{kind}("{key}", {self.expr(taken)})', kind

    def keep(self, name: str, kind: str) -> None:
        """Remember a variable."""
        if kind == "whole":
            self.known["number"] += [f"{name}.number", f"{name}.numbers[1]"]
            self.known["text"].append(f"{name}.text")
            self.known["price"].append(f"{name}.cost")
            self.known["maybe"].append(f"{name}.note")
            return
        self.known[kind].append(name)
        self.owned.append((name, kind))

    def step(self) -> None:
        call, kind = self.call()
        name = self.fresh("v")
        self.line(f"{name} = await {call}")
        self.keep(name, kind)
        self.made["step"] += 1

    def data(self) -> None:
        kind = self.any_kind()
        name = self.fresh("d")
        self.line(f"{name} = {self.expr(kind)}")
        self.keep(name, kind)
        self.made["data"] += 1

    def again(self) -> None:
        """Assign a variable that has a value already."""
        if not self.owned:
            return self.data()
        name, kind = self.random.choice(self.owned)
        key = self.fresh("k")
        taken = "text" if kind == "maybe" else kind
        awaited = f'await {kind}("{key}", {self.expr(taken)})'
        self.line(f"{name} = {self.random.choice([awaited, self.expr(kind)])}")
        self.made["again"] += 1
        return None

    def choose(self) -> None:
        """`if` with `elif` and `else`; some ways end the workflow."""
        name, kind = self.fresh("c"), self.any_kind()
        ways = self.random.randint(1, 3)
        complete = self.random.random() < 0.5
        for way in range(ways + complete):
            word = "if" if way == 0 else "else" if way == ways else "elif"
            self.line(f"{word} {self.test()}:" if word != "else" else "else:")
            with self.indented():
                for _ in range(self.random.randint(0, 2)):
                    self.statement()
                ends = self.random.random()
                if self.place == "workflow" and ends < 0.12:
                    self.line("return f'early {" + self.pick("number") + "}'")
                    self.made["return"] += 1
                elif self.place != "branch" and ends < 0.2:
                    self.line("raise Fail(f'failed {" + self.pick("text") + "}')")
                    self.made["fail"] += 1
                elif complete:
                    self.line(f"{name} = {self.expr(kind)}")
                    self.made["carried"] += 1
            self.made[word] += 1
        if complete and self.goes_on():
            self.keep(name, kind)

    def goes_on(self) -> bool:
        """Whether the last `if` can be passed: else nothing behind it is ever reached."""
        depth = "    " * self.depth
        for index in range(len(self.lines) - 1, -1, -1):
            line = self.lines[index]
            if line.startswith(depth + "    ") and not line.startswith(depth + "     "):
                last = line.strip()
                if not last.startswith(("return", "raise")):
                    return True
            if line.startswith(f"{depth}if "):
                break
        return False

    def parallel(self) -> None:
        """`gather` of calls and local functions."""
        names: list[tuple[str, str]] = []
        calls: list[str] = []
        for _ in range(self.random.randint(2, 3)):
            if self.random.random() < 0.5:
                call, kind = self.call()
            else:
                call, kind = self.local()
            calls.append(call)
            names.append((self.fresh("g"), kind))
        shown = ", ".join(name for name, _ in names)
        self.line(f"{shown} = await gather({', '.join(calls)})")
        for name, kind in names:
            self.keep(name, kind)
        self.made["gather"] += 1

    def local(self) -> tuple[str, str]:
        """Define a local function; gives its call."""
        name, kind = self.fresh("branch"), self.any_kind()
        default = self.expr("number")
        self.line(f"async def {name}(p: int, q: int = {default}):")
        place, self.place = self.place, "branch"
        loops, self.loops = self.loops, max(self.loops, 1)
        with self.indented():
            self.owned = []
            self.known["number"] += ["p", "q"]
            for _ in range(self.random.randint(0, 3)):
                self.statement()
            self.line(f"return {self.expr(kind)}")
        self.place, self.loops = place, loops
        self.made["local"] += 1
        return f"{name}({self.expr('number')})", kind

    def scoped(self) -> None:
        """A scope; what it assigns is read behind it."""
        place = self.place
        self.place = "scope" if place == "workflow" else place
        name = self.fresh("scope")
        self.line(f'async with scope("{name}"):')
        self.depth += 1
        before = len(self.lines)
        for _ in range(self.random.randint(1, 3)):
            self.statement()
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1
        self.place = place
        self.made["scope"] += 1
