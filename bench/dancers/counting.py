"""What stands in the logs of a bus, per workflow: counted, so that no clock is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import apsw

from pavane.ports.bus import JOURNAL, role_topic

_ROLES = role_topic("")


def counted(folder: Path, workflows: int) -> dict[str, float]:
    """Messages to roles, notes for observers, and entries of ledgers, per workflow.

    An entry is what one batch writes of one execution: as many commits as there are, alone.
    """
    found = Counter[str]()
    for path in folder.glob("*.db"):
        connection: Any = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        topics = "SELECT topic, count(*) FROM log GROUP BY topic"
        for topic, count in connection.execute(topics):
            if topic.startswith(_ROLES):
                found["messages"] += count
            elif topic == JOURNAL:
                found["notes"] += count
        revisions = "SELECT coalesce(sum(revision), 0) FROM execution"
        found["entries"] += connection.execute(revisions).fetchall()[0][0]
        connection.close()
    return {name: count / workflows for name, count in found.items()}
