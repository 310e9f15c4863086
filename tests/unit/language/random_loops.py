"""Loops of random workflows: each ends after a few iterations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.language.random_programs import Generator


def go_round(writer: Generator) -> None:
    """A loop; what it assigns anew may be unassigned behind it."""
    writer.random.choice([go_through, count_up, until_break])(writer)


@contextmanager
def looping(writer: Generator) -> Iterator[None]:
    loops, jumps = writer.loops, writer.jump_allowed
    writer.loops, writer.jump_allowed = loops + 1, True
    with writer.indented():
        yield
    writer.loops, writer.jump_allowed = loops, jumps


def body(writer: Generator) -> None:
    for _ in range(writer.random.randint(1, 4)):
        writer.statement()


def go_through(writer: Generator) -> None:
    """`for` over data."""
    a, k, name = writer.pick("number"), writer.random.randint(0, 3), writer.fresh("x")
    target, source, kind = writer.random.choice(
        [
            (name, "pair.numbers", "number"),
            (name, "pair.words", "text"),
            (name, f"range({k})", "number"),
            (name, f"range({a} % 4)", "number"),
            (name, f"[{a}, {k}]", "number"),
            (name, f"[n * {k} for n in pair.numbers if n != {a}]", "number"),
            (name, f"{writer.pick('text')}[:2]", "text"),
            (f"i{name}, {name}", "enumerate(pair.words)", "text"),
            (f"{name}, w{name}", "zip(pair.numbers, pair.words)", "number"),
            (name, f"[{writer.pick('price')}, {writer.pick('price')}]", "price"),
        ]
    )
    writer.line(f"for {target} in {source}:")
    with looping(writer):
        writer.keep(name, kind)
        body(writer)
    writer.made["for"] += 1


def count_up(writer: Generator) -> None:
    """`while` that counts, so that it ends."""
    name, most = writer.fresh("n"), writer.random.randint(0, 3)
    first = writer.random.choice(["0", f"{writer.pick('number')} % 3"])
    writer.line(f"{name} = {first}")
    writer.line(f"while {name} < {most} and ({writer.test()} or {name} < 1):")
    with looping(writer):
        writer.line(f"{name} += 1")
        writer.known["number"].append(name)
        body(writer)
    writer.known["number"].append(name)
    writer.made["while"] += 1


def until_break(writer: Generator) -> None:
    """`while True`; what is assigned in front of its first `break` has a value behind it."""
    name, most = writer.fresh("n"), writer.random.randint(1, 3)
    kept, kind = writer.fresh("b"), writer.any_kind()
    first = writer.random.choice(["0", f"{writer.pick('number')} % 2"])
    writer.line(f"{name} = {first}")
    writer.line("while True:")
    with looping(writer):
        writer.line(f"{name} += 1")
        writer.known["number"].append(name)
        taken = writer.expr("text" if kind == "maybe" else kind)
        call = f'await {kind}("{writer.fresh("k")}", {taken})'
        writer.line(f"{kept} = {writer.random.choice([call, writer.expr(kind)])}")
        writer.keep(kept, kind)
        writer.jump_allowed = False  # a `continue` here might never come to the `break`
        body(writer)
        writer.line(f"if {name} >= {most} or {writer.test()}:")
        writer.line("    break")
        writer.jump_allowed = True
        body(writer)
    writer.known["number"].append(name)
    writer.keep(kept, kind)
    writer.made["while True"] += 1


def jump(writer: Generator) -> None:
    """`break` or `continue` at the end of an `if`, perhaps with an `elif`."""
    for way in range(writer.random.randint(1, 2)):
        writer.line(f"{'elif' if way else 'if'} {writer.test()}:")
        word = writer.random.choice(["break", "continue"])
        with writer.indented():
            if writer.random.random() < 0.5:
                body(writer)
            if writer.random.random() < 0.4 and writer.owned:
                writer.again()
            writer.line(word)
        writer.made[word] += 1
    if writer.random.random() < 0.3:
        writer.line("else:")
        with writer.indented():
            body(writer)
