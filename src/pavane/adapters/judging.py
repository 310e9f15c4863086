"""Which units of a batch lose: what stores ask when a batch did not fit whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pavane.adapters.bounding import Room
from pavane.core.model.rows import Header
from pavane.ports.store import Unit


def losers(
    units: Sequence[Unit],
    revisions: Mapping[str, int],
    taken: Mapping[tuple[str, str], str],
    room: Room | None = None,
) -> set[int]:
    """The indexes of those that lose, each judged behind the winners before it.

    `revisions` are those that are stored, by execution; `taken` says who has which start key, and
    `room` what there is of what units are bounded by.
    """
    stored, keys = dict(revisions), dict(taken)
    lost: set[int] = set()
    for index, unit in enumerate(units):
        then, their_keys = stored.copy(), keys.copy()
        wins = all(_wins(change.header, then, their_keys) for change in unit.changes)
        if wins and (room is None or room.takes(unit)):
            stored, keys = then, their_keys
        else:
            lost.add(index)
    return lost


def _wins(header: Header, revisions: dict[str, int], keys: dict[tuple[str, str], str]) -> bool:
    stored = revisions.get(header.id, 0)
    if header.revision != stored + 1:
        return False
    revisions[header.id] = header.revision
    key = header.start_key
    if stored == 0 and header.key:
        if key in keys:
            return False
        keys[key] = header.id
    elif header.successor and keys.get(key) == header.id:
        del keys[key]
    return True
