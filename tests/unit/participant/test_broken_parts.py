"""A part of a participant that breaks down says so, but not where another process took over."""

from __future__ import annotations

import asyncio

import pytest

from pavane.errors import LeaseLostError, StoreError
from pavane.participant.standing import told_if_broken
from pavane.testing.simulation.loop import run


@pytest.mark.parametrize(
    ("error", "told"),
    [(StoreError("No.", "Do."), 1), (LeaseLostError("Another has it.", "Stand by."), 0)],
)
def test_what_breaks_down_is_told_unless_another_took_over(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
):
    async def broken() -> None:
        raise error

    async def main() -> None:
        await asyncio.gather(told_if_broken(broken()), return_exceptions=True)

    run(main())
    assert len([each for each in caplog.records if "broken down" in each.message]) == told
