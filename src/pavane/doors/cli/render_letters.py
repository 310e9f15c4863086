"""Dead letters as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pavane.doors.cli.render import first_line, moment
from pavane.engine.views.dead_letters import DeadLetter


def letter_lines(letters: Sequence[DeadLetter]) -> Iterator[str]:
    """A table of them."""
    if not letters:
        yield "No dead letters."
        return
    head = ("ID", "KIND", "SERVICE", "TYPE", "SINCE", "REASON")
    rows = [
        (each.id, each.kind, each.service, each.type, moment(each.since), first_line(each.reason))
        for each in letters
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def one_letter(letter: DeadLetter) -> Iterator[str]:
    """All that is known of one."""
    yield f"{letter.kind}  {letter.id}"
    handled = f"{letter.attempts} times" if letter.attempts else ""
    size = f"{letter.size} bytes" if letter.size else ""
    for label, text in (
        ("state", letter.state + (f": {letter.settled}" if letter.settled else "")),
        ("service", letter.service),
        ("type", letter.type),
        ("reason", letter.reason),
        ("handler", letter.handler),
        ("tried", handled),
        ("since", moment(letter.since)),
        ("until", moment(letter.until)),
        ("workflow", letter.workflow),
        ("execution", letter.execution),
        ("step", letter.step),
        ("flow", letter.correlation),
        ("message", letter.message),
        ("size", size),
        (letter.encoding or "payload", letter.payload),
    ):
        if text:
            yield f"  {label.ljust(9)} {text}"
    if letter.settle:
        yield "  waiting for you"
    yield from (f"    {each}" for each in letter.settle)
