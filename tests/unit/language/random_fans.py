"""Random programs that gather over data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.language.random_programs import Generator

# What is called for each number, and how one value is made of all results.
_EACH = {
    "number": ("{x} + {number}", "number", "sum({name})"),
    "text": ("f'{{{x}}}x'", "text", "''.join({name})"),
    "price": ("Decimal({x}) + {price}", "price", "sum({name}, Decimal(0))"),
    "maybe": ("f'{{{x}}}'", "number", "len([m for m in {name} if m is not None])"),
    "decided": ("{x} > {number}", "decided", "any({name})"),
    "whole": ("{x}", "price", "sum([each.cost for each in {name}], Decimal(0))"),
}


def gather_each(program: Generator) -> None:
    """`gather(*(… for x in …))`, and a variable made of what comes back."""
    chance, name, key = program.random, program.fresh("f"), program.fresh("k")
    kind = chance.choice(list(_EACH))
    taken, gives, made = _EACH[kind]
    source = chance.choice(["pair.numbers", f"range({program.pick('number')} % 4)"])
    item = "x" if chance.random() < 0.7 else f"(x * {chance.randint(2, 5)})"
    value = taken.format(x=item, number=program.pick("number"), price=program.pick("price"))
    only = chance.choice(["", "", f" if x > {program.pick('number')}", f" if {program.test()}"])
    calls = f'{kind}("{key}", {value}) for x in {source}{only}'
    program.line(f"{name} = await gather(*({calls}))")
    whole = program.fresh("w")
    program.line(f"{whole} = {made.format(name=name)}")
    program.keep(whole, gives)
    count = program.fresh("n")
    program.line(f"{count} = len({name})")
    program.keep(count, "number")
    program.made["fan"] += 1
