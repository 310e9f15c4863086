"""The same runs in the real engine, in memory: what was compiled means there what Python means."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import msgspec
import pytest

from pavane.errors import ExecutionFailedError
from tests.unit.language.shop import Script, script
from tests.unit.language.test_meaning import RUNS, Run, as_python

HERE = [run for run in RUNS if run[0].name != "options"]  # which waits five seconds
UNDOING = {"release_stock", "refund"}


async def in_engine(run: Run) -> tuple[str, Any, list[tuple[str, Any]]]:
    program, args, outcomes = run
    played = Script(outcomes)
    script.set(played)
    try:
        result = await asyncio.wait_for(program(*args), 20)
    except ExecutionFailedError as error:
        return "FAILED", error.reason or str(error), played.calls
    return "COMPLETED", msgspec.to_builtins(result), played.calls


@pytest.mark.anyio
@pytest.mark.parametrize("run", HERE, ids=lambda run: run[0].function.__name__)
async def test_python_and_engine_agree(run: Run) -> None:
    status, end, calls = await as_python(run)
    engine_status, engine_end, engine_calls = await in_engine(run)
    assert engine_status == status
    if status == "COMPLETED":
        assert engine_end == end
    else:
        assert end in re.sub(r"(_+\d+)+: ", ": ", engine_end)  # names of steps are numbered there
    done = [call for call in engine_calls if call[0] not in UNDOING]
    assert Counter(map(repr, done)) == Counter(map(repr, calls))


def test_most_runs_are_tried() -> None:
    names = {run[0].function.__name__ for run in HERE}
    assert len(HERE) >= 45
    assert "countdown" in names
