"""The reference is true: diagrams are the tables, examples are valid definitions."""

import re
from types import ModuleType

import msgspec
import pytest

from pavane.core.check import check_workflow, read_workflow
from pavane.core.decide.plan import all_steps
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model import status
from pavane.core.model.workflow import Step
from tests.docs.drawn import step_types
from tests.docs.drawn.all_pages import ALL
from tests.docs.drawn.statuses import PAGE, drawn
from tests.docs.pages import blocks


def page_of(kind: str) -> str:
    return (step_types.PAGE.parent / step_types.page_of(kind)).read_text("utf-8")


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.PAGE.stem)
def test_what_is_drawn_from_the_code_is_up_to_date(part: ModuleType):
    page = part.PAGE.read_text("utf-8")
    assert page == part.drawn(page), "run: make fix"


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.PAGE.stem)
def test_a_page_that_lacks_something_is_filled_again(part: ModuleType):
    page = part.PAGE.read_text("utf-8")
    emptied = re.sub(r"(<!-- drawn: .*? -->\n).*?(<!-- end -->)", r"\1\2", page, flags=re.DOTALL)
    assert emptied != page
    assert part.drawn(emptied) == page


def test_a_change_of_the_tables_changes_the_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(status.TASK_CHANGES, "SKIPPED", frozenset({"COMPLETED"}))
    page = PAGE.read_text("utf-8")
    assert "SKIPPED --> COMPLETED" in drawn(page)
    assert "SKIPPED --> COMPLETED" not in page


@pytest.mark.parametrize("name", sorted({*status.EXECUTION_CHANGES, *status.TASK_CHANGES} - {""}))
def test_every_status_is_explained(name: str):
    assert f"`{name}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("kind", sorted(STEP_TYPES))
def test_the_example_of_a_step_type_is_a_valid_definition(kind: str):
    examples = [block for block in blocks(page_of(kind)) if block.language == "json"]
    assert examples
    for example in examples:
        definition = read_workflow(example.text.encode())
        assert check_workflow(definition) == []
        assert kind in {step.type for step in all_steps(definition.tasks)}


@pytest.mark.parametrize("kind", sorted(STEP_TYPES))
def test_an_example_has_no_field_that_nobody_reads(kind: str):
    """What msgspec would ignore silently is a slip of the pen."""

    def forgotten(given: object, read: object) -> list[str]:
        if isinstance(given, dict) and isinstance(read, dict):
            lost = [key for key in given if key not in read]
            return lost + [
                x for key in given if key in read for x in forgotten(given[key], read[key])
            ]
        if isinstance(given, list) and isinstance(read, list):
            return [
                x for one, other in zip(given, read, strict=True) for x in forgotten(one, other)
            ]
        return []

    for example in (block for block in blocks(page_of(kind)) if block.language == "json"):
        given = msgspec.json.decode(example.text)
        read = msgspec.to_builtins(read_workflow(example.text.encode()))
        lost = [key for key in forgotten(given, read) if key not in Step.__struct_encode_fields__]
        assert lost == []
