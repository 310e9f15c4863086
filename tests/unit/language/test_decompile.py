"""Definitions go back to Python, and come out of it again with the same content."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import RateLimit, Step, Workflow, content_hash
from pavane.errors import DefinitionError, UsageError
from pavane.language.back.module import END, Module, module_of
from pavane.language.back.wishes import Wishes
from pavane.sdk import faithful
from pavane.sdk.decompiled import TRIES_MAX, compiled, decompile, tried
from tests.unit.language.test_golden import PROGRAMS, UPDATE
from tests.unit.language.test_random import load

TEXTS = Path(__file__).with_name("decompiled")
RANDOM = int(os.environ.get("PAVANE_RANDOM_PROGRAMS", "25"))


def again(text: str, name: str) -> Workflow:
    return compiled(Module(text, name, {}))


def function_of(text: str) -> str:
    return text.rsplit("\nasync def ", 1)[-1].partition("(")[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_was_compiled_comes_out_of_its_python_again(name: str) -> None:
    wanted = PROGRAMS[name].definition
    found = tried(wanted)
    assert content_hash(again(found.text, function_of(found.text))) == content_hash(wanted)
    assert found.tries <= TRIES_MAX
    assert is_natural(found.text) or name in WRITTEN_OUT


def is_natural(text: str) -> bool:
    """Whether nothing is written out."""
    return "pavane.sdk.faithful" not in text


# Programs of which something is written out. The list may only get shorter.
WRITTEN_OUT = {
    "asks_until",  # 259200.0 seconds, and not 3 days
    "first_of_kinds",  # a branch of a race that gives another value than its step
    "hears_or_asks",  # which branch has won, and something else, in one condition
    "fans_in_places",  # the list of a gather that a scope passes on to one inside
    "odd_names",  # keys that are no identifiers
    "on_classes",  # a union of classes with tags
}


def test_a_program_is_compiled_once_or_twice() -> None:
    tries = [tried(each.definition).tries for each in PROGRAMS.values()]
    assert sum(tries) <= 1.5 * len(PROGRAMS)


def task(ref: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "SIMPLE", **fields}


def of_type(kind: str, ref: str, given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**task(ref, inputParameters=given, **fields), "type": kind}


BY_HAND: dict[str, dict[str, Any]] = {
    "names": {
        "name": "first-sample workflow",
        "version": 3,
        "ownerEmail": "a@example.com",
        "schemaVersion": 2,
        "timeoutPolicy": "TIME_OUT_WF",
        "timeoutSeconds": 60,
        "failureWorkflow": "cleanup",
        "inputParameters": ["case-id", "def", "amount"],
        "inputTemplate": {"amount": 3},
        "tasks": [
            task("get-population", inputParameters={"q": "${workflow.input.case-id}"}),
            task("sum", inputParameters={"a b": "${get-population.output.data[0]}"}),
            of_type("WAIT", "wait_a_bit", {"duration": "2 days"}),
        ],
        "outputParameters": {"data": "${get-population.output.data}", "class": "$${x}"},
    },
    "http_and_programs": {
        "name": "calls",
        "tasks": [
            of_type(
                "HTTP",
                "call",
                {"http_request": {"uri": "https://api.example.com/${workflow.input.id}"}},
                optional=True,
                asyncComplete=True,
                retryCount=2,
            ),
            of_type("JSON_JQ_TRANSFORM", "shape", {"queryExpression": '.a | {"b": .c}', "a": 1}),
            of_type(
                "INLINE",
                "work_out",
                {"evaluatorType": "graaljs", "expression": "(function(){return $.a;})()", "a": 2},
            ),
            of_type("EVENT", "tell", {"x": "${work_out.output.result}"}, sink="conductor:done"),
        ],
    },
    "choices": {
        "name": "choices",
        "inputParameters": ["kind"],
        "tasks": [
            of_type(
                "DECISION",
                "old",
                {"case": "${workflow.input.kind}"},
                caseValueParam="case",
                decisionCases={"a b": [task("one")], "": [task("two")]},
            ),
            of_type(
                "SWITCH",
                "new",
                {"k": "${workflow.input.kind}"},
                evaluatorType="javascript",
                expression="$.k == 'x' ? 'y' : 'n'",
                decisionCases={"y": [of_type("TERMINATE", "end", {"terminationStatus": "FAILED"})]},
                defaultCase=[task("three")],
            ),
        ],
    },
    "loops_and_forks": {
        "name": "loops_and_forks",
        "tasks": [
            of_type(
                "FORK_JOIN",
                "both",
                {},
                forkTasks=[[task("left"), task("left_2")], [task("right")], []],
            ),
            of_type("JOIN", "met", {}, joinOn=["left_2"]),
            of_type("FORK_JOIN_DYNAMIC", "many", {"tasks": "${left.output.tasks}"}),
            of_type("JOIN", "all_met", {}),
            of_type(
                "DO_WHILE",
                "until",
                {"n": "${workflow.input.n}"},
                loopCondition="if ($.until['iteration'] < $.n) { true; } else { false; }",
                loopOver=[task("inside", inputParameters={"at": "${until.output.iteration}"})],
            ),
            of_type(
                "SUB_WORKFLOW",
                "other",
                {"x": None},
                subWorkflowParam={
                    "name": "inner",
                    "workflowDefinition": {"name": "inner", "tasks": [task("deep")]},
                },
            ),
        ],
    },
    "owned": {
        "name": "owned",
        "description": 'Quotes: """ and \\ and \'.',
        "inputParameters": ["order"],
        "style": "choreographed",
        "home": "store",
        "tasks": [
            task(
                "reserve",
                service="store",
                inputParameters={"order": "${workflow.input.order}", "n": 1.5},
                undo={
                    "name": "release",
                    "service": "store",
                    "inputParameters": {"kept": "${reserve.output}"},
                },
            ),
            task("pay", service="bank", inputParameters={"sum": "${= reserve.output.total * 2 }"}),
            of_type("NOOP", "nothing", {}),
        ],
        "outputParameters": {"paid": "${pay.output.id}"},
    },
}


