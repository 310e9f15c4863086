"""Corners of the language: what is read when, what is bounded, what a workflow tells of itself."""

from __future__ import annotations

import msgspec
import pytest

from pavane.core.model.workflow import Step
from pavane.errors import DefinitionError, LanguageError
from pavane.language.report import format_findings
from pavane.sdk.service import Service
from pavane.sdk.workflow import WorkflowFunction, gather, scope, sleep, until, workflow
from tests.unit.language import programs
from tests.unit.language.shop import (
    Order,
    Payment,
    charge_card,
    note_down,
    refund,
    release_stock,
    reserve_stock,
    score,
    send_invoice,
    ship,
)

FLAG = True
LIMIT = 1


def inputs(flow: WorkflowFunction[..., object]) -> list[dict[str, object]]:
    return [step.input_parameters for step in flow.definition.tasks]


def test_a_default_of_a_branch_is_read_where_it_is_defined() -> None:
    @workflow
    async def flow(order: Order) -> None:
        text = "early"

        async def tell(what: str = text) -> None:
            await note_down(what)

        text = "late"
        await tell()
        await note_down(text)

    assert inputs(flow) == [{"text": "early"}, {"text": "late"}]


def test_a_branch_reads_outer_variables_when_it_is_called() -> None:
    @workflow
    async def flow(order: Order) -> None:
        text = "early"

        async def tell() -> None:
            await note_down(text)

        await tell()
        text = "late"
        await tell()

    assert inputs(flow) == [{"text": "early"}, {"text": "late"}]


def test_a_scope_of_pure_data_still_gives_it_out() -> None:
    @workflow
    async def flow(order: Order) -> str:
        async with scope("data"):
            name = order.id + "!"
        return name

    step = flow.definition.tasks[0]
    assert step.sub_workflow_param is not None
    inner = step.sub_workflow_param.workflow_definition
    assert inner is not None
    assert [each.type for each in inner.tasks] == ["NOOP"]
    assert flow.definition.output_parameters == {"result": "${data.output.id_plus}"}


def test_a_workflow_of_pure_data_has_a_step_that_does_nothing() -> None:
    @workflow
    async def flow(order: Order) -> str:
        return order.id

    assert [each.type for each in flow.definition.tasks] == ["NOOP"]


def test_a_constant_test_leaves_no_switch() -> None:
    @workflow
    async def flow(order: Order) -> None:
        if FLAG and not LIMIT > 2:
            await note_down("on")
        else:
            await note_down("off")

    assert inputs(flow) == [{"text": "on"}]


def test_values_that_double_with_every_line_are_refused_at_once() -> None:
    @workflow
    async def flow(order: Order) -> str:
        a = order.id + order.id
        b = a + a
        c = b + b + b + b
        d = c + c + c + c + c + c + c + c
        e = d + d + d + d + d + d + d + d
        f = e + e + e + e + e + e + e + e
        g = f + f + f + f + f + f + f + f
        return g

    with pytest.raises(LanguageError, match="too long an expression"):
        _ = flow.definition


def test_source_that_cannot_be_found_is_refused_with_that_reason() -> None:
    names: dict[str, object] = {"workflow": workflow, "note_down": note_down}
    code = "@workflow\nasync def flow(text: str) -> None:\n    await note_down(text)\n"
    exec(compile(code, "<made up>", "exec"), names)
    flow = names["flow"]
    assert isinstance(flow, WorkflowFunction)
    with pytest.raises(LanguageError, match="source of flow cannot be found") as caught:
        _ = flow.definition
    assert "put it in a file" in str(caught.value) or "put it in one" in str(caught.value)


def test_only_async_functions_can_be_workflows() -> None:
    def plain(order: Order) -> None: ...

    with pytest.raises(DefinitionError, match="not an `async def`"):
        workflow(plain)  # type: ignore[arg-type]  # that is the point


def test_versions_start_at_one() -> None:
    async def flow(order: Order) -> None: ...

    with pytest.raises(DefinitionError, match="version 0"):
        workflow(version=0)(flow)


def test_a_workflow_knows_the_tasks_it_uses_with_undo_and_sub_workflows() -> None:
    assert programs.fulfil_order.calls == (
        reserve_stock,
        release_stock,
        charge_card,
        refund,
        ship,
        send_invoice,
    )
    assert [each.name for each in programs.calls_others.workflows] == [
        "price of it",
        "whole_results",
        "nothing_back",
    ]
    names = [task.name for task in programs.calls_others.calls]
    assert names == ["rates", "reserve_stock", "release_stock", "note_down"]
    assert programs.calls_others.workflows[0] is programs.priced
    assert programs.countdown.workflows == (programs.countdown,)
    assert [task.name for task in programs.countdown.calls] == ["note_down"]


def test_options_stand_on_the_step() -> None:
    hold, charged, scored = programs.options.definition.tasks
    assert (hold.ref, hold.retry_count) == ("hold", 7)
    assert hold.task_definition is not None
    assert hold.task_definition.timeout_seconds == 90
    assert charged.pivot
    assert charged.undo is not None
    assert charged.undo.name == "refund"
    assert (scored.optional, scored.start_delay) == (True, 5)


def test_an_undo_gets_inputs_by_name_and_then_the_result() -> None:
    first, second = programs.fulfil_order.definition.tasks[:2]
    assert first.undo is not None
    assert first.undo.input_parameters == {
        "order": "${reserve_stock.input.order}",
        "reserved": "${reserve_stock.output}",
    }
    assert second.undo is not None
    assert second.undo.input_parameters == {
        "amount": "${charge_card.input.amount}",
        "paid": "${charge_card.output}",
    }


