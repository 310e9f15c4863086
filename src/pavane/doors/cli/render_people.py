"""Steps that wait for people as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pavane.doors.cli.render import moment
from pavane.engine.views.people import QuestionView

_INPUT_MAX = 200


def question_lines(found: Sequence[QuestionView]) -> Iterator[str]:
    """Two lines for each: which step asks whom, since and until when; and what it says."""
    if not found:
        yield "Nothing waits for people."
        return
    for each in found:
        whom = f" of {', '.join(each.to)}" if each.to else ""
        until = f", until {moment(each.deadline)}" if each.deadline else ""
        yield f"{each.execution_id}  {each.workflow}"
        yield f"  {each.ref} asks{whom}, since {moment(each.since)}{until}"
        said = bytes(each.input).decode()
        yield f"  {said if len(said) <= _INPUT_MAX else said[:_INPUT_MAX] + '…'}"