def normal(definition: dict[str, Any]) -> dict[str, Any]:
    """As it is written with all defaults left out."""
    workflow = msgspec.convert(definition, Workflow)
    text = msgspec.json.encode(workflow).replace(b',"type":"SIMPLE"', b"")
    return msgspec.json.decode(text)


def without_notes(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = {"metadata", "description", "ownerEmail"}
        return {key: without_notes(item) for key, item in value.items() if key not in dropped}
    return [without_notes(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", BY_HAND)
def test_definitions_by_hand_come_out_as_they_were(name: str) -> None:
    text = decompile(msgspec.convert(BY_HAND[name], Workflow))
    made = again(text, function_of(text))
    assert normal(without_notes(msgspec.to_builtins(made))) == normal(without_notes(BY_HAND[name]))


SHOWN = {
    **{name: msgspec.convert(each, Workflow) for name, each in BY_HAND.items()},
    **{name: PROGRAMS[name].definition for name in ("fulfil_order", "on_text", "until_paid")},
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_text_is_the_golden_one(name: str) -> None:
    text = decompile(SHOWN[name])
    file = TEXTS / f"{name}.txt"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_random_programs_go_back_and_forth(tmp_path: Path) -> None:
    strict = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}  # the same dice each time
    base = int(os.environ.get("PAVANE_SEED", 1 if strict else random.randrange(1_000_000_000)))
    print(f"PAVANE_SEED={base}")
    met: Counter[str] = Counter()
    for seed in range(base, base + RANDOM):
        flow, _ = load(seed, tmp_path)
        wanted = flow.definition
        found = tried(wanted)
        made = again(found.text, function_of(found.text))
        assert content_hash(made) == content_hash(wanted), f"PAVANE_SEED={seed}"
        assert decompile(made) == found.text, f"PAVANE_SEED={seed}"
        assert content_hash(written_out(wanted)) == content_hash(wanted), f"PAVANE_SEED={seed}"
        met["natural"] += is_natural(found.text)
        met["tries"] += found.tries
        met["steps"] += sum(1 for _ in all_steps(wanted.tasks))
        words = ("step(", "decision(", "loop(", "definition(")
        met["written out"] += sum(found.text.count(each) for each in words)
        met.update({each: found.text.count(each) for each in LEAST if each != "natural"})
    print(dict(met))
    if RANDOM >= 25:
        assert not {key: met[key] for key, least in LEAST.items() if met[key] < least * RANDOM}
        assert met["tries"] <= 3 * RANDOM
        assert met["written out"] * 5 < met["steps"] * 2


# What each program must have met on average. Of 300 programs, 220 came out natural.
LEAST = {
    "natural": 0.4,
    **dict.fromkeys(("match ", "for ", "while ", "try:", "except ", "async def branch"), 0.2),
    "race(": 0.2,
    "if ": 2,
    "gather(": 0.5,
    "async with scope(": 0.1,
}


@pytest.mark.parametrize(
    ("limit", "options"),
    [
        (RateLimit("", 5), "max_running=5"),
        (RateLimit("${workflow.input.a.b}", 1), "max_running=1, per='a.b'"),
        (RateLimit("${workflow.input.a}", 1, "REJECT"), "per='a', when_full=\"reject\""),
        (RateLimit("${workflow.input.b}", 1), "rateLimitConfig={'rateLimitKey'"),
        (RateLimit("${workflow.input.a.b-c}", 1), "rateLimitConfig={'rateLimitKey'"),
        (RateLimit("${workflow.correlationId}", 1), "rateLimitConfig={'rateLimitKey'"),
        (RateLimit("nightly", 1), "rateLimitConfig={'rateLimitKey': 'nightly'"),
    ],
)
def test_limits_go_back_and_forth(limit: RateLimit, options: str) -> None:
    step = msgspec.convert(task("t", service="s"), Step)
    wanted = Workflow(name="w", tasks=[step], input_parameters=["a"], rate_limit_config=limit)
    text = decompile(wanted)
    assert options in text
    assert again(text, "w").rate_limit_config == limit


def test_a_definition_with_one_name_twice_has_no_python() -> None:
    twice = Workflow(name="w", tasks=[*msgspec.convert(BY_HAND["owned"], Workflow).tasks] * 2)
    with pytest.raises(
        DefinitionError, match=r"(?s)'w' cannot be written as Python.*used by two steps"
    ):
        decompile(twice)


def written_out(workflow: Workflow) -> Workflow:
    """What comes of a workflow that is written with no natural form at all: the last resort."""
    wishes = Wishes(workflow)
    return compiled(module_of(wishes, {END, *(step.ref for step in wishes.steps)}))


def test_everything_written_out_is_the_same_program() -> None:
    for name, program in PROGRAMS.items():
        wanted = program.definition
        assert content_hash(written_out(wanted)) == content_hash(wanted), name


def test_no_text_of_a_definition_becomes_code() -> None:
    nasty = 'x\'"""\n    import os\n'
    tasks = [
        task(nasty, service=nasty, inputParameters={nasty: nasty}),
        task("a", service="s", inputParameters={"b": "${= __import__('os') }", "c": "${a.b\nc}"}),
    ]
    wanted = msgspec.convert(
        {"name": nasty, "description": nasty, "inputParameters": [nasty], "tasks": tasks}, Workflow
    )
    text = decompile(wanted)
    assert not [line for line in text.splitlines() if line.strip() == "import os"]


@pytest.mark.anyio
async def test_steps_that_are_written_out_have_no_meaning_as_plain_python() -> None:
    for call in (
        lambda: faithful.decision(ref="x"),
        lambda: faithful.loop(ref="x"),
        faithful.definition,
    ):
        with pytest.raises(UsageError, match="read, not run"):
            call()
    with pytest.raises(UsageError, match="read, not run"):
        await faithful.step("NOOP", ref="x")
    with pytest.raises(UsageError, match="read, not run"):
        await faithful.fork(ref="x")
    assert (faithful.js("a"), faithful.jq("b")) == ("a", "b")
