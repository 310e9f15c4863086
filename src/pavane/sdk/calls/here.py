"""A called task that is awaited outside of any workflow: the call is made right here."""

from __future__ import annotations

import importlib
from typing import Any

from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import CallError, Fail
from pavane.sdk.calls.ending import Ended
from pavane.sdk.calls.posts import work_of
from pavane.sdk.context import TaskContext
from pavane.sdk.contract import Contract, encode


async def call_here(definition: TaskDefinition, contract: Contract, given: dict[str, Any]) -> Any:
    """The typed result. Fail where no attempt would mend it, CallError where one might."""
    # Bootstrap knows the adapters and lies above this layer, so it is found by name, when needed.
    caller = importlib.import_module("pavane.bootstrap").open_caller()
    context = TaskContext.outside(definition.name, definition.service)
    try:
        output = await work_of(definition, caller, contract)(encode(given), context)
    except Ended as ended:
        if ended.status == "FAILED":
            raise CallError(ended.reason, perhaps_done=ended.perhaps_done) from ended
        raise Fail(ended.reason) from ended
    finally:
        await caller.close()
    return contract.value(output)
