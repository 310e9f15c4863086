"""What `max_running`, `per` and `when_full` of a `@workflow` stand for in its definition."""

from __future__ import annotations

from pavane.core.model.workflow import RateLimit
from pavane.errors import DefinitionError

_POLICIES = {"queue": "QUEUE", "reject": "REJECT"}


def limit_of(max_running: int | None, per: str, when_full: str) -> RateLimit | None:
    """The limit, None where there is none; DefinitionError for options that say nothing.

    What the compiler can show at its line (the number, the path) is checked there.
    """
    if when_full not in _POLICIES:
        raise DefinitionError(
            f"when_full={when_full!r} is not known.", f"Use one of {', '.join(_POLICIES)}."
        )
    if max_running is None:
        if per or when_full != "queue":
            raise DefinitionError(
                "`per` and `when_full` say nothing without `max_running`.",
                "Say how many run at once: max_running=1.",
            )
        return None
    key = f"${{workflow.input.{per}}}" if per else ""
    return RateLimit(key, max_running, "REJECT" if when_full == "reject" else "QUEUE")
