"""How far a group has come in a partition: an offset, and in its metadata what lies behind it.

Kafka keeps one offset, before which all is done. What was done out of turn, and what was given
back with how often it came and when it may come again, stands beside it in the text that Kafka
keeps with an offset, as far as that has room (4096 bytes); what has none comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

_MARK: Final = "pavane1"
_MOST: Final = 3800
_NONE: Final[dict[int, tuple[int, int]]] = {}


class Position(NamedTuple):
    """`offset` is the first that is not done; -1: none is known.

    `done` are the offsets behind it that are done; `again` says of others how often they came, and
    when they may come again (epoch ms).
    """

    offset: int
    done: frozenset[int] = frozenset()
    again: Mapping[int, tuple[int, int]] = _NONE


def write(position: Position) -> str:
    """The metadata; "" when there is nothing to say."""
    if not position.done and not position.again:
        return ""
    base, room = position.offset, _MOST
    told: list[str] = []
    for offset, (times, due) in sorted(position.again.items()):
        one = f"{offset - base}:{times}:{due}"
        room -= len(one) + 1
        if room < _MOST // 2:
            break
        told.append(one)
    ranges: list[str] = []
    for first, last in _ranges(sorted(position.done)):
        one = f"{first - base}-{last - base}"
        room -= len(one) + 1
        if room < 0:
            break
        ranges.append(one)
    return f"{_MARK}|{','.join(ranges)}|{','.join(told)}"


def _ranges(offsets: Iterable[int]) -> Iterable[tuple[int, int]]:
    first = last = -1
    for offset in offsets:
        if offset == last + 1 and first >= 0:
            last = offset
            continue
        if first >= 0:
            yield first, last
        first = last = offset
    if first >= 0:
        yield first, last


def read(offset: int, metadata: str | None) -> Position:
    """The position; metadata that somebody else has written says nothing."""
    mark, *parts = (metadata or "").split("|")
    if offset < 0 or mark != _MARK or len(parts) != 2:
        return Position(offset)
    done: set[int] = set()
    again: dict[int, tuple[int, int]] = {}
    try:
        for each in filter(None, parts[0].split(",")):
            first, last = map(int, each.split("-"))
            done.update(range(offset + first, offset + last + 1))
        for each in filter(None, parts[1].split(",")):
            behind, times, due = map(int, each.split(":"))
            again[offset + behind] = times, due
    except ValueError:
        return Position(offset)
    return Position(offset, frozenset(done), again)
