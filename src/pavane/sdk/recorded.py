"""Attempts of a service that has a ledger: once done, a step is answered from there.

The key of a step is recorded with its result; that of its undo says, from the moment when the undo
may have an effect, that the step must not have one any more. A task that asks for the database has
both in one transaction: its effect and its record. Any other is recorded when it has ended, so that
it may be called again when its process dies in between.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping

import msgspec

from pavane.core.model.work import Assignment, Outcome
from pavane.errors import PavaneError, StoreError, UsageError
from pavane.language.contract import RESULT, is_object
from pavane.ports.clock import Clock
from pavane.ports.results import Result, Results, Transaction
from pavane.sdk.attempt import Attempt, called, cancelled, carry_out, ended_by
from pavane.sdk.crew import Post
from pavane.sdk.recorder import Recorder

_LOG = logging.getLogger("pavane.worker")

_UNDO = "undo:"
_PAUSE_S = 1.0  # before a task is taken again that the ledger could not take

Ended = tuple[Outcome, BaseException | None]


class Recorded:
    """Carries out the attempts of one service. `posts` has its tasks by name.

    `plain`: record also what does not ask for the database. (Where whoever takes the report commits
    it at once in this process, that would only cost a commit.)
    """

    def __init__(
        self, results: Results, clock: Clock, posts: Mapping[str, Post], *, plain: bool
    ) -> None:
        self._results = results
        self._recorder = Recorder(results)
        self._clock = clock
        self._posts = posts
        self._plain = plain
        self._transacts = any(post.wants_database for post in posts.values())

    async def carry_out(self, attempt: Attempt) -> Ended:
        """As `attempt.carry_out`. What the ledger cannot take is given back, to be taken again."""
        try:
            if attempt.stopped_by:
                return cancelled(attempt), None
            if attempt.post.wants_database:
                return await self._in_transaction(attempt)
            if attempt.assignment.is_undo and self._leaves_mark(attempt):
                return await self._undo(attempt)
            if self._plain and not attempt.post.read_only:
                return await self._plainly(attempt)
        except StoreError as error:
            given = attempt.assignment
            _LOG.warning("%s is given back (%s): %s", given.task, given.execution_id, error)
            back = attempt.outcome("IN_PROGRESS", str(error))
            return msgspec.structs.replace(back, callback_after_s=_PAUSE_S), None
        return await carry_out(attempt)

    # --- with the database ----------------------------------------------------------------------

    async def _in_transaction(self, attempt: Attempt) -> Ended:
        """The function's effect and its record, or neither."""
        attempt.started = True
        given, post = attempt.assignment, attempt.post
        try:
            keys = [] if post.read_only else [given.idempotency_key, *_other_keys(given)]
            asked = post.shape.asks if post.shape is not None else ""
            transacting = self._results.transaction(keys, read_only=post.read_only, asked=asked)
            async with transacting as transaction:
                if attempt.stopped_by:
                    return cancelled(attempt), None
                if post.read_only:
                    return await self._call(attempt, transaction, given.input)
                found = transaction.found
                answer = self._answer(attempt, found)
                if answer is not None:
                    return answer, None
                body = given.input
                if given.is_undo:
                    body = self._told(attempt, found)
                    if body is given.input and self._never_was(attempt, transaction):
                        outcome = attempt.outcome("COMPLETED")
                        await self._commit(attempt, transaction, outcome)
                        return outcome, None
                outcome, interrupt = await self._call(attempt, transaction, body)
                if outcome.status == "COMPLETED" and not attempt.stopped_by:
                    await self._commit(attempt, transaction, outcome)
                elif outcome.status == "COMPLETED":  # a thread that ended after its time
                    outcome = cancelled(attempt)
                return outcome, interrupt
        except StoreError:
            raise
        except PavaneError as error:  # the function has ended its transaction
            return attempt.outcome("FAILED_WITH_TERMINAL_ERROR", str(error)), None
        except BaseException as error:
            if attempt.stopped_by:  # while it waited for its turn
                return ended_by(attempt, error)
            raise

    async def _call(self, attempt: Attempt, transaction: Transaction, body: bytes) -> Ended:
        ended = await called(attempt, body, transaction.connection, transaction.leave_behind)
        if ended[0].status != "COMPLETED":
            return ended
        try:
            await transaction.flush()
        except Exception as error:  # noqa: BLE001  # the function's, which left it to be written
            return ended_by(attempt, error)
        return ended

    async def _commit(self, attempt: Attempt, transaction: Transaction, outcome: Outcome) -> None:
        attempt.ending = True
        await transaction.commit([self._result(attempt.assignment, outcome.output)])

    # --- without it -----------------------------------------------------------------------------

    async def _plainly(self, attempt: Attempt) -> Ended:
        given = attempt.assignment
        if given.attempt or given.polls != 1:  # else nobody can have begun with it before
            keys = [given.idempotency_key, *_other_keys(given)]
            answer = self._answer(attempt, await self._results.find(keys))
            if answer is not None:
                return answer, None
        return await self._recorded(attempt, await carry_out(attempt))

    async def _undo(self, attempt: Attempt) -> Ended:
        """First the mark: what the ledger says of the step is final only behind it."""
        given = attempt.assignment
        answer = self._answer(attempt, await self._results.find([given.idempotency_key]))
        if answer is not None:
            return answer, None
        await self._recorder.record(self._result(given, None))
        if attempt.stopped_by:
            return cancelled(attempt), None
        body = self._told(attempt, await self._results.find(_other_keys(given)))
        attempt.started = True
        return await self._recorded(attempt, await called(attempt, body))

    async def _recorded(self, attempt: Attempt, ended: Ended) -> Ended:
        """Remember what was done. Where that cannot be, it is reported all the same."""
        outcome, _ = ended
        if self._plain and outcome.status == "COMPLETED":
            try:
                await self._recorder.record(self._result(attempt.assignment, outcome.output))
            except StoreError as error:
                _LOG.warning("%s is not recorded: %s", outcome.ref, error)
        return ended

    # --- what the ledger knows ------------------------------------------------------------------

    def _result(self, given: Assignment, output: bytes | None) -> Result:
        return Result(given.idempotency_key, output, self._clock.now())

    def _leaves_mark(self, attempt: Attempt) -> bool:
        """Whether a late attempt at the step would look for the mark of its undo."""
        step = self._posts.get(attempt.assignment.reverses)
        return self._plain or (self._transacts if step is None else step.wants_database)

    def _answer(self, attempt: Attempt, found: Mapping[str, Result]) -> Outcome | None:
        """What is known to have become of it, without calling the function."""
        given = attempt.assignment
        if not given.is_undo and f"{given.execution_id}:{_UNDO}{given.ref}" in found:
            return attempt.outcome(
                "FAILED_WITH_TERMINAL_ERROR",
                f"{given.task} was not done: it came after the undo of the step {given.ref}.",
            )
        known = found.get(given.idempotency_key)
        if known is None or known.output is None:
            return None
        return attempt.outcome("COMPLETED", output=known.output)

    def _told(self, attempt: Attempt, found: Mapping[str, Result]) -> bytes:
        """The input of an undo, with the step's result where only the ledger has it."""
        given = attempt.assignment
        step, wanted = self._unknown(attempt)
        known = next((found[key] for key in _other_keys(given) if key in found), None)
        if step is None or known is None or known.output is None:
            return given.input
        output = msgspec.json.decode(known.output)
        assert step.shape is not None
        result = output if is_object(step.shape.returns) else output.get(RESULT)
        return msgspec.json.encode(msgspec.json.decode(given.input) | {wanted: result})

    def _never_was(self, attempt: Attempt, transaction: Transaction) -> bool:
        """Whether a step that nothing is known of had no effect, for certain, and will have none.

        Both it and its undo have all their effects in this database; nothing was forgotten since it
        may have begun; and the undo's record, in the same transaction, bars whoever comes late.
        """
        step, _ = self._unknown(attempt)
        if step is None or not step.wants_database or step.read_only:
            return False
        return attempt.assignment.since >= transaction.known_since

    def _unknown(self, attempt: Attempt) -> tuple[Post | None, str]:
        """The step and the undo's parameter for its result, if it takes one and was not told it."""
        given = attempt.assignment
        step, undo = self._posts.get(given.reverses), attempt.post.shape
        if step is None or step.shape is None or undo is None:  # calls to another service
            return None, ""
        wanted = result_parameter(undo.signature, step.shape.signature)
        told = not wanted or msgspec.json.decode(given.input).get(wanted) is not None
        return (None, "") if told else (step, wanted)


