"""Workflows that start by themselves, for the golden files."""

from datetime import datetime

from pavane import Service, workflow

bell = Service("bell")


@bell.task
async def ring(at: datetime) -> None: ...


@workflow(every="0 0 9 * * MON-FRI", zone="Europe/Zurich", missed="none")
async def rings_on_workdays(when: datetime, loud: bool = False) -> None:
    await ring(when)
