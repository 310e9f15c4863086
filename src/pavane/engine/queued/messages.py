"""What a server and services that take their tasks from the bus tell each other, as CloudEvents.

Each is small JSON that a program in any language can read and write (docs/reference/wire.md). The
task itself and the report are those of `POST /v1/exchange`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.timestamps import format_time
from pavane.core.model.work import Assignment
from pavane.core.model.workflow import Workflow
from pavane.engine.exchange import Attempted, Work, work_of
from pavane.ports.bus import orders_topic, task_topic

TASK: Final = "pavane.task.offered.v1"
STOP: Final = "pavane.task.unwanted.v1"
REPORT: Final = "pavane.task.reported.v1"
BEAT: Final = "pavane.task.beat.v1"
HERE: Final = "pavane.worker.here.v1"
OFFER: Final = "pavane.worker.offers.v1"
ANSWER: Final = "pavane.worker.answered.v1"

_SOURCE: Final = "pavane"


class Room(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Tasks that share places, and how many places these are."""

    tasks: list[str]
    places: int = 1


class Here(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A process of a service lives, and can do so much. It says so again before `for_ms` is over.

    `holds`: what it has taken and not reported. `places`: in all; 0: as many as its rooms have.
    """

    worker: str
    service: str
    rooms: list[Room] = []
    places: int = 0
    holds: list[Attempted] = []
    for_ms: int = 10_000
    leaving: bool = False


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Definitions to be registered; the answer is an `Answer` to this worker."""

    worker: str
    service: str
    workflows: list[Workflow] = []
    tasks: list[TaskDefinition] = []
    overwrite: bool = False


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """To one worker: its definitions are registered, or are not, and why.

    `again`: they are not known here; say what they are.
    """

    worker: str
    code: str = ""
    detail: str = ""
    remedy: str = ""
    findings: list[str] = []
    again: bool = False


def event(type: str, id: str, data: object, at: int) -> CloudEvent:
    """Any of the messages."""
    return CloudEvent(id, _SOURCE, type, time=at, data=msgspec.json.encode(data))


def task(service: str, given: Assignment, at: int) -> Outgoing:
    """A task on its way; sent again it is the same event."""
    attributes = {
        "procname": given.workflow,
        "procinstance": given.execution_id,
        "procstep": given.ref,
        "attempt": str(given.attempt),
        "idempotencykey": given.idempotency_key,
        "correlationid": given.correlation_id or given.execution_id,
    }
    if given.deadline_at:
        attributes["deadline"] = format_time(given.deadline_at)
    about = CloudEvent(
        f"{given.execution_id}/{given.ref}/{given.attempt}",
        _SOURCE,
        TASK,
        subject=given.task,
        time=at,
        attributes={name: value for name, value in attributes.items() if value},
        data=msgspec.json.encode(work_of(given)),
    )
    return Outgoing(task_topic(service), "", about)


def stop(service: str, attempted: Attempted, at: int) -> Outgoing:
    """An attempt is not wanted any more: to whichever process has it."""
    id = f"{attempted.execution_id}/{attempted.ref}/{attempted.attempt}/unwanted"
    return Outgoing(orders_topic(service), "", event(STOP, id, attempted, at))


def answer(service: str, said: Answer, id: str, at: int) -> Outgoing:
    """What became of an offer."""
    return Outgoing(orders_topic(service), "", event(ANSWER, id, said, at))


read_work = msgspec.json.Decoder(Work).decode
