"""Random workflows: Python, the small interpreter, the engine and dancers agree."""

from __future__ import annotations

import asyncio
import importlib.machinery
import importlib.util
import os
import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.bootstrap import Company, dancing_services
from pavane.engine.views.shapes import ExecutionView
from pavane.errors import DefinitionError, ExecutionFailedError, Fail, NotFoundError, StepFailed
from pavane.sdk.workflow import WorkflowFunction, as_plain_python
from tests.unit.language.interpreter import Interpreter
from tests.unit.language.random_programs import Generator
from tests.unit.language.random_tasks import SERVICES, TASKS, Pair, calls

PROGRAMS = int(os.environ.get("PAVANE_RANDOM_PROGRAMS", "60"))
IN_ENGINE = 4  # every how many runs the engine runs it too

# What 120 programs must have met, at least so often; other numbers in proportion.
WANTED = {
    "step": 150,
    "data": 80,
    "again": 60,
    "spread": 100,
    "if": 100,
    "elif": 60,
    "else": 50,
    "carried": 50,
    "gather": 60,
    "fan": 50,
    "branches made": 40,
    "race": 40,
    "late": 2,
    "asked": 6,
    "raced case": 6,
    "local": 60,
    "scope": 50,
    "for": 40,
    "while": 30,
    "while True": 30,
    "break": 25,
    "continue": 20,
    "try": 40,
    "except": 40,
    "caught": 15,
    "match": 40,
    "case": 90,
    "guard": 12,
    "capture": 20,
    "return": 10,
    "fail": 20,
    "COMPLETED": 80,
    "FAILED": 4,
    "SET_VARIABLE": 30,
    "NOOP": 5,
    "DO_WHILE": 80,
    "iterations": 120,
    "in engine": 30,
    "danced": 90,
    "danced race": 50,
}


def load(seed: int, folder: Path) -> tuple[WorkflowFunction[..., str], Counter[str]]:
    generator = Generator(seed)
    file = folder / f"random_{seed}.py"
    file.write_text(generator.program())
    loader = importlib.machinery.SourceFileLoader(file.stem, str(file))
    spec = importlib.util.spec_from_loader(file.stem, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    loader.exec_module(module)
    return module.flow, generator.made


def arguments(chance: random.Random) -> tuple[Any, ...]:
    numbers = [chance.randint(0, 6) for _ in range(3)]
    pair = Pair(chance.randint(0, 6), chance.choice("xya"), numbers, [" a", "b "])
    return (chance.randint(0, 6), chance.choice(["x", "", "ab"]), pair, chance.random() < 0.5)


Result = tuple[str, str, Counter[str]]


async def plainly(flow: WorkflowFunction[..., str], args: tuple[Any, ...]) -> Result:
    made: list[tuple[str, object]] = []
    calls.set(made)
    with as_plain_python():
        try:
            status, end = "COMPLETED", await flow(*args)
        except StepFailed as error:
            status, end = "FAILED", f"{error.step}: {error.reason}"
        except Fail as error:
            status, end = "FAILED", str(error)
    return status, end, Counter(map(repr, made))


async def interpreted(
    flow: WorkflowFunction[..., str], args: tuple[Any, ...], seed: int, met: Counter[str]
) -> Result:
    made: list[tuple[str, object]] = []
    calls.set(made)
    bound = flow.signature.bind(*args).arguments
    given = msgspec.json.decode(msgspec.json.encode(bound))
    machine = Interpreter(TASKS, {}, seed)
    status, output, reason = await machine.run(flow.definition, given)
    met["iterations"] += machine.iterations
    met["branches made"] += sum(map(len, machine.fans.values()))
    met["caught"] += machine.caught
    end = output["result"] if status == "COMPLETED" else reason
    return status, end, Counter(map(repr, made))


async def in_engine(flow: WorkflowFunction[..., str], args: tuple[Any, ...]) -> Result:
    made: list[tuple[str, object]] = []
    calls.set(made)
    try:
        status, end = "COMPLETED", await asyncio.wait_for(flow(*args), 20)
    except ExecutionFailedError as error:
        status, end = "FAILED", error.reason
    return status, end, Counter(map(repr, made))


async def danced(flow: WorkflowFunction[..., str], args: tuple[Any, ...]) -> Result | None:
    """With no conductor; None where the program is not for that style."""
    made: list[tuple[str, object]] = []
    calls.set(made)
    definition = msgspec.structs.replace(flow.definition, style="choreographed")
    given = msgspec.json.encode(flow.signature.bind(*args).arguments)
    try:
        dancing = dancing_services("memory:", services=SERVICES, workflows=[definition])
        async with dancing as company, asyncio.timeout(30):
            id = await company.requests.start(definition.name, given, key="once")
            with company.observer.subscribe() as changes:
                while (view := ended(company, id)) is None:
                    await changes.get()
    except DefinitionError:
        return None
    end = msgspec.json.decode(view.output)["result"] if view.status == "COMPLETED" else view.reason
    return view.status, end, Counter(map(repr, made))


def ended(company: Company, id: str) -> ExecutionView | None:
    try:
        view = company.observer.execution(id)
    except NotFoundError:
        return None
    return view if view.ended_at else None


async def check(seed: int, folder: Path, met: Counter[str]) -> None:
    """Compare two runs of one random workflow."""
    flow, made = load(seed, folder)
    met += made
    shown = msgspec.json.encode(flow.definition).decode()
    met += Counter(
        {kind: shown.count(f'"{kind}"') for kind in ("SET_VARIABLE", "NOOP", "DO_WHILE")}
    )
    for run in range(2):
        args = arguments(random.Random(seed * 10 + run))
        python = await plainly(flow, args)
        met[python[0]] += 1
        assert await interpreted(flow, args, seed, met) == python
        if (seed + run) % IN_ENGINE == 0:
            status, end, done = await in_engine(flow, args)
            assert (status, done) == (python[0], python[2])
            assert python[1] in re.sub(r"(_+\d+)+: ", ": ", end)
            met["in engine"] += 1
        if run == 0 and (dance := await danced(flow, args)):
            met["danced"] += 1
            met["danced race"] += made["race"]
            met[f"danced {dance[0]}"] += 1
            assert (dance[0], dance[2]) == (python[0], python[2])
            assert python[1] in re.sub(r"(_+\d+)+: ", ": ", dance[1])


@pytest.mark.anyio
async def test_random_workflows_mean_the_same_everywhere(tmp_path: Path) -> None:
    strict = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}  # the same dice each time
    base = int(os.environ.get("PAVANE_SEED", 1 if strict else random.randrange(1_000_000_000)))
    print(f"PAVANE_SEED={base}")
    met: Counter[str] = Counter()
    for seed in range(base, base + PROGRAMS):
        try:
            await check(seed, tmp_path, met)
        except Exception as error:
            raise AssertionError(f"PAVANE_SEED={seed} PAVANE_RANDOM_PROGRAMS=1") from error
    print(dict(met))
    missing = {key: met[key] for key, least in WANTED.items() if met[key] * 120 < least * PROGRAMS}
    assert not missing or PROGRAMS < 60