def recorders_of(
    posts: Mapping[str, Post], results: Mapping[str, Results], clock: Clock, plain: bool
) -> dict[str, Recorded]:
    """One for each service that has recorded results; UsageError where a task would need one."""
    of_service: dict[str, dict[str, Post]] = {}
    for name, post in posts.items():
        of_service.setdefault(post.crew.service, {})[name] = post
        if post.wants_database and post.crew.service not in results:
            raise UsageError(
                f"{name} asks for the database of {post.crew.service}, which has no ledger here.",
                "Give the service a ledger, or leave the connection out of the task.",
            )
    return {
        service: Recorded(results[service], clock, of_it, plain=plain)
        for service, of_it in of_service.items()
        if service in results
    }


def _other_keys(given: Assignment) -> list[str]:
    """Of a step the key of its undo, of an undo that of its step."""
    ref = given.ref.removeprefix(_UNDO) if given.is_undo else _UNDO + given.ref
    return [f"{given.execution_id}:{ref}"]


def result_parameter(undo: inspect.Signature, step: inspect.Signature) -> str:
    """The parameter of an undo that gets the step's result, or "": the one that is no input."""
    left = [each for name, each in undo.parameters.items() if name not in step.parameters]
    needed = [each for each in left if each.default is inspect.Parameter.empty]
    if len(needed) == 1:
        return needed[0].name
    return left[0].name if not needed and len(left) == 1 else ""
