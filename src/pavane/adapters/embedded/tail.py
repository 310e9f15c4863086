"""One log as others read it: a connection that only reads, and knows how long the log is."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import apsw
from msgspec import structs

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.ledger_rows import record_of
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import Connection, connect, tune_reader
from pavane.participant.relay import stamped
from pavane.ports.bus import JOURNAL
from pavane.ports.ledger import Record

_LOG = logging.getLogger("pavane.bus")

_BUSY_MS = 50  # the event loop waits no longer for a log that is being repaired


class Tail:
    """Reads the log in one file. A file that cannot be read now is tried again at the next look."""

    def __init__(self, path: Path, counters: EmbeddedCounters) -> None:
        self.path = path
        self.log = ""  # its own id, whatever the file is called
        self.head = 0
        self.gone = False  # another log has its place
        self._file = 0
        self._counters = counters
        self._connection: Connection | None = None

    @property
    def known(self) -> bool:
        """Whether it was read before, so that its id is known."""
        return bool(self.log)

    def refresh(self, *, fully: bool = False) -> bool:
        """Look how long the log is; whether it has grown. `fully`: and whether it is still there.

        A connection goes on reading a file that was removed, while a new one grows in its place.
        """
        if fully and self._connection is not None and self._number() != self._file:
            self.close()
        connection = self._connection or self._open()
        if connection is None:
            return False
        self._counters.heads += 1
        try:
            found = connection.execute(q.HEAD).fetchall()[0][0] or 0
        except apsw.Error as error:
            self._give_up(error)
            return False
        grown = found > self.head
        self.head = max(found, self.head)
        return grown

    def records(self, topic: str, after: int, limit: int) -> list[Record] | None:
        """What is on a topic up to the head; None when that cannot be said now."""
        connection = self._connection or self._open()
        if connection is None:
            return None
        self._counters.reads += 1
        try:
            values = (after, self.head, topic, limit)
            rows = connection.execute(q.RECORDS_OF_TOPIC, values).fetchall()
        except apsw.Error as error:
            self._give_up(error)
            return None
        records = [record_of(row) for row in rows]
        return records if topic != JOURNAL else [_stamped(record) for record in records]

    def written_at(self, topic: str, after: int) -> int | None:
        """When the first record of a topic behind a position was written (ms); 0: there is none.

        None when that cannot be said now.
        """
        connection = self._connection or self._open()
        if connection is None:
            return None
        self._counters.heads += 1
        try:
            found = connection.execute(q.WRITTEN_AT, (after, topic)).fetchall()
        except apsw.Error as error:
            self._give_up(error)
            return None
        return found[0][0] if found else 0

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection | None:
        connection: Connection | None = None
        try:
            connection = connect(str(self.path), read_only=True, busy_ms=_BUSY_MS)
            tune_reader(connection)
            if len(connection.execute(q.TABLES).fetchall()) == 2:
                found = connection.execute(q.LOG_ID).fetchall()[0][0]
                self.gone = self.log not in {"", found}
                if not self.gone:
                    self.log, self._connection = found, connection
                    self._file = self._number()
                    return connection
            connection.close()
        except apsw.Error as error:
            if connection is not None:
                connection.close()
            self._give_up(error)
        return None

    def _number(self) -> int:
        try:
            return os.stat(self.path).st_ino
        except OSError:
            return 0

    def _give_up(self, error: apsw.Error) -> None:
        _LOG.info("the log %s cannot be read now: %s", self.path, error)
        self.close()


def _stamped(record: Record) -> Record:
    """A journal record says where it stands in its log; one that was relayed says so already."""
    if "sequence" in record.out.event.attributes:
        return record
    return structs.replace(record, out=stamped(record))
