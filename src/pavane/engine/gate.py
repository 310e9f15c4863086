"""What a batch asks before an execution begins or goes on: is there a place for it?

Every execution of a workflow with a limit comes through here, whoever starts it. What is promised
is held once the batch is durable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from copy import copy

from msgspec import structs

from pavane.core.decide.admission import full
from pavane.core.decide.decider import Decision, decide
from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import Plan
from pavane.core.model.command import Begin, Command, Enter
from pavane.core.model.fact import Admitted, Fact, KeyWanted, Started
from pavane.core.model.rows import Header
from pavane.engine.admission import Admission
from pavane.engine.registry import Registry
from pavane.ports.store import Bound


class Gate:
    """The places that one batch is promised; `promised` has the executions that have one."""

    def __init__(
        self,
        registry: Registry,
        admission: Admission,
        look: Callable[[Collection[str]], Awaitable[None]],
    ) -> None:
        self._registry = registry
        self._admission = admission
        self.look = look  # what others have of some lanes
        self.promised: set[str] = set()

    async def passes(self, decision: Decision, plan: Plan, fact: Fact) -> bool:
        """Whether it is accepted, and may be so: somebody else may have the last place by now.

        LimitReachedError where its start is refused for want of a place.
        """
        if not decision.accepted:
            return False
        header = decision.header
        if isinstance(fact, Admitted):
            return await self._promise(header.id, fact.queue, first=True)
        if isinstance(fact, KeyWanted):
            for begin in decision.commands:
                if isinstance(begin, Begin):
                    await self._ensure_begins(begin)
        elif plan.key is not None:
            for enter in _entering(decision.commands):
                await self._enter(header, plan, enter)
        return True

    def has_place(self, execution_id: str) -> bool:
        """Whether it may go on in this batch."""
        return execution_id in self.promised

    def bounds(self, execution_ids: Iterable[str]) -> list[Bound]:
        """What the store is to see to when these are written."""
        return self._admission.bounds(id for id in execution_ids if id in self.promised)

    def in_line(self, enter: Enter, now: int) -> Enter:
        """With its turn among those that wait."""
        return enter if enter.since else structs.replace(enter, since=self._admission.turn(now))

    def give_back(self) -> None:
        """Nothing was written: no promise is needed."""
        self._admission.committed((), self.promised)

    async def _ensure_begins(self, begin: Begin) -> None:
        """LimitReachedError where the execution is to be started and would be refused."""
        plan = await self._registry.plan(begin.header.definition)
        if plan.key is not None:
            rows = Rows(header=copy(begin.header))
            tried = decide(plan, rows, Started(input=begin.input), 0)
            assert isinstance(tried, Decision)
            for enter in _entering(tried.commands):
                await self._enter(begin.header, plan, enter)

    async def _enter(self, header: Header, plan: Plan, enter: Enter) -> None:
        if await self._promise(header.id, enter.queue, first=False):
            return
        limit = plan.workflow.rate_limit_config
        assert limit is not None
        if limit.policy == "REJECT":
            await self.look([enter.queue])  # others may have ended what they had
            if await self._promise(header.id, enter.queue, first=False):
                return
            raise full(limit, enter.queue, self._admission.taken(enter.queue))
        self._admission.stands_in(enter.queue)

    async def _promise(self, execution_id: str, lane: str, *, first: bool) -> bool:
        most = await self._admission.most(lane)
        if not self._admission.promise(execution_id, lane, most, first=first):
            return False
        self.promised.add(execution_id)
        return True


def _entering(commands: tuple[Command, ...]) -> Iterator[Enter]:
    return (each for each in commands if isinstance(each, Enter))
