"""Loops: the same steps again and again, each iteration under a coordinate of its own."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.looped import (
    ITEMS,
    ITERATIONS_MAX,
    KEEP,
    endless,
    holds,
    items_in,
    no_list,
    shown,
)
from pavane.core.model import status as st
from pavane.core.model.rows import PAGE
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import HANDED_ON, LEFT, OUT, SHOWN, Node
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.dancing.values import Seen, sliced
from pavane.core.projection.local import Arm, Rang
from pavane.core.projection.message import At
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError

_decode = msgspec.json.decode


class Loops(Flow):
    """A loop has one owner, who has a row of the whole and two of each iteration.

    The first of these has what the iteration is about and what the one before hands on, the second
    is where the flow comes to its end: the guard, and the decision (abort-protocol, rule 12).
    """

    ended = 0  # iterations, in this turn

    def begin_loop(self, node: Node, at: At) -> None:
        """The first iteration, without asking the condition; none of an empty list."""
        try:
            task_input = self.rendered(node, at)
            if ITEMS in task_input and not isinstance(task_input[ITEMS], list):
                raise ExpressionError(no_list(task_input[ITEMS]))  # one way to fail
        except ExpressionError as error:
            self._give_up(node, at, StepRow(r.FAILED, reason=str(error)))
            return
        row = StepRow(r.LOOPING, input=encode(task_input), begun=self.now, started=self.now)
        self.put_step(node, at, row)
        self.note(node, at, 0, st.IN_PROGRESS, input=row.input)
        if self.goes_in(node, task_input.get(ITEMS)):
            self.token(node, at, node.body)
        else:
            self._leave(node, at, node, at)

    def goes_in(self, node: Node, items: list[Any] | None) -> bool:
        """Whether there is a first iteration."""
        del node
        return items is None or bool(items)

    def begin_iteration(self, node: Node, at: At) -> None:
        """What it is about, and the variables as the one before has left them."""
        loop, outside = self.node(node.loop), at[:-1]
        number = at[-1]
        if number == 1:
            reader, seen_at = loop, outside
        else:
            reader, seen_at = self.node(loop.again), (*outside, number - 1)
        made = {
            SHOWN: self._shown(loop, outside, number),
            HANDED_ON: self._handed_on(loop, reader, seen_at),
        }
        self.put_step(node, at, StepRow(r.DONE, output=encode(made), begun=self.now))
        self.note(loop, at, 0, st.COMPLETED, iteration=number)
        self.go_on(node, at)

    def _shown(self, loop: Node, at: At, number: int) -> dict[str, Any]:
        """What expressions see of the loop in its newest iteration."""
        seen: dict[str, Any] = {"iteration": number}
        row = self.step_row(loop, at)
        items = items_in(row.input) if row is not None else None
        if items is not None and 0 < number <= len(items):
            seen |= {"loopIndex": number - 1, "loopItem": items[number - 1]}
        return seen

    def _handed_on(self, loop: Node, reader: Node, at: At) -> dict[str, Any]:
        if not loop.hands_on:
            return {}
        known = Seen(self, self.scope_of(loop), reader, at).variables()
        return {name: known[name] for name in loop.hands_on if name in known}

    # --- the end of an iteration ----------------------------------------------------------------

    def begin_again(self, node: Node, at: At) -> None:
        """Once more, or on; a long row of iterations gives others their turn."""
        if self.ended >= PAGE:
            self.put_step(node, at, StepRow(r.READY))
            self.do(Arm("again", node.id, at, self.now))
            return
        self.ended += 1
        loop, outside = self.node(node.loop), at[:-1]
        try:
            again = self.goes_again(node, at)
        except ExpressionError as error:
            self.put_step(node, at, StepRow(r.DONE, begun=self.now))
            row = self.step_row(loop, outside)
            if row is not None and row.status == r.LOOPING:
                row = structs.replace(row, status=r.FAILED, reason=str(error))
                self._give_up(loop, outside, row)
            return
        made = encode(self._outputs(loop, at)) if loop.numbered else b""
        self.put_step(node, at, StepRow(r.DONE, output=made, begun=self.now))
        if again:
            self.token(node, at, node.body, to_at=self.item_at(outside, at[-1] + 1))
        else:
            self._leave(loop, outside, node, at)

    def again_rang(self, event: Rang) -> None:
        """The others have had their turn."""
        node = self.node(event.node)
        row = self.step_row(node, event.at)
        if row is not None and row.status == r.READY:
            self.begin_again(node, event.at)

    def item_at(self, at: At, index: int) -> At:
        """The coordinate of an iteration, or of an item (rule 13)."""
        return (*at, index)

    def goes_again(self, node: Node, at: At) -> bool:
        """Whether the data want one more iteration. Raises ExpressionError."""
        loop, number = self.node(node.loop), at[-1]
        row = self.step_row(loop, at[:-1])
        items = items_in(row.input) if row is not None else None
        if number >= ITERATIONS_MAX:
            raise endless(ITERATIONS_MAX)
        if items is not None and number >= len(items):
            return False
        condition = loop.plan.condition if loop.plan is not None else None
        if condition is None:
            return items is not None
        return holds(condition.render(Seen(self, self.scope_of(loop), node, at)))

    def _outputs(self, loop: Node, at: At) -> dict[str, Any]:
        """By name what the steps of an iteration gave, those that gave something."""
        prefix = loop.id.removesuffix(loop.ref)
        body = loop.plan.body if loop.plan is not None else ()
        kinds = {ref: self.node(prefix + ref).kind for ref in body}
        made = {
            ref: self.value(prefix + ref + OUT, at)
            for ref, kind in kinds.items()
            if kind not in ("join", "loop")
        }
        return {
            ref: msgspec.Raw(body)
            for ref, body in made.items()
            if body not in (None, b"", b"{}", b"null")
        }

    # --- the end of the loop --------------------------------------------------------------------

    def _leave(self, node: Node, at: At, reader: Node, seen_at: At) -> None:
        """Behind the last iteration; `reader` sees what that has left."""
        row = self.step_row(node, at)
        if row is None or row.status != r.LOOPING:
            return
        count = seen_at[-1] if reader is not node else 0
        seen = self._shown(node, at, count)
        if node.numbered:
            seen |= self._numbers(node, row, at, count)
        made = {
            SHOWN: seen,
            HANDED_ON: self._handed_on(node, reader, seen_at),
            LEFT: self._left(node, seen_at) if count else {},
        }
        self.put_step(node, at, structs.replace(row, status=r.DONE, output=encode(made)))
        self.note(node, at, 0, st.COMPLETED, input=row.input)
        self.go_on(node, at)

    def _numbers(self, node: Node, row: StepRow, at: At, count: int) -> dict[str, Any]:
        keep = _decode(row.input or b"{}").get(KEEP)
        found: dict[str, Any] = {}
        for number in shown(count, keep):
            ended = self.step_row(self.node(node.again), (*at, number))
            found[str(number)] = msgspec.Raw(ended.output if ended is not None else b"{}")
        return found

    def _left(self, node: Node, at: At) -> dict[str, Any]:
        slices = self.choreography.slices
        made = {name: self.value(name, at) for name in node.leaves}
        return {
            name: msgspec.Raw(sliced(body, slices.get((name, self.role), ())))
            for name, body in made.items()
            if body is not None
        }

    def _give_up(self, node: Node, at: At, row: StepRow) -> None:
        status = st.FAILED_WITH_TERMINAL_ERROR
        self.put_step(node, at, structs.replace(row, cause=status))
        self.note(node, at, 0, status, input=row.input, reason=row.reason)
        self.fail(node, at, status, row.reason)