def test_waits() -> None:
    @workflow
    async def flow(order: Order, seconds: int, length: float, text: str) -> None:
        await sleep("1d2h")
        await sleep(seconds)
        await sleep(length)
        await sleep(text)
        await until(order.placed)
        await until("2030-01-31 09:00")

    assert inputs(flow) == [
        {"duration": "1 day 2 hours"},
        {"duration": "${workflow.input.seconds} seconds"},
        {"duration": "${= f'{workflow.input.length} seconds' }"},
        {"duration": "${workflow.input.text}"},
        {"until": "${= workflow.input.order.get('placed', '2024-05-01T10:00:00') }"},
        {"until": "2030-01-31 09:00"},
    ]


def test_a_name_that_an_author_gave_is_kept_from_other_steps() -> None:
    @workflow
    async def flow(order: Order) -> None:
        await score(order)
        await note_down.with_options(ref="score_2")("x")
        await score(order)
        await score(order)

    assert [step.ref for step in flow.definition.tasks] == [
        "score",
        "score_2",
        "score_3",
        "score_4",
    ]


def test_what_a_definition_needs_is_noted() -> None:
    notes = programs.scopes.definition.metadata["pavane"]
    assert notes["uses"] == ["computed", "pivot", "scope", "undo"]
    assert programs.styled.definition.metadata["pavane"]["uses"] == ["scope", "style"]
    assert notes["portable"] == "pavane"
    assert programs.nothing_back.definition.metadata["pavane"]["portable"] == "conductor"
    assert programs.priced.definition.metadata["pavane"]["portable"] == "rewritten"


def test_parameters_have_their_defaults_in_the_template() -> None:
    definition = programs.straight.definition
    assert definition.input_parameters == ["order", "note", "limit"]
    assert definition.input_template == {"note": "none", "limit": 3}


def test_the_docstring_is_the_description_and_steps_know_their_line() -> None:
    definition = programs.fulfil_order.definition
    assert definition.description == "Reserve, charge, then ship and invoice side by side."
    first = programs.fulfil_order.function.__code__.co_firstlineno
    assert definition.tasks[0].metadata["pavane"]["at"] == f"programs.py:{first + 3}"


def test_a_join_names_the_last_step_of_each_branch() -> None:
    joins: list[Step] = [step for step in programs.branches.definition.tasks if step.type == "JOIN"]
    assert joins[0].join_on == ["join_end", "join_2", "join_end_2"]


def test_gather_without_steps_needs_no_fork() -> None:
    @workflow
    async def flow(order: Order) -> str:
        async def name() -> str:
            return order.id

        a, b = await gather(name(), name())
        await note_down(a)
        return b

    assert [step.type for step in flow.definition.tasks] == ["SIMPLE"]


def test_findings_of_several_errors_are_counted() -> None:
    @workflow
    async def flow(order: Order) -> None:
        charge_card(order, order.lines[0].price)  # pyright: ignore[reportUnusedCoroutine]  # that is the point
        await note_down(order.idd)  # type: ignore[attr-defined]  # that is the point

    with pytest.raises(LanguageError) as caught:
        _ = flow.definition
    text = format_findings([caught.value])
    assert text.endswith("2 findings.")
    assert "did you mean 'id'?" in text
    assert format_findings([]) == "No findings."


def test_a_constructed_result_is_read_without_a_step() -> None:
    @workflow
    async def flow(order: Order) -> str:
        made = Payment(id=order.id, status="new")
        pair = (made, [1, 2])
        await note_down(made.status, pair[1][0])
        return f"{pair[0].id}"

    assert inputs(flow) == [{"text": "new", "number": 1}]
    assert flow.definition.output_parameters == {"result": "${workflow.input.order.id}"}
    assert msgspec.to_builtins(flow.definition)["name"] == "flow"


def test_a_task_that_cannot_be_read_is_a_finding_at_its_call() -> None:
    broken = Service("broken")

    @broken.task
    async def bad(order: Order, more: Nowhere) -> None: ...  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # that is the point

    @workflow
    async def flow(order: Order) -> None:
        await bad(order, 1)

    with pytest.raises(LanguageError, match="names 'Nowhere', which is not defined there"):
        _ = flow.definition


def test_values_of_two_types_that_look_alike_are_not_computed_with() -> None:
    @workflow
    async def flow(order: Order) -> None:
        fee = 0
        if order.gift:
            fee = order.lines[0].price
        await note_down(f"{fee}")
        if fee > 1:
            await note_down("much")

    with pytest.raises(LanguageError, match="look alike as JSON"):
        _ = flow.definition


def test_a_scope_captures_what_an_expression_uses_twice_once() -> None:
    @workflow
    async def flow(order: Order) -> None:
        most = max(line.qty for line in order.lines)
        twice = most + most
        async with scope("inner"):
            await note_down(f"{twice}")

    step = flow.definition.tasks[0]
    assert step.input_parameters == {"lines": "${workflow.input.order.lines}"}


def test_what_is_left_behind_all_classes_is_none() -> None:
    @workflow
    async def flow(number: int | None) -> None:
        match number:
            case int():
                text = "some"
            case None:
                text = "none"
        await note_down(text)

    [choice, _] = flow.definition.tasks
    assert (list(choice.decision_cases), len(choice.default_case)) == (["true"], 1)
