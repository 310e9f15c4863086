"""Bad input at the engine's door, and what a bad value does inside a run: told, and nothing lost.

What the command line and REST say to bad options and bodies is tried beside them, in `cli/` and
`rest/`.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from pavane import Service
from pavane.bootstrap import running_engine
from pavane.core.model.rows import Header
from pavane.core.model.workflow import Workflow
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.engine.payloads import BYTES_MAX, DEPTH_MAX
from pavane.engine.views.reader import Reader
from pavane.errors import DefinitionError, InputError, NotFoundError, PavaneError, TooLargeError
from pavane.ports.store import Search

pytestmark = pytest.mark.anyio

clerk = Service("clerk")
UNDONE: list[int] = []


@clerk.task
async def unfile(number: int) -> None:
    UNDONE.append(number)


@clerk.task(undo=unfile)
async def file(number: int) -> dict[str, object]:
    return {"shelves": [{"number": number}, {"number": "seven"}]}


@clerk.task
async def stamp(shelves: list[dict[str, int]]) -> int:
    return len(shelves)


@clerk.task
async def print_out(bytes: int) -> str:
    return "x" * bytes


def step(ref: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name or ref, "taskReferenceName": ref, "type": "SIMPLE", **more}


def workflow(*tasks: dict[str, Any], name: str = "w", **more: Any) -> dict[str, Any]:
    return {"name": name, "version": 1, "tasks": list(tasks), **more}


def read(definition: dict[str, Any]) -> Workflow:
    return msgspec.json.decode(json.dumps(definition), type=Workflow)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine("memory:", services=[clerk]) as engine:
        yield engine


async def run(engine: Engine, input: dict[str, Any], *definitions: dict[str, Any]) -> Header:
    """The end of the first of these workflows."""
    await engine.register([read(each) for each in definitions], overwrite=True)
    id = await engine.start_execution(definitions[0]["name"], msgspec.json.encode(input))
    return await engine.wait(id, 10)


async def executions(engine: Engine) -> int:
    return len(await Reader(engine.store).executions(Search()))


def says(error: PavaneError, *words: str) -> None:
    """The error tells what is wrong and what to do."""
    for word in words:
        assert word in str(error), error
    assert "Traceback" not in str(error)


# --- what is started ----------------------------------------------------------------------------


async def test_an_unknown_workflow(engine: Engine):
    await engine.register([read(workflow(step("stamp"), name="known"))])
    with pytest.raises(NotFoundError) as refusal:
        await engine.start_execution("unknown", b"{}")
    says(refusal.value, "unknown", "Register it first", "known")
    with pytest.raises(NotFoundError) as refusal:
        await engine.start_execution("known", b"{}", version=7)
    says(refusal.value, "version: 7", "Its versions are: 1.")
    assert await executions(engine) == 0


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b'{"a": 1', InputError, ["not JSON", "truncated", "Send a JSON object"]),
        (b'{"a": 1]', InputError, ["not JSON", "byte 7"]),
        (b"", InputError, ["not JSON"]),
        (b'{"a": "\xff"}', InputError, ["not UTF-8"]),
        (b"[1]", InputError, ["a JSON list, not an object"]),
        (b"null", InputError, ["not an object"]),
        (b'{"a":' * DEPTH_MAX + b"{}" + b"}" * DEPTH_MAX, TooLargeError, ["200 levels", "Flatten"]),
        (b'{"a":' * 500_000 + b"1" + b"}" * 500_000, TooLargeError, ["200 levels", "Flatten"]),
        (b'{"a": [' + b"[" * 500_000 + b"]" * 500_000 + b"]}", TooLargeError, ["200 levels"]),
        (b'{"a":' * 500_000, InputError, []),
    ],
    ids=lambda value: repr(value)[:16] if isinstance(value, bytes) else "",
)
async def test_malformed_and_deep_input(
    engine: Engine, body: bytes, kind: type[PavaneError], words: list[str]
):
    await engine.register([read(workflow(step("stamp")))])
    with pytest.raises(kind) as refusal:
        await engine.start_execution("w", body)
    says(refusal.value, *words)
    assert refusal.value.remedy
    assert await executions(engine) == 0


async def test_input_as_deep_as_the_limit_works(engine: Engine):
    await engine.register([read(workflow(step("n", type="NOOP")))])
    body = b'{"a":' * (DEPTH_MAX - 1) + b"{}" + b"}" * (DEPTH_MAX - 1)
    id = await engine.start_execution("w", body)
    assert (await engine.wait(id, 10)).status == "COMPLETED"


async def test_input_just_under_and_just_over_ten_megabytes(engine: Engine):
    """What is accepted comes back byte by byte; what is not leaves nothing behind."""
    echo = workflow(
        step("n", type="NOOP"), outputParameters={"length": "${= len(workflow.input.text)}"}
    )
    await engine.register([read(echo)])
    body = b'{"text":"' + b"x" * (BYTES_MAX - 11) + b'"}'
    assert len(body) == BYTES_MAX
    id = await engine.start_execution("w", body)
    assert (await engine.wait(id, 30)).status == "COMPLETED"
    view = await Reader(engine.store).execution(id)
    assert bytes(view.input) == body
    assert json.loads(bytes(view.output)) == {"length": BYTES_MAX - 11}

    with pytest.raises(TooLargeError) as refusal:
        await engine.start_execution("w", body[:-2] + b'x"}')
    says(refusal.value, "10,485,761 bytes", "limit is 10,485,760", "pass a reference")
    assert await executions(engine) == 1


# --- what runs ----------------------------------------------------------------------------------


async def test_an_input_of_the_wrong_type_fails_the_step_and_names_the_field(engine: Engine):
    definition = workflow(step("file", inputParameters={"number": "${workflow.input.number}"}))
    for wrong, words in (("many", "expected int, got str"), (None, "got null"), (1.5, "got float")):
        header = await run(engine, {"number": wrong}, definition)
        assert header.status == "FAILED"
        assert header.failed_ref == "file"
        assert "file: number: " in header.reason
        assert words in header.reason
    header = await run(engine, {}, workflow(step("file")))
    assert "number: is missing" in header.reason


async def test_a_bad_value_further_on_undoes_what_was_done(engine: Engine):
    UNDONE.clear()
    number = "${workflow.input.number}"
    definition = workflow(
        step(
            "file",
            inputParameters={"number": number},
            undo={"name": "unfile", "inputParameters": {"number": number}},
        ),
        step("stamp", inputParameters={"shelves": "${file.output.shelves}"}),
    )
    header = await run(engine, {"number": 7}, definition)
    assert header.status == "COMPENSATED"
    assert "stamp: shelves[1][*]: expected int, got str" in header.reason, header.reason
    assert UNDONE == [7]


async def test_a_result_that_is_too_large_fails_the_step(engine: Engine):
    given = {"bytes": "${workflow.input.bytes}"}
    definition = workflow(step("print_out", inputParameters=given))
    header = await run(engine, {"bytes": 6_000_000}, definition)
    assert header.status == "FAILED"
    assert "6000002 bytes, more than 5000000" in header.reason
    assert "return a reference" in header.reason
    assert (await run(engine, {"bytes": 4_999_000}, definition)).status == "COMPLETED"


# --- definitions --------------------------------------------------------------------------------

FORK = {"type": "FORK_JOIN", "forkTasks": [[step("a")], [step("b")]]}


def sub(name: str) -> dict[str, Any]:
    param = {"name": name, "version": 1}
    return step(f"start_{name}", type="SUB_WORKFLOW", subWorkflowParam=param)


def nested(depth: int) -> dict[str, Any]:
    inner = step("leaf", type="NOOP")
    for level in range(depth):
        inner = step(
            f"s{level}",
            type="SWITCH",
            evaluatorType="value-param",
            expression="x",
            inputParameters={"x": "a"},
            decisionCases={"a": [inner]},
        )
    return inner


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (
            workflow(step("a", inputParameters={"x": "${nobody.output.y}"})),
            ["Step 'a'", "inputParameters.x", "'nobody'", "no such step", "name a step"],
        ),
        (
            workflow(step("a"), outputParameters={"x": "${nobody.output}"}),
            ["output", "outputParameters.x", "'nobody'", "name a step"],
        ),
        (
            workflow(step("a", inputParameters={"x": "${b.output.y}"}), step("b")),
            ["Step 'a'", "'b', which runs later", "behind it"],
        ),
        (
            workflow(step("a", inputParameters={"x": "${b.output"}), step("b")),
            ["Step 'a'", "inputParameters.x", "never closed", "Close it"],
        ),
        (
            workflow(step("a", inputParameters={"x": "${= 1 +}"})),
            ["Step 'a'", "inputParameters.x", "invalid syntax"],
        ),
        (workflow(sub("w")), ["'start_w'", "itself", "no execution could end", "SWITCH"]),
        (
            workflow(step("f", **FORK), step("j", type="JOIN", joinOn=["a", "c"]), step("c")),
            ["Step 'j'", "'c'", "in no branch"],
        ),
        (
            workflow(step("j", type="JOIN", joinOn=["a"]), step("a")),
            ["Step 'j'", "never opens", "FORK_JOIN"],
        ),
        (workflow(step("f", **FORK), step("c")), ["Step 'f'", "needs a JOIN"]),
        (workflow(step("a"), step("a")), ["Step 'a'", "2 steps"]),
        (workflow(), ["no steps", "at least one"]),
        (workflow(nested(51)), ["more than 50 deep", "workflows of their own"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
async def test_a_bad_definition_is_refused_whole(
    engine: Engine, definition: dict[str, Any], words: list[str]
):
    good = workflow(step("n", type="NOOP"), name="good")
    with pytest.raises(DefinitionError) as refusal:
        await engine.register([read(good), read(definition)])
    says(refusal.value, "'w'", *words)
    assert refusal.value.findings
    assert await Reader(engine.store).workflows() == [], "all or nothing"


async def test_workflows_that_start_each_other_for_ever_end(engine: Engine):
    there, back = workflow(sub("b"), name="a"), workflow(sub("a"), name="b")
    await engine.register([read(workflow(step("n", type="NOOP"), name="a"))])
    await engine.register([read(back)])
    header = await run(engine, {}, there)
    assert header.status == "FAILED"
    assert "nested deeper than 50" in header.reason


async def test_a_definition_nested_without_end_is_refused_before_it_is_read(engine: Engine):
    transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        for depth in (100, 1000, 100_000):
            switch = b'{"name":"s","type":"SWITCH","decisionCases":{"a":['
            body = switch * depth + b"]}}" * depth
            whole = b'{"name":"w","version":1,"tasks":[' + body + b"]}"
            response = await client.post("/v1/workflows", content=whole)
            assert response.status_code in {400, 413, 422}, response.text
            problem = response.json()
            assert "deep" in problem["detail"] or "larger than" in problem["detail"], problem
            assert problem["remedy"]
        assert (await client.get("/v1/workflows")).json()["workflows"] == []
