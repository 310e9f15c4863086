"""The JSON of each construct, as it stands in golden/; PAVANE_UPDATE_GOLDEN=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.core.expressions.template import compile_template
from pavane.core.model.workflow import Step, Workflow, content_hash
from pavane.sdk.workflow import WorkflowFunction
from tests.unit.language import (
    display_programs,
    event_programs,
    fan_programs,
    limit_programs,
    loop_programs,
    match_programs,
    people_programs,
    programs,
    race_programs,
    schedule_programs,
    try_programs,
)

GOLDEN = Path(__file__).with_name("golden")
UPDATE = os.environ.get("PAVANE_UPDATE_GOLDEN", "") not in {"", "0"}
PROGRAMS = {
    each.function.__name__: each
    for module in (
        programs,
        display_programs,
        event_programs,
        fan_programs,
        limit_programs,
        loop_programs,
        match_programs,
        people_programs,
        race_programs,
        schedule_programs,
        try_programs,
    )
    for each in vars(module).values()
    if isinstance(each, WorkflowFunction)
}


def without_places(value: Any) -> Any:
    """Without the lines of the source, which move with every edit of the programs."""
    if isinstance(value, dict):
        return {key: without_places(item) for key, item in value.items() if key != "at"}
    if isinstance(value, list):
        return [without_places(item) for item in value]
    return value


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_definition_is_the_golden_one(name: str) -> None:
    definition = without_places(msgspec.to_builtins(PROGRAMS[name].definition))
    text = msgspec.json.format(msgspec.json.encode(definition), indent=2).decode() + "\n"
    file = GOLDEN / f"{name}.json"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_every_golden_file_has_its_program() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_definition_survives_json(name: str) -> None:
    definition = PROGRAMS[name].definition
    again = msgspec.json.decode(msgspec.json.encode(definition), type=Workflow)
    assert again == definition
    assert content_hash(again) == content_hash(definition)


def steps_of(steps: list[Step]) -> list[Step]:
    """All steps of a definition, also those in branches, cases and scopes."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        for inner in step.inner:
            found += steps_of(inner)
        if step.sub_workflow_param and step.sub_workflow_param.workflow_definition:
            found += steps_of(step.sub_workflow_param.workflow_definition.tasks)
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_have_names_of_their_own_that_expressions_can_use(name: str) -> None:
    steps = steps_of(PROGRAMS[name].definition.tasks)
    refs = [step.ref for step in steps]
    assert len(refs) == len(set(refs))
    assert all(ref.isidentifier() and not ref.startswith("_") for ref in refs)
    for step in steps:
        compile_template(step.input_parameters)
        assert step.metadata["pavane"]["at"].partition(":")[0].endswith("programs.py")
