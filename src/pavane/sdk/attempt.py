"""One attempt at a step: arguments in, the call, and its end put in the engine's words."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import Callable
from typing import Any, Final, cast

from pavane.core.decide.timeouts import timed_out_after
from pavane.core.model.work import Assignment, Outcome, OutcomeStatus
from pavane.errors import Fail, InputError
from pavane.sdk.calls.ending import Ended
from pavane.sdk.context import TaskContext
from pavane.sdk.crew import Post

_LOG = logging.getLogger("pavane.worker")
_REASON_CHARS = 2000

TIMED_OUT: Final = "timed out"
INTERRUPTED: Final = "interrupted"
STOPPING: Final = "stopping"


class Attempt:
    """An attempt that is going on."""

    __slots__ = (
        "assignment",
        "context",
        "ending",
        "gone",
        "leaving",
        "limit_ms",
        "post",
        "settled",
        "started",
        "stopped_by",
        "task",
    )

    def __init__(self, assignment: Assignment, post: Post) -> None:
        self.assignment = assignment
        self.post = post
        self.context: TaskContext | None = None
        self.task: asyncio.Task[None] | None = None
        self.leaving: asyncio.TimerHandle | None = None  # rings if it ignores its cancellation
        self.limit_ms = 0
        self.started = False
        self.ending = False  # what it did is being made durable: too late to stop it
        self.settled = False  # it was reported while it still ran
        self.gone = False  # its place was given back
        self.stopped_by = ""

    def stop(self, why: str) -> None:
        """Ask the function to end: cancels an async one, a sync one sees `context.cancelled`."""
        self.stopped_by = self.stopped_by or why
        if self.context is not None:
            self.context.stop(why)
        stoppable = self.started and self.post.is_async and not self.ending
        if stoppable and self.task is not None:
            self.task.cancel(why)

    def outcome(
        self,
        status: OutcomeStatus,
        reason: str = "",
        output: bytes = b"{}",
        *,
        after_s: float = 0,
        perhaps_done: bool = False,
    ) -> Outcome:
        """What to report."""
        given = self.assignment
        return Outcome(
            execution_id=given.execution_id,
            ref=given.ref,
            attempt=given.attempt,
            status=status,
            output=output,
            reason=reason if len(reason) <= _REASON_CHARS else reason[:_REASON_CHARS] + "…",
            worker=given.worker,
            callback_after_s=after_s,
            perhaps_done=perhaps_done,
        )

    def stopped(self) -> Outcome:
        """What to report of an attempt that was asked to stop and did."""
        if self.stopped_by == TIMED_OUT:
            return self.outcome("TIMED_OUT", timed_out_after(round(self.limit_ms, -2)))
        return self.outcome("CANCELED", "interrupted")

    def returned(self) -> Outcome:
        """What to report of an attempt that never began: somebody else may take it at once."""
        return self.outcome("IN_PROGRESS")


async def carry_out(attempt: Attempt) -> tuple[Outcome, BaseException | None]:
    """Do the work. The second value is an interrupt from the keyboard, to be raised again later.

    CancelledError only when the asyncio task itself is cancelled from outside (or at the stop of
    the workers): then there is nothing to report.
    """
    if attempt.stopped_by:
        return cancelled(attempt), None
    attempt.started = True
    return await called(attempt, attempt.assignment.input)


async def called(
    attempt: Attempt,
    body: bytes,
    database: object = None,
    busy: Callable[[asyncio.Future[Any]], object] | None = None,
) -> tuple[Outcome, BaseException | None]:
    """Call the function with this input. Otherwise as `carry_out`.

    `busy` is told of the end of a thread that is still at work when the wait for it is cancelled.
    """
    post, undoing = attempt.post, attempt.assignment.is_undo
    try:
        args, kwargs = post.contract.arguments(body, attempt.context, database, undoing=undoing)
    except InputError as error:
        return attempt.outcome("FAILED_WITH_TERMINAL_ERROR", str(error)), None
    try:
        if post.is_async:
            value, error = await post.call(*args, **kwargs), None
        else:
            value, error = await _in_thread(post, args, kwargs, busy)
    except GeneratorExit:
        raise
    except BaseException as raised:  # noqa: BLE001  # whatever a function raises is its outcome
        value, error = None, raised
    if error is not None:
        return ended_by(attempt, error)
    try:
        return attempt.outcome("COMPLETED", output=post.contract.result(value)), None
    except InputError as refusal:
        return attempt.outcome("FAILED_WITH_TERMINAL_ERROR", str(refusal)), None


def ended_by(attempt: Attempt, error: BaseException) -> tuple[Outcome, BaseException | None]:
    """What an attempt comes to that this has ended."""
    if isinstance(error, asyncio.CancelledError):
        return cancelled(attempt), None
    if isinstance(error, KeyboardInterrupt):
        return attempt.outcome("FAILED", words_of(error)), error
    return _failed(attempt, error), None


async def _in_thread(
    post: Post,
    args: list[Any],
    kwargs: dict[str, Any],
    busy: Callable[[asyncio.Future[Any]], object] | None,
) -> tuple[Any, BaseException | None]:
    """Call a sync function on a thread. It is never left behind: only its own end ends the wait."""
    call = functools.partial(guarded, post.call, args, kwargs)
    in_context = functools.partial(contextvars.copy_context().run, call)
    loop = asyncio.get_running_loop()
    thread = loop.run_in_executor(post.crew.threads, in_context)
    if busy is None:
        return await thread
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        if not thread.done():
            busy(thread)
        raise


def guarded(
    call: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """The result or the error; raised, a StopIteration would change on its way."""
    try:
        return call(*args, **kwargs), None
    except BaseException as error:  # noqa: BLE001  # handed to the caller
        return None, error


def cancelled(attempt: Attempt) -> Outcome:
    """What to report; CancelledError where nothing is to be."""
    task = asyncio.current_task()
    if attempt.stopped_by == STOPPING:
        raise asyncio.CancelledError(STOPPING)
    if attempt.stopped_by:
        if task is not None:
            task.uncancel()
        return attempt.stopped()
    if task is not None and task.cancelling():  # the loop is being closed
        raise asyncio.CancelledError
    return attempt.outcome("FAILED", "the task cancelled itself")


def _failed(attempt: Attempt, error: BaseException) -> Outcome:
    if isinstance(error, Ended):
        return attempt.outcome(
            error.status,
            error.reason,
            error.output,
            after_s=error.after_s,
            perhaps_done=error.perhaps_done,
        )
    final = final_in(error)
    if final is not None:
        return attempt.outcome("FAILED_WITH_TERMINAL_ERROR", str(final))
    given = attempt.assignment
    _LOG.info(
        "%s: step %s, attempt %d failed",
        given.execution_id,
        given.ref,
        given.attempt + 1,
        exc_info=error,
    )
    return attempt.outcome("FAILED", words_of(error))


def final_in(error: BaseException) -> BaseException | None:
    """The `Fail`, also from inside a task group."""
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, Fail) else None
    group = cast("BaseExceptionGroup[BaseException]", error)
    return next(filter(None, map(final_in, group.exceptions)), None)


def words_of(error: BaseException) -> str:
    """An exception as people read it, whatever it is."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # an exception of the user's whose __str__ fails
        text = "(its text cannot be shown)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
