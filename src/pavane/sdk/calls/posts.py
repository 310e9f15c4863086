"""Where called tasks are done: posts beside those of functions, made from definitions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from pavane.core.model.call import SAFE_METHODS
from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import CallError, InputError
from pavane.ports.caller import Caller
from pavane.sdk.calls import http_step
from pavane.sdk.calls.answers import output_of
from pavane.sdk.calls.ending import FINAL, Ended, without_answer
from pavane.sdk.calls.requests import request_of
from pavane.sdk.context import TaskContext
from pavane.sdk.contract import Contract

TIMEOUT_S: Final = 60.0  # of a call whose task has no limit

Work = Callable[[bytes, TaskContext], Awaitable[bytes]]


class Raw:
    """The door of work that takes and gives JSON as it is."""

    def arguments(
        self, body: bytes, context: object, database: object = None, *, undoing: bool = False
    ) -> tuple[list[Any], dict[str, Any]]:
        """The input and the context."""
        del database, undoing
        return [body, context], {}

    def result(self, value: Any) -> bytes:
        """The output, which the work has made itself."""
        return value


RAW: Final = Raw()


def work_of(definition: TaskDefinition, caller: Caller, contract: Contract | None) -> Work:
    """What does a task by its call; with a contract, the result is what that promises."""
    return partial(_call, definition, caller, contract)


def http_work(caller: Caller) -> Work:
    """What does HTTP steps."""

    async def carry_out(input: bytes, context: TaskContext) -> bytes:
        return await http_step.carry_out(caller, input, context, context.limit_s or TIMEOUT_S)

    return carry_out


async def _call(
    definition: TaskDefinition,
    caller: Caller,
    contract: Contract | None,
    input: bytes,
    context: TaskContext,
) -> bytes:
    call = definition.call
    assert call is not None
    limit_s = context.limit_s or definition.timeout_seconds or TIMEOUT_S
    request = request_of(call, input, context, limit_s)
    try:
        answer = await caller.call(request)
    except CallError as error:
        raise without_answer(error, safe=call.method in SAFE_METHODS) from error
    output = output_of(call, request, answer)
    if contract is not None:
        try:
            contract.value(output)
        except InputError as error:
            unsafe = call.method not in SAFE_METHODS
            raise Ended(FINAL, str(error), perhaps_done=unsafe) from error
    return output
