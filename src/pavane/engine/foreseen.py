"""What decisions will read, as far as it can be said ahead: then one load is enough."""

from __future__ import annotations

from collections.abc import Iterable

from pavane.core.model.fact import Reported
from pavane.core.model.rows import Key
from pavane.engine.registry import Registry
from pavane.engine.request import Request


def foreseen(requests: Iterable[Request], registry: Registry) -> dict[str, set[Key]]:
    """By execution, the keys of the rows that the requests' facts need; new ones have no rows."""
    wants: dict[str, set[Key]] = {}
    for request in requests:
        if request.header is None:
            keys = wants.setdefault(request.execution_id, set())
            ref = getattr(request.fact, "ref", "")
            if ref:
                keys.add(("task", ref))
                plan = registry.plan_of(request.execution_id)
                node = plan.nodes.find(ref) if plan else None
                if node is not None and isinstance(request.fact, Reported):
                    keys |= node.after
                elif plan and isinstance(request.fact, Reported):  # made at run time
                    keys |= plan.ahead
    return wants
