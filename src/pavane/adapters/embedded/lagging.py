"""How many events wait for each group in the logs of a folder, counted for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import apsw

from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import connect, tune_reader

_PREFIX: Final = "bus "  # of offsets that groups keep

Place = tuple[str, str, int]
"""Group, topic, and how far it has come there."""


def lag_in(
    folder: Folder, known: Mapping[str, Mapping[tuple[str, str], int]]
) -> dict[str, dict[str, int]]:
    """By group and topic, for all groups that are known in the folder.

    `known`: how far groups of this process have come, by topic and log, which may not be written
    yet. What was given back and waits to come again is not counted. A log that cannot be read now
    counts as empty. It has connections of its own, so that another thread may call it.
    """
    logs = sorted(folder.path.glob(f"*{SUFFIX}"))
    places: defaultdict[str, list[Place]] = defaultdict(list)  # by log
    for path in [*logs, *sorted(folder.groups.glob(f"*{SUFFIX}"))]:
        for name, position in _rows(path, q.OFFSETS):
            if name.startswith(_PREFIX):
                whose, _, log = name.removeprefix(_PREFIX).rpartition(" ")
                group, _, topic = whose.rpartition(" ")
                position = max(position, known.get(group, {}).get((topic, log), 0))
                places[log].append((group, topic, position))
    found: dict[str, dict[str, int]] = {}
    for each in places.values():
        for group, topic, _ in each:
            found.setdefault(group, {}).setdefault(topic, 0)
    for path in logs:
        for log in _rows(path, q.LOG_ID):
            for group, topic, position in places.get(log[0], ()):
                for behind in _rows(path, q.BEHIND, (topic, position)):
                    found[group][topic] += behind[0]
    return found


def _rows(path: Path, query: str, values: tuple[str | int, ...] = ()) -> list[Any]:
    try:
        connection = connect(str(path), read_only=True)
        try:
            tune_reader(connection)
            if len(connection.execute(q.TABLES).fetchall()) < 2:
                return []  # it is being made
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()
    except apsw.Error:
        return []
