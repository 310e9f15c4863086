"""How many executions of a workflow run at once, as options of its decorator."""

from __future__ import annotations

import re
from collections.abc import Collection

from pavane.core.model.workflow import RateLimit

_PARAMETER = re.compile(r"\$\{workflow\.input\.([^\W\d]\w*(?:\.[^\W\d]\w*)*)\}")


def limit_options(limit: RateLimit | None, parameters: Collection[str]) -> list[str]:
    """`max_running` and what goes with it; nothing where the key is no path in a parameter."""
    if limit is None:
        return []
    options = [f"max_running={limit.concurrent_exec_limit}"]
    if limit.rate_limit_key:
        path = _PARAMETER.fullmatch(limit.rate_limit_key)
        if path is None or path[1].partition(".")[0] not in parameters:
            return []
        options.append(f"per={path[1]!r}")
    return [*options, *(['when_full="reject"'] if limit.policy == "REJECT" else [])]
