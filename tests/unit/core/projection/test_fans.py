"""For-each among dancers: what each item begins with, and what comes of all, whoever sends what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.message import COUNT, TOKEN
from pavane.core.projection.reading import read_choreography, read_source
from pavane.core.projection.reading.hops import danced_hops
from pavane.core.projection.rows import ABORTED, CLOSED
from pavane.errors import DefinitionError
from tests.unit.core.build import fan, fork, loop, of_type, once, scope, switch, workflow
from tests.unit.core.projection.playing import Played, play
from tests.unit.core.projection.test_data import heard, owned

SEEDS = range(12)
ITEMS = "${workflow.input.items}"
LIST = "${= [all.output.get(item, {}).get('n') for item in each.input.forkedTasks] }"


def each(
    ref: str = "each", items: object = ITEMS, service: str = "post", **fields: Any
) -> list[Step]:
    """A for-each of the task `t`, and its join `all` (`all_<ref>` of any other name)."""
    fields = {"task_definition": once(), **fields}
    forked, join = fan(ref, items, service=service, **fields)
    name = "all" if ref == "each" else f"all_{ref}"
    return [forked, of_type("JOIN", name, service=join.service)]


def read(*steps: Step | list[Step], **fields: Any) -> Choreography:
    return read_choreography(workflow(*steps, **fields), fields.pop("tasks", {}))


def output(played: Any) -> Any:
    assert played.status == CLOSED
    return json.loads(played.output)


def begun(played: Played) -> dict[str, Any]:
    return {name: given for name, given in played.inputs.items() if name.startswith("each:item[")}


@pytest.mark.parametrize("seed", SEEDS)
def test_each_item_has_its_own_and_the_list_is_in_their_order(seed: int):
    score = read(
        owned("a", "store"),
        each(items="${a.output.parcels}"),
        owned("b", "bank", all=LIST),
        output_parameters={"all": "${all.output}"},
    )
    parcels = [{"id": 1}, 2, {"id": 3}]
    results = {"a": {"parcels": parcels, "secret": "S"}}
    results |= {f"each:item[{i}]": {"n": 10 * i} for i in (1, 3)}
    played = play(score, {}, results, seed=seed)
    first, second, third = (f"each:item[{i}]" for i in (1, 2, 3))
    assert begun(played) == {
        first: {"id": 1, "__index": 0},
        second: {"input": 2, "__index": 1},
        third: {"id": 3, "__index": 2},
    }
    assert played.inputs["b"] == {"all": [10, None, 30]}
    assert output(played) == {"all": {"_t_0": {"n": 10}, "_t_2": {"n": 30}}}
    assert sorted(played.calls) == sorted(["a", first, second, third, "b"])


@pytest.mark.parametrize("seed", SEEDS)
def test_no_items_go_on_at_once(seed: int):
    score = read(each(), owned("b", "bank", all=LIST), output_parameters={"b": "${b.output.n}"})
    played = play(score, {"items": []}, {"b": {"n": 7}}, seed=seed)
    assert played.calls == ["b"]
    assert played.inputs["b"] == {"all": []}
    assert output(played) == {"b": 7}


def test_the_number_is_announced_and_every_message_has_a_coordinate():
    score = read(owned("a", "store"), each(), owned("b", "bank"))
    assert danced_hops(score) == 3
    played = play(score, {"items": [1, 2]})
    tokens = [each for each in played.sent if each.kind == TOKEN]
    [count] = {each for each in tokens if each.outcome == COUNT}
    assert (count.node, count.at, count.count, count.sender, count.to) == (
        "all",
        (),
        2,
        "store",
        "bank",
    )
    items = {(each.at, each.to) for each in tokens if each.node == "each:item"}
    assert items == {((1,), "post"), ((2,), "post")}
    joined = {(each.source_at, each.at, each.to) for each in tokens if each.source == "each:item"}
    assert joined == {((1,), (), "bank"), ((2,), (), "bank")}
    node = score.nodes["each:item"]
    assert (node.task, node.role, node.scope) == ("t", "post", "")


def test_who_does_an_item_sees_that_item_alone_and_nobody_hears_what_nobody_reads():
    score = read(owned("a", "store"), each(), owned("b", "bank"))
    results = {"each:item[1]": {"n": "RESULT-1"}, "each:item[2]": {"n": "RESULT-2"}}
    played = play(score, {"items": ["ITEM-1", "ITEM-2"], "other": "SECRET"}, results)
    brought = {m.at: m.values for m in played.sent if m.to == "post" and m.node == "each:item"}
    assert b"ITEM-1" in brought[1,][0][2]
    assert b"ITEM-2" not in brought[1,][0][2]
    assert "SECRET" not in heard(played, "post")
    assert "ITEM" not in heard(played, "bank")
    assert "RESULT" not in heard(played, "bank")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_item_that_fails_takes_all_back_and_each_undo_knows_its_own(seed: int):
    undo = Undo(
        name="un-t",
        task_definition=once(),
        input_parameters={"id": "${each.input.id}", "n": "${each.output.n}", "a": "${a.output.n}"},
    )
    score = read(owned("a", "store", undo=True), each(undo=undo), owned("b", "bank"))
    results = {"a": {"n": 5}, "each:item[1]": {"n": 10}, "each:item[3]": {"n": 30}}
    given = {"items": [{"id": "x"}, {"id": "y"}, {"id": "z"}]}
    played = play(score, given, results, fails={"each:item[2]"}, seed=seed)
    assert played.status == ABORTED
    undone = {call: played.inputs[call] for call in played.calls if call.startswith("undo:each")}
    wanted = {
        "undo:each:item[1]": {"id": "x", "n": 10, "a": 5},
        "undo:each:item[3]": {"id": "z", "n": 30, "a": 5},
    }
    assert undone.items() <= wanted.items()
    assert played.calls[-1] == "undo:a"
    acted = {call for call in played.calls if call in ("each:item[1]", "each:item[3]")}
    assert {f"undo:{call}" for call in acted} == set(undone)


@pytest.mark.parametrize("seed", SEEDS)
def test_items_wait_for_what_their_undo_reads(seed: int):
    undo = Undo(name="un-t", task_definition=once(), input_parameters={"a": "${a.output.n}"})
    score = read(owned("a", "store", undo=True), owned("c", "bank"), each(undo=undo))
    assert score.nodes["a"].tells == {"post": ("a:out",)}
    played = play(score, {"items": [1, 2]}, {"a": {"n": 5}}, fails={"each:item[2]"}, seed=seed)
    assert played.status == ABORTED
    for call in played.calls:
        if call.startswith("undo:each"):
            assert played.inputs[call] == {"a": 5}


@pytest.mark.parametrize("seed", SEEDS)
def test_in_a_loop_each_iteration_has_items_of_its_own(seed: int):
    score = read(
        loop(
            "l",
            each(items="${l.output.loopItem}"),
            owned("b", "bank", all="${all.output}", names="${each.input.forkedTasks}"),
            items=ITEMS,
        ),
        output_parameters={"last": "${all.output}", "names": "${each.input.forkedTasks}"},
    )
    results = {f"each:item[{i}.{k}]": {"n": 10 * i + k} for i in (1, 2) for k in (1, 2)}
    played = play(score, {"items": [[7, 8], [9], []]}, results, seed=seed)
    assert played.inputs["each:item[2.1]"] == {"input": 9, "__index": 0}
    assert [played.inputs[f"b[{i}]"]["names"] for i in (1, 2, 3)] == [
        ["_t_0__1", "_t_1__1"],
        ["_t_0__2"],
        [],
    ]
    assert played.inputs["b[1]"]["all"] == {"_t_0__1": {"n": 11}, "_t_1__1": {"n": 12}}
    assert played.inputs["b[2]"]["all"] == {"_t_0__2": {"n": 21}}
    assert output(played) == {"last": {}, "names": []}


@pytest.mark.parametrize("seed", SEEDS)
def test_behind_a_choice_and_in_a_branch_and_in_a_scope(seed: int):
    score = read(
        switch("s", "${workflow.input.way}", yes=each()),
        fork("f", each("more", [1, 2], "store"), owned("c", "bank")),
        scope("in", each("inner", "${workflow.input.list}"), inputs={"list": [1]}),
        owned("d", "desk", a="${all.output}", b="${all_more.output}", c="${in.output}"),
    )
    results = {name: {"n": 1} for name in ("each:item", "more:item", "in/inner:item")}
    played = play(score, {"way": "yes", "items": [1]}, results, seed=seed)
    assert played.inputs["d"] == {
        "a": {"_t_0": {"n": 1}},
        "b": {"_more_t_0": {"n": 1}, "_more_t_1": {"n": 1}},
        "c": {"_t_0": {"n": 1}},
    }
    played = play(score, {"way": "no", "items": [1]}, results, seed=seed)
    assert played.inputs["d"]["a"] is None
    assert "each:item[1]" not in played.calls


def test_the_defaults_of_the_task_are_worked_out_at_the_fork():
    template = {"size": "${a.output.size}", "n": 1}
    task = TaskDefinition(
        name="t", retry_count=0, response_timeout_seconds=0, input_template=template
    )
    score = read(owned("a", "store"), owned("b", "bank"), each(task_definition=task))
    assert score.nodes["a"].brings["b"] == (":input", "a:out")  # bank has the fork, too
    played = play(score, {"items": [{"n": None}, {"size": 3}]}, {"a": {"size": 9}})
    assert begun(played) == {
        "each:item[1]": {"size": 9, "n": 1, "__index": 0},
        "each:item[2]": {"size": 3, "n": 1, "__index": 1},
    }


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        ("no list", 'its forkTaskInputs are "no list", no list'),
        ([1] * 1001, "it is to have 1,001 branches; without a conductor 1,000 are most"),
    ],
)
def test_what_is_no_list_fails_in_words(items: object, wrong: str):
    score = read(owned("a", "store", undo=True), each())
    played = play(score, {"items": items})
    assert played.status == ABORTED
    assert played.calls == ["a", "undo:a"]
    assert wrong in played.reason


def test_a_branch_cannot_bear_the_name_of_a_step():
    score = read(each(), owned("_t_1", "bank"))
    assert play(score, {"items": [1]}).status == CLOSED
    played = play(score, {"items": [1, 2]})
    assert played.status == ABORTED
    assert "its branch '_t_1' bears the name of a step" in played.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": {"forkTaskWorkflow": "other"}},
        {"inputs": {"forkTaskType": "HTTP"}},
        {"inputs": {"forkTaskName": "${workflow.input.task}"}},
    ],
)
def test_other_forms_are_refused(fields: dict[str, Any]):
    with pytest.raises(DefinitionError, match="a FORK_JOIN_DYNAMIC has one task for all"):
        read(each(**fields))


def test_what_is_kept_of_it_has_the_task_of_its_items():
    undo, done = Undo(name="un-t"), TaskDefinition(name="t", service="post", read_only=True)
    tasks = {"t": done, "un-t": TaskDefinition(name="un-t", retry_count=7), "other": done}
    definition = workflow(owned("a", "store"), fan("each", ITEMS, undo=undo))
    score = read_choreography(definition, tasks)
    assert score.source is not None
    assert sorted(score.source.tasks) == ["t", "un-t"]
    again = read_source(score.source)
    assert (again.hash, again.nodes["each:item"].role) == (score.hash, "post")
    moved = {**tasks, "t": TaskDefinition(name="t", service="bank", read_only=True)}
    assert read_choreography(definition, moved).hash != score.hash
