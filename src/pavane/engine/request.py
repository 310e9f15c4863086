"""What comes into a batch: a fact for an execution, and who waits for the answer."""

from __future__ import annotations

import asyncio
from typing import Any

from pavane.core.model.fact import Fact
from pavane.core.model.rows import Header
from pavane.errors import NotFoundError


class Request:
    """Something to take into a batch: a fact for an execution, and who waits for the answer."""

    __slots__ = (
        "alone",
        "error",
        "execution_id",
        "fact",
        "future",
        "header",
        "result",
        "told",
        "tries",
    )

    def __init__(
        self,
        execution_id: str,
        fact: Fact,
        future: asyncio.Future[Any] | None = None,
        header: Header | None = None,
        told: tuple[str, str, int] | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.fact = fact
        self.future = future
        self.header = header  # of an execution that is to begin
        self.told = told  # the step that hears of that: its execution, ref and attempt
        self.result: Any = False
        self.error: BaseException | None = None
        self.tries = 0
        self.alone = False  # it gets a batch of its own: one before, with others, has failed

    def answer(self) -> None:
        """Tell whoever waits."""
        future = self.future
        if future is not None and not future.done():
            if self.error is not None:
                future.set_exception(self.error)
            else:
                future.set_result(self.result)


def unknown(execution_id: str) -> NotFoundError:
    """There is no execution with this id."""
    return NotFoundError(
        f"No such workflow found by id: {execution_id}.",
        "Look at `pavane list` for those there are.",
    )
