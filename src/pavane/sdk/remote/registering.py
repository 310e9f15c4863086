"""Definitions made known to a server, which may not be there yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.errors import ConnectionFailedError, StoppingError, UntrustedError
from pavane.sdk import plans
from pavane.sdk.client import Client

_PAUSE_S: Final = (0.1, 2.0)  # first and longest


async def register(
    server: str,
    workflows: Sequence[Workflow],
    tasks: Sequence[TaskDefinition],
    *,
    overwrite: bool,
    api_key: str | None = None,
    on_wait: Callable[[str], None],
) -> None:
    """Register workflows and tasks; waits for the server.

    `on_wait` hears once why nothing happens. DefinitionError, AlreadyExistsError,
    UntrustedError, and what a server says to a key that it does not know or that may not do this.
    """
    pause_s, longest_s = _PAUSE_S
    told = False
    async with Client(server, api_key=api_key) as client:
        while True:
            plan = plans.register(workflows, tasks, overwrite=overwrite)
            try:
                await client.perform(plan)
                return
            except UntrustedError:
                raise  # it does not get better by waiting
            except (ConnectionFailedError, StoppingError) as error:
                if not told:
                    on_wait(error.message)
                told = True
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, longest_s)
