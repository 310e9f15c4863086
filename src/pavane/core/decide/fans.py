"""What a FORK_JOIN_DYNAMIC has planned and made: the branches that no definition knows.

The branches that are to begin stand in values of the execution, a page in each, so that beginning
one costs the same however many there are. A branch that has begun carries its step in its own row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import Step

if TYPE_CHECKING:
    from pavane.core.decide.draft import Draft

DYNAMIC_FORK: Final = "FORK_JOIN_DYNAMIC"


class Made(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a row carries of such a fork, as JSON (`TaskRow.branch`).

    A branch has its fork, its place (from 0) and its step; the fork and its JOIN have the width.
    """

    fork: str = ""
    at: int = 0
    step: Step | None = None
    alike: bool = False  # what the fork says of its branches holds for this one
    width: int = 0


class Planned(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A branch that has yet to begin."""

    ref: str
    input: msgspec.Raw
    step: Step | None = None  # None: the one that all have


class Sheet(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A page of branches as planned, in the order of their places."""

    branches: list[Planned]
    step: Step | None = None  # the one that all have


decode_made: Final = msgspec.json.Decoder(Made).decode
_decode_sheet: Final = msgspec.json.Decoder(Sheet).decode
_encode: Final = msgspec.json.Encoder().encode


def write(draft: Draft, fork: str, planned: Sequence[Planned], step: Step | None) -> None:
    """Keep what is planned for a fork."""
    for first in range(0, len(planned), PAGE):
        sheet = Sheet([*planned[first : first + PAGE]], step)
        draft.values[_name(fork, first // PAGE)] = _encode(sheet)


def planned(draft: Draft, fork: str, start: int, stop: int) -> list[tuple[str, bytes, bytes]]:
    """Of the branches of these places: the name, what its row is to carry, and its input."""
    found: list[tuple[str, bytes, bytes]] = []
    for at, each, step in _places(draft, fork, start, stop):
        made = Made(fork, at, each.step or step, alike=each.step is None)
        found.append((each.ref, _encode(made), bytes(each.input)))
    return found


def refs(draft: Draft, fork: str, start: int, stop: int) -> list[str]:
    """The names of the branches of these places of a fork."""
    return [each.ref for _, each, _ in _places(draft, fork, start, stop)]


def width_of(row: TaskRow) -> int | None:
    """How many branches a fork or its JOIN has, where that became known at run time only."""
    return decode_made(row.branch).width if row.branch else None


def of_width(width: int) -> bytes:
    """What the rows of a fork and of its JOIN carry."""
    return _encode(Made(width=width))


def belongs(row: TaskRow, fork: str) -> bool:
    """Whether an attempt is one at a branch of that fork."""
    return bool(row.branch) and decode_made(row.branch).fork == fork


def _places(
    draft: Draft, fork: str, start: int, stop: int
) -> list[tuple[int, Planned, Step | None]]:
    pages = range(start // PAGE, -(-stop // PAGE))
    draft.require([("value", _name(fork, page)) for page in pages])
    found: list[tuple[int, Planned, Step | None]] = []
    for page in pages:
        body = draft.value(_name(fork, page))
        assert body is not None, f"{fork}: page {page} of its branches is missing"
        sheet = _decode_sheet(body)
        for at, each in enumerate(sheet.branches, page * PAGE):
            if start <= at < stop:
                found.append((at, each, sheet.step))
    return found


def _name(fork: str, page: int) -> str:
    return f"fan:{fork}:{page}"
