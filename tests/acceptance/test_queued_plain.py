"""A program without Pavane takes tasks from RabbitMQ and answers, as the page on the wire says."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.bootstrap import conducting
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Workflow
from pavane.ports.bus import REPORTS, task_group, task_topic
from tests.contract.test_rabbitmq_bus import removed

pytestmark = pytest.mark.anyio

FLOW = Workflow(
    name="scan",
    tasks=[
        Step(
            name="read_page",
            task_reference_name="read",
            input_parameters={"page": "${workflow.input.page}"},
        )
    ],
    output_parameters={"text": "${read.output.text}"},
)
PATIENCE_S = 30.0


class Plain:
    """Written from docs/reference/wire.md; only AMQP and JSON."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, prefix: str) -> None:
        self._channel = channel
        self._prefix = prefix
        self._said = 0
        self.seen: list[tuple[str, int]] = []

    async def say(self, type: str, data: Any) -> None:
        self._said += 1
        headers: Any = {
            "ce-specversion": "1.0",
            "ce-id": f"ocr-1/{self._said}",
            "ce-source": "ocr",
            "ce-type": type,
        }
        message = aio_pika.Message(
            json.dumps(data).encode(), headers=headers, content_type="application/json"
        )
        exchange = await self._channel.get_exchange(f"{self._prefix}_pavane.reports", ensure=True)
        await exchange.publish(message, routing_key="ocr")

    async def work(self) -> None:
        """Fails the first time that it sees a page, and then reads it."""
        rooms = [{"tasks": ["read_page"], "places": 2}]
        here = {"worker": "ocr-1", "service": "ocr", "rooms": rooms, "forMs": 3_600_000}
        name = f"{self._prefix}ocr.tasks/_pavane.tasks.ocr"
        arguments: Any = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}
        exchange = await self._channel.declare_exchange(
            f"{self._prefix}_pavane.tasks.ocr", "fanout", durable=True
        )
        queue = await self._channel.declare_queue(name, durable=True, arguments=arguments)
        await queue.bind(exchange)
        await self.say("pavane.worker.here.v1", here)
        async with queue.iterator() as messages:
            async for message in messages:
                task = json.loads(message.body)
                self.seen.append((task["input"]["page"], task.get("attempt", 0)))
                report = {name: task[name] for name in ("executionId", "ref")}
                report["attempt"] = task.get("attempt", 0)
                if report["attempt"] == 0:
                    report |= {"status": "FAILED", "reason": "smudged"}
                else:
                    report |= {"status": "COMPLETED", "output": {"text": task["input"]["page"]}}
                await self.say("pavane.task.reported.v1", report)
                await message.ack()


async def test_a_plain_program_does_tasks(tmp_path: Path, rabbitmq_url: str):
    prefix = f"{uuid.uuid4().hex[:12]}-"
    url = f"{rabbitmq_url}?prefix={prefix}"
    async with (
        asyncio.timeout(PATIENCE_S),
        conducting(f"sqlite:///{tmp_path / 's.db'}", url) as (engine, company),
        await aio_pika.connect(rabbitmq_url) as connection,
    ):
        await engine.register([FLOW], [TaskDefinition(name="read_page", retry_delay_seconds=0.01)])
        ids = [
            await engine.start_execution("scan", json.dumps({"page": f"p{n}"}).encode())
            for n in range(5)
        ]
        plain = Plain(await connection.channel(), prefix)
        working = asyncio.create_task(plain.work())
        ended = [(await engine.wait(id)).status for id in ids]
        working.cancel()
        assert ended == ["COMPLETED"] * 5
        assert sorted(plain.seen) == [(f"p{n}", attempt) for n in range(5) for attempt in (0, 1)]
        assert isinstance(company.bus, RabbitBus)
        await company.bus.subscribe(task_group("ocr"), [task_topic("ocr")])
        lag = await company.bus.lag()
        assert lag[task_group("ocr")] == {task_topic("ocr"): 0}
        assert lag["_pavane.servers"] == {REPORTS: 0}
        buses = [company.bus]
    await removed(rabbitmq_url, buses)
