"""The public names of Pavane, imported lazily so that `import pavane` costs next to nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pavane.errors import Fail, StepFailed
    from pavane.sdk.calls.declared import Call
    from pavane.sdk.client import Client
    from pavane.sdk.context import TaskContext
    from pavane.sdk.event import Event
    from pavane.sdk.handling import EventContext, publish
    from pavane.sdk.person import person
    from pavane.sdk.service import Service
    from pavane.sdk.sync_client import SyncClient
    from pavane.sdk.wait_for import wait_for
    from pavane.sdk.workflow import gather, race, scope, sleep, until, workflow

__all__ = [
    "Call",
    "Client",
    "Event",
    "EventContext",
    "Fail",
    "Service",
    "StepFailed",
    "SyncClient",
    "TaskContext",
    "gather",
    "person",
    "publish",
    "race",
    "scope",
    "sleep",
    "until",
    "wait_for",
    "workflow",
]

_HOME = {
    "Call": "pavane.sdk.calls.declared",
    "Client": "pavane.sdk.client",
    "Event": "pavane.sdk.event",
    "EventContext": "pavane.sdk.handling",
    "Fail": "pavane.errors",
    "Service": "pavane.sdk.service",
    "StepFailed": "pavane.errors",
    "SyncClient": "pavane.sdk.sync_client",
    "TaskContext": "pavane.sdk.context",
    "gather": "pavane.sdk.workflow",
    "person": "pavane.sdk.person",
    "publish": "pavane.sdk.handling",
    "race": "pavane.sdk.workflow",
    "scope": "pavane.sdk.workflow",
    "sleep": "pavane.sdk.workflow",
    "until": "pavane.sdk.workflow",
    "wait_for": "pavane.sdk.wait_for",
    "workflow": "pavane.sdk.workflow",
}


if not TYPE_CHECKING:  # a type checker would take any name for real

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562), and remember it."""
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module 'pavane' has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
