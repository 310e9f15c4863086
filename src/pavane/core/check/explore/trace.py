"""The way to a state, for people: as numbered lines, and as a sequence diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pavane.core.check.explore.mishaps import Event
from pavane.core.check.explore.parts import Way
from pavane.core.check.explore.world import name_of
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection.local import Attempted, DeadLetter, Happened, Lost
from pavane.core.projection.message import Message

_ENDED = {st.COMPLETED: "succeeds", st.FAILED: "fails, and is tried again"}


class Turn(msgspec.Struct, frozen=True):
    """One transition: who did what, because of what, and what went out."""

    role: str
    event: Event
    sent: tuple[Message, ...] = ()
    remark: str = ""  # what was decided

    @property
    def text(self) -> str:
        """What came about."""
        return said(self.event) + (f" ({self.remark})" if self.remark else "")


class Trace(msgspec.Struct, frozen=True):
    """Transitions, first to last."""

    turns: tuple[Turn, ...]

    @staticmethod
    def of(ways: Sequence[tuple[str, Way]], messages: Sequence[Message]) -> Trace:
        """From what an exploration keeps."""
        return Trace(
            tuple(
                Turn(
                    role,
                    way.event,
                    tuple(messages[letter] for letter in way.letters),
                    _remark(way),
                )
                for role, way in ways
            )
        )

    def __len__(self) -> int:
        return len(self.turns)

    def lines(self) -> Iterator[str]:
        """Numbered lines of text."""
        width = max((len(turn.role) for turn in self.turns), default=0)
        for number, turn in enumerate(self.turns, 1):
            sent = ", ".join(f"{said(each)} → {each.to}" for each in turn.sent)
            goes = f"   sends {sent}" if sent else ""
            yield f"{number:2}. {turn.role:{width}}  {turn.text}{goes}"

    def diagram(self, roles: Sequence[str], verdict: str = "") -> str:
        """A Mermaid sequence diagram; an arrow says in which line its message was sent."""
        names = {role: f"p{number}" for number, role in enumerate(roles)}
        lines = ["sequenceDiagram"]
        lines += [f"    participant {name} as {role}" for role, name in names.items()]
        sent: dict[Message, int] = {}
        for number, turn in enumerate(self.turns, 1):
            here, text = names[turn.role], turn.text
            if isinstance(turn.event, Message) and turn.event.sender in names:
                when = sent.get(turn.event, number)
                lines.append(f"    {names[turn.event.sender]}-){here}: {text} (sent in {when})")
            else:
                lines.append(f"    Note over {here}: {number}. {text}")
            for each in turn.sent:
                sent.setdefault(each, number)
        if verdict:
            lines.append(f"    Note over {names[roles[0]]},{names[roles[-1]]}: {verdict}")
        return "\n".join(lines) + "\n"


def _remark(way: Way) -> str:
    made = [f"decides {each!r}" for each in way.decisions]
    if way.happened is not None:
        made.append("it took effect" if way.happened else "it took no effect")
    return ", ".join(made)


def said(event: Event) -> str:
    """An event in a few words."""
    if isinstance(event, Message):
        return _of_message(event)
    where = name_of(event.node, event.at)
    if isinstance(event, Attempted):
        what = f"undo of {where}" if event.undo else where
        return f"{what} {_ENDED.get(event.status, 'fails')}"
    if isinstance(event, Lost):
        return f"the process dies during {where}"
    if isinstance(event, DeadLetter):
        return f"the token of {where} cannot be delivered"
    if isinstance(event, Happened):
        return f"the event comes that {where} waits for"
    scope = f"scope {where}" if event.node else "the execution"
    return {
        "scope": f"the deadline of {scope}",
        "deadline": f"{where} takes too long",
        "grace": f"{where} was never heard of again",
        "wait": f"the time of {where}",
        "undo": f"the undo of {where} is tried again",
        "retry": f"{where} is tried again",
    }[event.what]


def _of_message(message: Message) -> str:
    where = name_of(message.node, message.at)
    scope = name_of(message.scope or "all", message.generation)
    if message.kind == m.TOKEN:
        outcome = "" if message.outcome == m.DONE else f" {message.outcome}"
        if message.outcome == m.COUNT:
            outcome += f" {message.count}"
        source = name_of(message.source, message.source_at)
        came = "" if message.source.startswith("(") else f" from {source}"  # in brackets: opening
        return f"token {where}{outcome}{came}"
    if message.kind == m.FREEZE:
        return f"freeze {scope}"
    if message.kind == m.FROZEN:
        report = " ".join(name_of(line.node, line.at) for line in message.report)
        return f"frozen {scope}: {report or 'nothing'}"
    if message.kind in (m.START, m.STOP):
        return message.kind
    outcome = f" {message.outcome}" if message.outcome else ""
    return f"{message.kind} {where}{outcome}"
