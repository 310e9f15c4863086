"""Events and steps: an event that a step publishes, an event that a step waits for."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from pavane.core.decide.draft import encode
from pavane.core.decide.event_waits import output_of, passes, queue_of_wait
from pavane.core.decide.told import DATA
from pavane.core.model.event import SINK
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing.instants import Instants
from pavane.core.projection.local import Await, Disarm, Forget, Happened, Publish
from pavane.core.projection.message import At
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a13")


def event_id(execution: str, node: str, at: At) -> str:
    """The id of what a step publishes: the same however often the step is done."""
    return str(uuid.uuid5(_SPACE, "\0".join((execution, node, str(at)))))


class Events(Instants):
    """Publishing is over in the turn in which it begins; waiting is a wait."""

    def begin_publish(self, node: Node, at: At) -> None:
        """The event goes out with all else that the turn brings about."""
        try:
            data = self.rendered(node, at)[DATA]
        except ExpressionError as error:
            self._reject(node, at, str(error))
            return
        sink = node.plan.step.sink if node.plan is not None else f"{SINK}{node.task}"
        id = event_id(self.execution, node.id, at)
        self.do(Publish(node.id, at, sink.removeprefix(SINK), id, encode(data)))
        self._settle(node, at, data, {"event_produced": sink, "id": id})
        self.go_on(node, at)

    def begin_wait(self, node: Node, at: At) -> None:
        """As any wait, but what it waits for may have come already, or comes by the bus."""
        super().begin_wait(node, at)
        row = self.step_row(node, at)
        if row is not None and row.status == r.WAITING and (queue := _queue(row)):
            self.do(Await(node.id, at, queue))

    def on_happened(self, event: Happened) -> None:
        """An event has come that has the fields which the step waits for."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.WAITING:
            self.do(Forget(node.id, at, event.queue))
            return
        data: Any = msgspec.json.decode(event.data or b"null")
        if passes(msgspec.json.decode(row.input), data):
            self.do(Disarm("wait", node.id, at))
            self._wait_over(node, at, row, encode(output_of(data)))

    def put_step(self, node: Node, at: At, row: StepRow) -> StepRow:
        """A step that waits no longer is not looked for any more."""
        old = self.step_row(node, at)
        waited = old is not None and old.status == r.WAITING and row.status != r.WAITING
        if old is not None and waited and (queue := _queue(old)):
            self.do(Forget(node.id, at, queue))
        return super().put_step(node, at, row)


def _queue(row: StepRow) -> str:
    return queue_of_wait(msgspec.json.decode(row.input or b"{}"))
