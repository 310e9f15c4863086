"""WAIT: for a time, until a time, or for somebody to say that it is enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pavane.core.decide import flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.plan import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import command, status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step

# Conductor's grammar: any of the parts, in this order; ours also takes fractions.
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"\s*(?:{_NUMBER}\s*(?:days|day|d))?"
    rf"\s*(?:{_NUMBER}\s*(?:hours|hour|hrs|hr|h))?"
    rf"\s*(?:{_NUMBER}\s*(?:minutes|minute|mins|min|m))?"
    rf"\s*(?:{_NUMBER}\s*(?:seconds|second|secs|sec|s))?\s*",
    re.IGNORECASE,
)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1_000)
_UNTIL = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\s*(.*)", re.ASCII
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", re.ASCII)
_CENTURY_MS = 100 * 366 * 86_400_000


class Wait(StepType):
    """Open until its time has come, or until it is signalled; a time in the past fires at once."""

    def findings(self, step: Step) -> Iterator[str]:
        """Duration or until, not both, and readable where they are plain text."""
        given = step.input_parameters
        if given.get("duration") and given.get("until"):
            yield "a WAIT has both `duration` and `until`; give one of them"
            return
        for name, parse in (("duration", duration_ms), ("until", until_at)):
            text = given.get(name)
            if isinstance(text, str) and text and "${" not in text:
                try:
                    parse(text)
                except ValueError as error:
                    yield f"a WAIT has an unreadable `{name}`: {error}"
        if given.get("event"):
            yield "a WAIT for an `event` is not built yet"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Work out the time and wait for it."""
        duration, until = task_input.get("duration"), task_input.get("until")
        fires_at = 0
        try:
            if duration and until:
                raise ValueError("both `duration` and `until` are given")
            if duration:
                fires_at = draft.now + duration_ms(str(duration))
            elif until:
                fires_at = max(draft.now, until_at(str(until)))
        except ValueError as error:
            flow.reject(draft, node, str(error), encode(task_input))
            return
        row = self.open(draft, node, task_input, visible_at=fires_at)
        self._arm(draft, node, row)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """The time has come."""
        if row.visible_at and row.visible_at <= draft.now:
            row = draft.change(row, status.COMPLETED, output=b"{}", ended_at=draft.now)
            flow.completed(draft, node, row)
        else:
            self._arm(draft, node, row)

    @staticmethod
    def _arm(draft: Draft, node: Node, row: TaskRow) -> None:
        timeout_at = timeouts.next_after(node.policy, row, draft.now)
        alarm_at = timeouts.earliest(row.visible_at, timeout_at)
        draft.do(command.Wait(row.ref, row.attempt, alarm_at))


def duration_ms(text: str) -> int:
    """Milliseconds of a text such as `2 days 4 hours` or `1.5s`; ValueError when unreadable."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError(f"{text!r} is not a duration such as `2 days 4 hours` or `30s`")
    amount = sum(float(n) * ms for n, ms in zip(found.groups(), _UNITS_MS, strict=True) if n)
    if amount > _CENTURY_MS:
        raise ValueError(f"{text!r} is more than a hundred years")
    return round(amount)


def until_at(text: str) -> int:
    """Epoch ms of `yyyy-MM-dd[ HH:mm[:ss]][ zone]`; UTC where no zone or offset is given."""
    found = _UNTIL.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a time such as `2026-12-24 18:00 UTC`")
    day, time, zone = found.groups()
    at = datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=_zone(zone, text))
    return int(at.timestamp() * 1000)


def _zone(text: str, whole: str) -> timezone:
    if text.upper() in ("", "Z", "UTC", "GMT"):
        return UTC
    found = _OFFSET.fullmatch(text)
    if not found:
        raise ValueError(f"{whole!r} names the zone {text!r}; use UTC or an offset such as +02:00")
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(offset if sign == "+" else -offset)
