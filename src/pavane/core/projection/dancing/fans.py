"""For-each: the same task for each item of a list, side by side; their number is announced."""

from __future__ import annotations

from typing import Any

from pavane.core.decide.draft import encode
from pavane.core.decide.fan_forms import FanError, fan_of, kept_out
from pavane.core.model import status as st
from pavane.core.model.rows import PAGE
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import ITEM, OUT, Node
from pavane.core.projection.dancing.loops import Loops
from pavane.core.projection.dancing.values import Seen
from pavane.core.projection.message import At
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError

BRANCHES_MAX = 1_000  # its join has all of them in one row, and an abort in one report


class Fans(Loops):
    """Who owns it works out what each item begins with, and sends it that with its token."""

    def begin_each(self, node: Node, at: At) -> None:
        """Announce how many there are, and begin each of them."""
        given: dict[str, Any] = {}
        items: list[bytes] = []
        try:
            if node.plan is not None:
                task_input = self.rendered(node, at)
                given = kept_out(node.plan.step, task_input)
                items = self._items(node, at, task_input)
        except (ExpressionError, FanError) as error:
            reason = str(error)
            self._give_up(node, at, StepRow(r.FAILED, input=encode(given), reason=reason))
            return
        count = self.count_of(node, at, len(items))
        item = self.node(node.body)
        names = [self.shown(item, (*at, index)) for index in range(1, count + 1)]
        told = encode({**given, "forkedTasks": names})
        self.put_step(node, at, StepRow(r.DONE, input=told, begun=self.now))
        shown = encode({**given, "forkedTasks": names[:PAGE]})
        opens = node.plan.join if node.plan is not None else ""
        self.note(node, at, 0, st.COMPLETED, input=shown, opens=opens)
        self.announce(node, at, count)
        for index in range(1, count + 1):
            own = self.item_at(at, index)
            values = ((node.body + ITEM, own, items[index - 1]),) if items else ()
            self.token(node, at, node.body, to_at=own, values=values)
        self.tell(node, at)

    def announce(self, node: Node, at: At, count: int) -> None:
        """Tell the join how many will come."""
        self.token(node, at, node.gate, outcome=m.COUNT, count=count)

    def count_of(self, node: Node, at: At, count: int) -> int:
        """How many items there are: as many as the data name."""
        del node, at
        return count

    def _items(self, node: Node, at: At, task_input: dict[str, Any]) -> list[bytes]:
        """What each begins with, over the defaults of its task. Raises FanError."""
        item, plan = self.node(node.body), node.plan
        assert plan is not None and item.plan is not None
        fan = fan_of(plan, task_input, first=item.stem == f"_{item.task}_")
        if len(fan.branches) > BRANCHES_MAX:
            width = f"{len(fan.branches):,} branches"
            raise FanError(f"it is to have {width}; without a conductor {BRANCHES_MAX:,} are most")
        prefix = node.id.removesuffix(node.ref)
        for branch in fan.branches:
            if prefix + branch.ref in self.choreography.nodes:
                raise FanError(
                    f"its branch {branch.ref!r} bears the name of a step of the workflow"
                )
        defaults = item.plan.template.render(Seen(self, self.scope_of(node), node, at))
        return [
            encode(
                {
                    name: defaults.get(name) if value is None else value
                    for name, value in {**defaults, **branch.input}.items()
                }
                if defaults
                else branch.input
            )
            for branch in fan.branches
        ]

    def gathered(self, node: Node, at: At, count: int) -> bytes:
        """By name what the items gave, those that gave something: the output of their join."""
        if not node.gathers:
            return b"{}"
        item = self.node(node.sources[0])
        parts: list[bytes] = []
        for index in range(1, count + 1):
            body = self.value(item.id + OUT, (*at, index))
            if body not in (None, b"", b"{}", b"null"):
                parts.append(encode(self.shown(item, (*at, index))) + b":" + body)
        return b"{" + b",".join(parts) + b"}"
