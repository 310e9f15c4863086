"""`match` of random workflows: over texts, numbers, what may be None, and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.language.random_programs import Generator

Case = tuple[str, tuple[tuple[str, str], ...]]
"""A pattern, and the names that it captures with their kinds."""


def match(writer: Generator) -> None:
    """One `match`; some end with `case _`, some fall through."""
    name, kind = writer.fresh("m"), writer.any_kind()
    subject, cases = _drawn(writer)
    complete = writer.random.random() < 0.5
    chosen = writer.random.sample(cases, writer.random.randint(1, min(3, len(cases))))
    if complete:
        chosen.append(("_", ()))
    writer.line(f"match {subject}:")
    writer.depth += 1
    ways = 0
    for pattern, captured in chosen:
        guarded = pattern != "_" and not captured and writer.random.random() < 0.3
        guard = f" if {writer.test()}" if guarded else ""
        writer.line(f"case {pattern}{guard}:")
        with writer.indented():
            for each in captured:
                writer.known[each[1]].append(each[0])
            for _ in range(writer.random.randint(0, 2)):
                writer.statement()
            if writer.place == "workflow" and writer.random.random() < 0.08:
                writer.line(f"return f'in case {{{writer.pick('number')}}}'")
            else:
                ways += 1
                if complete:
                    writer.line(f"{name} = {writer.expr(kind)}")
        writer.made["case"] += 1
        writer.made["guard"] += guarded
        writer.made["capture"] += bool(captured)
    writer.depth -= 1
    writer.made["match"] += 1
    if complete and ways:
        writer.keep(name, kind)
    elif not ways and complete:  # nothing behind it would ever be reached
        writer.line(f"{name} = 0")


def _drawn(writer: Generator) -> tuple[str, list[Case]]:
    fresh = writer.fresh
    text, number = fresh("c"), fresh("c")
    draw = writer.random.choice(["text", "number", "maybe", "class", "pair"])
    if draw == "text":
        call = f'await text("{fresh("k")}", {writer.expr("text")})'
        subject = writer.random.choice([writer.pick("text"), "pair.mode", call])
        return subject, [
            ("'x'", ()),
            ("'on'", ()),
            ("'a' | 'b' | 'off'", ()),
            (f"'c' | 'd' as {text}", ((text, "text"),)),
        ]
    if draw == "number":
        return writer.expr("number"), [
            ("0", ()),
            ("1 | 2 | 3", ()),
            ("-1", ()),
            (f"4 | 5 as {number}", ((number, "number"),)),
        ]
    if draw == "maybe":
        return writer.pick("maybe"), [
            ("None", ()),
            ("'x'", ()),
            ("'' | 'm'", ()),
            ("None | 'n'", ()),
        ]
    if draw == "pair":
        return f"{writer.pick('text')}, {writer.pick('number')}", [
            ("'x', 0", ()),
            (f"'x' | 'a', {number}", ((number, "number"),)),
            (f"{text}, 1 | 2", ((text, "text"),)),
        ]
    return f'await either("{fresh("k")}", {writer.expr("number")})', [
        ("Won(number=1)", ()),
        (f"Won(number={number}, cost={text})", ((number, "number"), (text, "price"))),
        (f"Lost(text={text})", ((text, "text"),)),
        ("Lost() | Drawn()", ()),
        (f"Drawn() as {number}", ((f"{number}.number", "number"),)),
    ]
