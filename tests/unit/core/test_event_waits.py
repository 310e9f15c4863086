"""Which event a WAIT waits for, and which input and key an event gives: pure."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.event_starts import start_of
from pavane.core.decide.event_waits import (
    heard_in,
    output_of,
    passes,
    queue_of_wait,
    queues_of_event,
)
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.event import CloudEvent
from pavane.core.model.fact import Heartbeat
from pavane.core.model.workflow import StartedBy
from pavane.errors import InputError
from tests.unit.core.build import of_type, scope, task, workflow
from tests.unit.core.world import World

PAID = "shop.payment.processed.v1"


def queue(**match: Any) -> str:
    return queue_of_wait({"event": PAID, "match": match})


# --- meeting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "data"),
    [
        ({"id": "lute"}, {"id": "lute", "more": 1}),
        ({"n": 1}, {"n": 1.0}),
        ({"n": 2.5}, {"n": 2.5}),
        ({"order.id": 7}, {"order": {"id": 7}}),
        ({"a": 1, "b": [1, {"c": 2.0}]}, {"b": [1.0, {"c": 2}], "a": 1}),
        ({"gone": None}, {}),
        ({"order.id": None}, {"order": 3}),
    ],
)
def test_an_event_with_equal_fields_finds_the_step(match: dict[str, Any], data: Any):
    heard = heard_in([workflow(of_type("WAIT", "w", {"event": PAID, "match": match}))])
    assert list(queues_of_event(PAID, data, heard)) == [queue(**match)]


@pytest.mark.parametrize("data", [{"id": "harp"}, {"id": 7}, {}, None, [], {"id": ["lute"]}])
def test_any_other_does_not(data: Any):
    heard = {PAID: {("id",): 1}}
    assert list(queues_of_event(PAID, data, heard)) != [queue(id="lute")]
    assert queues_of_event("shop.payment.failed.v1", {"id": "lute"}, heard) == {}


def test_steps_with_other_fields_have_queues_of_their_own():
    found = workflow(
        of_type("WAIT", "a", {"event": PAID, "match": {"id": 1}, "early": "2 min"}),
        scope("s", of_type("WAIT", "b", {"event": PAID, "match": {"id": 1}, "early": "5 min"})),
        of_type("WAIT", "c", {"event": PAID, "match": {"n": 1, "id": 1}}),
        of_type("WAIT", "d", {"duration": "1 s"}),
    )
    heard = heard_in([found])
    assert heard == {PAID: {("id",): 300_000, ("id", "n"): 3_600_000}}
    queues = queues_of_event(PAID, {"id": 1, "n": 1}, heard)
    assert queues == {queue(id=1): 300_000, queue(id=1, n=1): 3_600_000}


def test_a_wait_for_no_event_has_no_queue():
    assert queue_of_wait({"duration": "1 s"}) == ""
    assert queue_of_wait({"event": PAID, "match": "x"}) == ""


# --- filter and output ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filter", "outcome"),
    [
        ("", True),
        ("event.amount >= least", True),
        ("event.amount > 10 * least", False),
        ("event.missing == 1", False),
        ("event.get('missing') is None", True),
        ("least", True),
    ],
)
def test_filters(filter: str, outcome: bool):
    assert passes({"filter": filter, "least": 5}, {"amount": 7}) is outcome


def test_the_output_is_an_object():
    assert output_of({"a": 1}) == {"a": 1}
    assert output_of([1]) == {"result": [1]}


# --- findings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"match": {"id": 1}}, "no `event`"),
        ({"event": PAID}, "needs `match`"),
        ({"event": PAID, "match": {}}, "needs `match`"),
        ({"event": PAID, "match": "${workflow.input.m}"}, "needs `match`"),
        ({"event": "${workflow.input.e}", "match": {"id": 1}}, "computes its `event`"),
        ({"event": "paid", "match": {"id": 1}}, "version"),
        ({"event": PAID, "match": {"id": 1}, "until": "2030-01-01"}, "bound it with `duration`"),
        ({"event": PAID, "match": {"id": 1}, "early": "soon"}, "unreadable `early`"),
        ({"event": PAID, "match": {"id": 1}, "filter": "event.a >"}, "unreadable `filter`"),
        ({"event": PAID, "match": {"id": 1}, "filter": "evnt.a"}, "reads 'evnt'"),
        ({"event": PAID, "match": {"id": 1}, "filter": "${x}"}, "computes its `filter`"),
    ],
)
def test_what_is_wrong_with_a_wait(inputs: dict[str, Any], word: str):
    (text,) = STEP_TYPES["WAIT"].findings(of_type("WAIT", "w", inputs))
    assert word in text


def test_nothing_is_wrong():
    inputs = {"event": PAID, "match": {"id": "${workflow.input.id}"}, "filter": "event.a > a"}
    step = of_type("WAIT", "w", {**inputs, "a": 1, "duration": "2 days", "early": "5 min"})
    assert list(STEP_TYPES["WAIT"].findings(step)) == []


def test_a_step_of_an_engine_waits_in_its_queue():
    inputs = {"event": PAID, "match": {"id": "${workflow.input.id}"}, "duration": "1 min"}
    run = World().start(workflow(of_type("WAIT", "w", inputs), task("z")), id="lute")
    assert run.row("w").status == "IN_PROGRESS"
    assert run.world.executions[run.id].ready["w"].queue == queue(id="lute")
    assert not run.tell(Heartbeat("w", 0))  # nobody works at it
    assert run.world.executions[run.id].ready["w"].queue == queue(id="lute")
    run.world.pass_time(60)
    assert (run.row("w").output, run.open) == (b"{}", {"z"})


# --- starts ---------------------------------------------------------------------------------------


def start(started: StartedBy, data: bytes = b'{"n":1,"order":{"id":7}}', *names: str) -> Any:
    event = CloudEvent("e-1", "web", PAID, data=data, attributes={"correlationid": "c-1"})
    return start_of(workflow(task("a"), input_parameters=list(names), started_by=started), event)


@pytest.mark.parametrize(
    ("started", "names", "body", "key"),
    [
        (StartedBy(PAID), (), b'{"n":1,"order":{"id":7}}', "e-1"),
        (StartedBy(PAID), ("it",), b'{"it":{"n":1,"order":{"id":7}}}', "e-1"),
        (StartedBy(PAID), ("n", "order"), b'{"n":1,"order":{"id":7}}', "e-1"),
        (StartedBy(PAID, {"x": "${event.order.id}"}), ("x",), b'{"x":7}', "e-1"),
        (StartedBy(PAID, key="${event.order.id}"), (), b'{"n":1,"order":{"id":7}}', "7"),
        (StartedBy(PAID, {"x": "${= event.n + 1}"}, "k-${event.n}"), (), b'{"x":2}', "k-1"),
        (StartedBy(PAID, {"x": "${event.correlationid}"}), (), b'{"x":"c-1"}', "e-1"),
    ],
)
def test_what_an_event_starts_with(
    started: StartedBy, names: tuple[str, ...], body: bytes, key: str
):
    assert start(started, b'{"n":1,"order":{"id":7}}', *names) == (body, key)


@pytest.mark.parametrize(
    ("started", "data", "word"),
    [
        (StartedBy(PAID), b"[1]", "no object"),
        (StartedBy(PAID), b"{", "no JSON"),
        (StartedBy(PAID, key="${event.gone}"), b"{}", "no key"),
        (StartedBy(PAID, {"x": "${= event.n + 1}"}), b"{}", "cannot start"),
    ],
)
def test_what_cannot_start(started: StartedBy, data: bytes, word: str):
    with pytest.raises(InputError, match=word):
        start(started, data)
