"""What a running task may ask: who and which attempt it is, how long it has, whether to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pavane.core.model.work import Assignment
from pavane.engine.payloads import checked_progress
from pavane.errors import InputError, PavaneError

_LOG = logging.getLogger("pavane.task")

Beat = Callable[[Assignment, bytes], Awaitable[bool]]
"""Gives a sign of life, with JSON that says how far; False when it is no longer wanted."""


class TaskContext:
    """The circumstances of one attempt at one step.

    A task gets it by a parameter annotated `TaskContext`; make it the first one, so that type
    checkers know that callers do not pass it. Called outside a workflow, a task gets a plain one.
    """

    __slots__ = ("_assignment", "_beat", "_beating", "_log", "_loop", "_progress", "_stop_reason")

    def __init__(
        self,
        assignment: Assignment,
        beat: Beat | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._assignment = assignment
        self._beat = beat
        self._loop = loop
        self._beating = False
        self._progress = b""
        self._stop_reason = ""
        self._log: logging.LoggerAdapter[logging.Logger] | None = None

    @classmethod
    def outside(cls, task: str, service: str) -> TaskContext:
        """The context of a task that is called as a plain function, outside any workflow."""
        return cls(
            Assignment(
                execution_id="",
                ref=task,
                attempt=0,
                task=task,
                service=service,
                workflow="",
                input=b"{}",
                idempotency_key="",
            )
        )

    @property
    def execution_id(self) -> str:
        """The execution it works for."""
        return self._assignment.execution_id

    @property
    def workflow(self) -> str:
        """The name of the workflow it works for."""
        return self._assignment.workflow

    @property
    def step(self) -> str:
        """The reference name of the step; of an undo, of the step that it reverses."""
        return self._assignment.ref.removeprefix("undo:")

    @property
    def task(self) -> str:
        """The name of the task."""
        return self._assignment.task

    @property
    def service(self) -> str:
        """The name of the service."""
        return self._assignment.service

    @property
    def attempt(self) -> int:
        """Which attempt this is, 1 for the first."""
        return self._assignment.attempt + 1

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt and redelivery of this step: hand it to what you call."""
        return self._assignment.idempotency_key

    @property
    def correlation_id(self) -> str:
        """What the execution was started with to find it by; its own id when with nothing."""
        return self._assignment.correlation_id or self._assignment.execution_id

    @property
    def limit_s(self) -> float:
        """How many seconds the attempt has from its start; 0 when that is not known."""
        given = self._assignment
        known = given.deadline_at and given.started_at
        return max(0.001, (given.deadline_at - given.started_at) / 1000) if known else 0.0

    @property
    def is_undo(self) -> bool:
        """Whether it was called to reverse a step."""
        return self._assignment.is_undo

    @property
    def deadline_at(self) -> int:
        """End of this attempt's time in epoch milliseconds; 0 when it has none."""
        return self._assignment.deadline_at

    @property
    def deadline(self) -> datetime | None:
        """As `deadline_at`, as a time in UTC; None when it has none."""
        at = self._assignment.deadline_at
        return datetime.fromtimestamp(at / 1000, UTC) if at else None

    @property
    def cancelled(self) -> bool:
        """Whether the work is no longer wanted (timed out, terminated, or the service stops)."""
        return bool(self._stop_reason)

    def raise_if_cancelled(self) -> None:
        """Leave the task if its work is no longer wanted: raises asyncio.CancelledError."""
        if self._stop_reason:
            raise asyncio.CancelledError(self._stop_reason)

    async def heartbeat(self, progress: object = None) -> None:
        """Give a sign of life, which extends the lease; notice whether the work is still wanted.

        `progress` says how far the work is, to whoever looks: a number from 0 to 1, a text, or
        anything that becomes JSON of at most 4,000 bytes (TooLargeError). Each call is a commit.
        An engine that cannot take it is no reason to give the work up: that is only logged.
        """
        await self._tell(_json(progress))

    async def _tell(self, progress: bytes) -> None:
        if self._beat is None:
            return
        try:
            wanted = await self._beat(self._assignment, progress)
        except PavaneError as error:
            _LOG.warning("a heartbeat failed: %s", error)
            return
        if not wanted:
            self.stop("no longer wanted")

    def heartbeat_sync(self, progress: object = None) -> None:
        """As `heartbeat`, from a sync function: does not wait, the answer shows in `cancelled`.

        Calls that come while one is on its way count as that one; the last progress is told.
        """
        self._progress = _json(progress) or self._progress
        loop = self._loop
        waits = self._beating or self._beat is None
        if not waits and loop is not None and not loop.is_closed():
            self._beating = True
            loop.call_soon_threadsafe(self._start_heartbeat)

    def _start_heartbeat(self) -> None:
        progress, self._progress = self._progress, b""
        beating = asyncio.ensure_future(self._tell(progress))
        beating.add_done_callback(self._heartbeat_done)

    def _heartbeat_done(self, beating: asyncio.Future[None]) -> None:
        self._beating = False
        if not beating.cancelled():
            beating.result()  # asyncio logs what is raised from here
        if self._progress and not self._stop_reason:  # told while that one was on its way
            self._beating = True
            self._start_heartbeat()

    def stop(self, reason: str) -> None:
        """Ask the task to stop: `cancelled` becomes true. The worker calls this."""
        self._stop_reason = self._stop_reason or reason

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that puts execution, step and attempt in front of each message."""
        if self._log is None:
            given = self._assignment
            self._log = _TaskLog(
                _LOG,
                {
                    "execution_id": given.execution_id,
                    "workflow": given.workflow,
                    "step": given.ref,
                    "task": given.task,
                    "attempt": given.attempt + 1,
                },
            )
        return self._log


def _json(progress: object) -> bytes:
    if progress is None:
        return b""
    try:
        return checked_progress(msgspec.json.encode(progress))
    except TypeError as error:
        raise InputError(f"The progress is no JSON: {error}.", "Tell a number or a text.") from None


class _TaskLog(logging.LoggerAdapter[logging.Logger]):
    """Ids as fields of the record, for programs, and in front of the text, for people."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        ids = dict(self.extra or {})
        kwargs["extra"] = {**ids, **kwargs.get("extra", {})}
        return f"[{ids['execution_id']} {ids['step']} #{ids['attempt']}] {msg}", kwargs
