"""The rows of one execution at this role, as far as they are known: loaded, or made here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from pavane.core.projection.dancing.turn import RowMissingError
from pavane.core.projection.rows import Key, Row
from pavane.ports.ledger import ALL, Loaded, RowKey

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode
_decode_name = msgspec.json.Decoder(tuple[str, str, tuple[int, ...]]).decode
_decode_group = msgspec.json.Decoder(tuple[str, tuple[int, ...]]).decode


class KnownRows:
    """What a turn reads; a row that is not known is asked for by RowMissingError.

    It is fenced by the revision: rows that somebody else has changed meanwhile cost a lost entry,
    after which they are forgotten and loaded again.
    """

    __slots__ = ("_groups", "_rows", "revision")

    def __init__(self) -> None:
        self.revision = -1  # not loaded yet
        self._rows: dict[Key, Row | None] = {}
        self._groups: set[tuple[str, tuple[int, ...]]] = set()  # known whole

    def get(self, key: Key) -> Row | None:
        """The row, None where it is known to be absent."""
        found = self._rows.get(key)
        if found is not None or key in self._rows or self._is_known(key):
            return found
        raise RowMissingError(key)

    def of_scope(self, scope: str, generation: tuple[int, ...]) -> Iterable[tuple[Key, Row]]:
        """Every row of a scope instance."""
        if self.revision != 0 and (scope, generation) not in self._groups:
            raise RowMissingError(Key(scope, generation, "*", "", ()))
        return [
            (key, row)
            for key, row in self._rows.items()
            if row is not None and key.scope == scope and key.generation == generation
        ]

    def _is_known(self, key: Key) -> bool:
        return self.revision == 0 or (key.scope, key.generation) in self._groups

    def take(self, wanted: Collection[RowKey], loaded: Loaded) -> None:
        """Learn what was loaded: rows, and that what was asked for and is not there is absent."""
        if self.revision == -1:
            self.revision = loaded.revision
            if loaded.revision == 0:
                self._groups.clear()
        for place, body in loaded.rows.items():
            key = key_of(place)
            if key not in self._rows:
                self._rows[key] = _decode(body)
        for place in wanted:
            if place.name == ALL:
                self._groups.add(_decode_group(place.group))
            else:
                self._rows.setdefault(key_of(place), None)

    def write(self, rows: dict[Key, Row]) -> None:
        """What a turn has made; the next turn of the batch sees it."""
        self._rows.update(rows)

    def committed(self) -> None:
        """The entry is durable."""
        if self.revision == 0:  # all that there is was made here
            groups = {(key.scope, key.generation) for key in self._rows}
            self._groups |= groups
        self.revision += 1


def place_of(key: Key) -> RowKey:
    """Where a row stands in the ledger; kind "*" is the whole scope instance."""
    group = msgspec.json.encode((key.scope, key.generation)).decode()
    if key.kind == "*":
        return RowKey(group, ALL)
    return RowKey(group, msgspec.json.encode((key.kind, key.name, key.at)).decode())


def key_of(place: RowKey) -> Key:
    """The row's key in the core."""
    scope, generation = _decode_group(place.group)
    kind, name, at = _decode_name(place.name)
    return Key(scope, generation, kind, name, at)


def body_of(row: Row) -> bytes:
    """A row as the ledger keeps it."""
    return _encode(row)
