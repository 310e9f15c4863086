"""`try` of random workflows: steps that fail, and a Fail of the workflow's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.language.random_programs import Generator


def attempt(writer: Generator) -> None:
    """A body that may fail on the way, and what is done then."""
    name, kind = writer.fresh("t"), writer.any_kind()
    own = writer.random.random() < 0.4
    writer.line("try:")
    with writer.indented():
        place, writer.place = writer.place, "branch"  # neither `return` nor `raise` in it
        loops, writer.loops = writer.loops, 2
        jumps, writer.jump_allowed = writer.jump_allowed, False
        for _ in range(writer.random.randint(1, 2)):
            if writer.random.random() < 0.5:
                writer.step()
            got = writer.fresh("r")
            writer.line(f'{got} = await risky("{writer.fresh("k")}", {writer.expr("number")})')
            writer.known["number"].append(got)
        if own:
            writer.line(f"if {writer.test()}:")
            writer.line("    raise Fail(f'own {" + writer.pick("text") + "}')")
        writer.line(f"{name} = {writer.expr(kind)}")
        writer.place, writer.loops, writer.jump_allowed = place, loops, jumps
    kinds = [("StepFailed", "e.step")] + ([("Fail", "e.reason")] if own else [])
    if writer.random.random() < 0.3:
        kinds = [("Fail", "e.reason")]
    for caught, text in kinds:
        writer.line(f"except {caught} as e:")
        with writer.indented():
            writer.known["text"].append(text)
            writer.step()
            writer.known["text"].append("e.reason")
            if writer.random.random() < 0.3:
                writer.data()
            writer.line(f"{name} = {writer.expr(kind)}")
        writer.made["except"] += 1
    if writer.random.random() < 0.3:
        writer.line("else:")
        with writer.indented():
            writer.keep(name, kind)
            writer.step()
    writer.keep(name, kind)
    writer.made["try"] += 1
