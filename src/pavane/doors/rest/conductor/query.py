"""Conductor's search language: `field op value`, joined by AND, over headers."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import NamedTuple

from pavane.core.model.rows import Header
from pavane.core.model.timestamps import parse_time
from pavane.doors.rest.conductor.translation import status_of
from pavane.doors.rest.problems import MalformedError
from pavane.errors import InputError

_TERM = re.compile(r"\s*(\w+)\s*(=|>|<|\bIN\b)\s*(.*?)\s*", re.IGNORECASE | re.DOTALL)
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_CONDITIONS_MAX = 20

TEXTS: dict[str, Callable[[Header], str]] = {
    "workflowId": lambda header: header.id,
    "workflowType": lambda header: header.workflow,
    "correlationId": lambda header: header.correlation_id,
    "status": status_of,
    "parentWorkflowId": lambda header: header.parent_id,
    "idempotencyKey": lambda header: header.key,
}
TIMES: dict[str, Callable[[Header], int]] = {
    "startTime": lambda header: header.created_at,
    "updateTime": lambda header: header.updated_at,
    "endTime": lambda header: header.ended_at,
}
NUMBERS: dict[str, Callable[[Header], int]] = {
    "version": lambda header: header.version,
    "priority": lambda header: header.priority,
    **TIMES,
}


class Condition(NamedTuple):
    """One term: `values` has one value but for IN."""

    field: str
    operator: str
    values: tuple[str, ...]

    def fits(self, header: Header) -> bool:
        """Whether the header has what is asked for."""
        if self.field in NUMBERS:
            return self._compares(NUMBERS[self.field](header))
        text = TEXTS[self.field](header)
        return any(_like(text, value) for value in self.values)

    def _compares(self, number: int) -> bool:
        wanted = [_number(self.field, value) for value in self.values]
        if self.operator == ">":
            return number > wanted[0]
        if self.operator == "<":
            return 0 < number < wanted[0]
        return number in wanted


def parse(query: str) -> list[Condition]:
    """The conditions of a query; MalformedError names what is not understood."""
    if not query.strip():
        return []
    terms = _AND.split(query.strip())
    if len(terms) > _CONDITIONS_MAX:
        raise MalformedError(f"The query has more than {_CONDITIONS_MAX} conditions.")
    return [_condition(term) for term in terms]


def exact(conditions: list[Condition], field: str) -> tuple[str, ...]:
    """The values that a field may have, where a condition names them without wildcards."""
    for each in conditions:
        if each.field == field and not any("*" in value for value in each.values):
            return each.values
    return ()


def since(conditions: list[Condition]) -> int:
    """The epoch ms before which no execution fits, 0 if there is none."""
    later = [
        _number(each.field, each.values[0])
        for each in conditions
        if each.field == "startTime" and each.operator == ">"
    ]
    return max(later, default=0)


def _condition(term: str) -> Condition:
    found = _TERM.fullmatch(term)
    if found is None:
        raise MalformedError(
            f"The search does not understand '{term[:80]}': it is `field op value`, with "
            "=, <, > or IN, joined by AND."
        )
    field, operator, rest = found[1], found[2].upper(), found[3]
    if field not in TEXTS and field not in NUMBERS:
        known = ", ".join(sorted({*TEXTS, *NUMBERS}))
        raise MalformedError(f"Nothing is searched by '{field[:40]}'; known are {known}.")
    if field in TEXTS and operator in "<>":
        raise MalformedError(f"'{field}' is a text, and '{operator}' compares numbers and times.")
    inner = rest.strip("()") if operator == "IN" else rest
    parts = inner.split(",") if operator == "IN" else [inner]
    condition = Condition(field, operator, tuple(_plain(part) for part in parts))
    if field in NUMBERS:
        for value in condition.values:
            _number(field, value)
    return condition


def _plain(text: str) -> str:
    found = _QUOTED.fullmatch(text.strip())
    return (found[1] or found[2] or "") if found else text.strip()


def _like(text: str, wanted: str) -> bool:
    if "*" not in wanted:
        return text == wanted
    escaped = wanted.replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(text, escaped)


def _number(field: str, text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if field in TIMES:
        try:
            return parse_time(text)
        except InputError:
            pass
    raise MalformedError(f"'{text[:40]}' is no value for '{field}': give a number (times in ms).")
