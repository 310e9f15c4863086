"""How many events wait for each group in the logs of a folder, counted for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import Connection, connect, tune_reader

_PREFIX: Final = "bus "  # of offsets that groups keep

Place = tuple[str, str]
"""Group and topic."""


def lag_in(
    folder: Folder, known: Mapping[str, Mapping[tuple[str, str], int]]
) -> dict[str, dict[str, int]]:
    """By group and topic, for all groups that are known in the folder.

    `known`: how far groups of this process have come, by topic and log, which may not be written
    yet. What was given back and waits to come again is not counted. A log that cannot be read now
    counts as empty. It has connections of its own, so that another thread may call it.
    """
    logs = sorted(folder.path.glob(f"*{SUFFIX}"))
    far: dict[Place, dict[str, int]] = {}  # by log
    for path in [*logs, *sorted(folder.groups.glob(f"*{SUFFIX}"))]:
        _ask(path, partial(_note_places, far, known))
    found: dict[str, dict[str, int]] = {}
    for group, topic in far:
        found.setdefault(group, {})[topic] = 0
    for path in logs:
        _ask(path, partial(_count, far, found))
    return found


def _note_places(
    far: dict[Place, dict[str, int]],
    known: Mapping[str, Mapping[tuple[str, str], int]],
    connection: Connection,
) -> None:
    for name, position in connection.execute(q.OFFSETS).fetchall():
        if name.startswith(_PREFIX):
            whose, _, log = name.removeprefix(_PREFIX).rpartition(" ")
            group, _, topic = whose.rpartition(" ")
            further = known.get(group, {}).get((topic, log), 0)
            far.setdefault((group, topic), {})[log] = max(position, further)


def _count(
    far: dict[Place, dict[str, int]], found: dict[str, dict[str, int]], connection: Connection
) -> None:
    log = connection.execute(q.LOG_ID).fetchall()[0][0]
    for (group, topic), places in far.items():  # of a new log nothing is done
        rows = connection.execute(q.BEHIND, (topic, places.get(log, 0))).fetchall()
        found[group][topic] += rows[0][0]


def _ask(path: Path, ask: Callable[[Connection], None]) -> None:
    """Nothing where it is being made, or cannot be read now: who looks again sees it."""
    with suppress(apsw.Error):
        connection = connect(str(path), read_only=True)
        try:
            tune_reader(connection)
            if len(connection.execute(q.TABLES).fetchall()) == 2:
                ask(connection)
        finally:
            connection.close()
