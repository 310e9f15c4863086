"""What asks of a client carry, read: the body of a request, and the filters of a search."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.model.command import IfExists
from pavane.ports.store import Search


class AskBody(msgspec.Struct, rename="camel"):
    """What the body of an ask may hold; each verb reads its part."""

    input: msgspec.Raw = msgspec.Raw(b"{}")
    output: msgspec.Raw = msgspec.Raw(b"{}")
    version: int | None = None
    key: str = ""
    if_exists: IfExists = "return"
    priority: int = 0
    correlation_id: str = ""
    status: str = "COMPLETED"
    reason: str = ""
    undo: bool = True
    action: Any = ""
    to: int | None = None
    dry_run: bool = False


def search_of(query: dict[str, str]) -> Search:
    """The executions that a query wants."""
    return Search(
        workflow=query.get("workflow", ""),
        statuses=tuple(filter(None, query.get("status", "").split(","))),
        key=query.get("key", ""),
        before=query.get("before", ""),
        limit=int(query.get("limit", "100")),
    )
