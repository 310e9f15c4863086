"""What clients make of answers, without any server: plans are driven by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pavane import errors
from pavane.errors import (
    ConnectionFailedError,
    DefinitionError,
    ExecutionFailedError,
    InputError,
    PavaneError,
    ResultTimeoutError,
)
from pavane.sdk import plans
from pavane.sdk.plans import Answer, Ask, Plan


def play(plan: Plan[Any], *answers: Answer | Exception) -> tuple[Any, list[Ask]]:
    """The result of a plan and what it asked for; the last answer is given for ever."""
    asked: list[Ask] = []
    given = list(answers)
    try:
        ask = next(plan)
        while True:
            asked.append(ask)
            answer = given.pop(0) if len(given) > 1 else given[0]
            ask = plan.throw(answer) if isinstance(answer, Exception) else plan.send(answer)
            assert len(asked) < 1000
    except StopIteration as done:
        return done.value, asked


def standing(status: str, took_s: float = 0, **more: Any) -> Answer:
    return Answer(200, msgspec.json.encode({"status": status, **more}), took_s)


LOST = ConnectionFailedError("No answer.")


def test_a_result_survives_a_server_that_restarts() -> None:
    plan = plans.result("x", None, 60)
    ended = standing("COMPLETED", output={"a": 1})
    value, asked = play(plan, LOST, LOST, standing("RUNNING", 30), LOST, ended)
    assert value == {"a": 1}
    assert [ask.wait_s for ask in asked] == [30, 30, 30, 29, 29]
    assert all(ask.delay_s > 0 for ask in (asked[1], asked[2], asked[4]))


def test_a_result_gives_up_when_the_server_stays_away() -> None:
    with pytest.raises(ConnectionFailedError):
        play(plans.result("x", None, None), LOST)
    with pytest.raises(ResultTimeoutError):
        play(plans.result("x", None, 2), LOST)


def test_a_server_that_answers_at_once_is_not_asked_without_a_pause() -> None:
    with pytest.raises(ResultTimeoutError) as caught:
        play(plans.result("x", None, 10), standing("RUNNING"))
    assert "RUNNING" in str(caught.value)


@pytest.mark.parametrize("status", ["COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED"])
def test_what_did_not_complete_is_an_error(status: str) -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        play(plans.result("x", None, None), standing(status, reason="no stock."))
    assert (caught.value.status, caught.value.reason) == (status, "no stock.")
    assert caught.value.message == f"Execution x ended {status}: no stock."


def test_what_waits_for_a_person_is_not_waited_for() -> None:
    with pytest.raises(ExecutionFailedError, match=r"needs a person.*resolve"):
        play(plans.result("x", None, None), standing("NEEDS_ATTENTION"))


def _kinds() -> list[type[PavaneError]]:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, PavaneError)]


@pytest.mark.parametrize("kind", _kinds())
def test_every_error_comes_back_as_itself(kind: type[PavaneError]) -> None:
    body = {"code": kind.code, "detail": "What.", "remedy": "Do.", "findings": ["f"], "more": 1}
    with pytest.raises(PavaneError) as caught:
        play(plans.state("x"), Answer(409, msgspec.json.encode(body)))
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.remedy) == ("What.", "Do.")
    if isinstance(caught.value, DefinitionError):
        assert caught.value.findings == ("f",)


def test_answers_that_are_not_ours() -> None:
    with pytest.raises(ConnectionFailedError, match=r"no Pavane server \(HTTP 502\)"):
        play(plans.state("x"), Answer(502, b"<html>Bad gateway</html>"))
    with pytest.raises(ConnectionFailedError, match="not understood"):
        play(plans.state("x"), Answer(200, b"<html>Welcome</html>"))
    with pytest.raises(InputError, match="Odd"):
        play(plans.state("x"), Answer(400, b'{"code":"never-heard-of","detail":"Odd."}'))
    with pytest.raises(PavaneError, match="HTTP 418"):
        play(plans.state("x"), Answer(418, b'{"code":"never-heard-of"}'))


def test_only_what_is_given_is_sent() -> None:
    value, (ask,) = play(plans.start(plans.Start("buy", b'{"a":1}')), Answer(201, b'{"id":"7"}'))
    assert (value, ask.body) == ("7", b'{"input":{"a":1}}')
    start = plans.Start("buy", b"{}", version=2)
    _, (ask,) = play(plans.start(start, key="k", correlation_id="c"), Answer(201, b'{"id":"7"}'))
    expected = {"input": {}, "version": 2, "key": "k", "correlationId": "c"}
    assert msgspec.json.decode(ask.body) == expected
