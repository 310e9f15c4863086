"""The caller's contract suite fails for a caller that breaks a promise."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

import pavane.ports.caller
from pavane.adapters.memory.caller import MemoryCaller
from pavane.ports.caller import Caller
from pavane.testing.contracts.caller import CallerContract
from pavane.testing.contracts.caller.calling import Serve
from tests.mutants import callers

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (callers.Unquotes, "test_faithful_the_request_arrives", ()),
    (callers.Chatty, "test_faithful_the_request_arrives", ()),
    (callers.OneHeaderEach, "test_faithful_the_answer_comes_back", (200,)),
    (callers.RaisesForStatus, "test_faithful_the_answer_comes_back", (404,)),
    (callers.Follows, "test_plain_a_redirect_is_not_followed", ()),
    (callers.Patient, "test_bounded_in_time", ()),
    (callers.Gulps, "test_bounded_in_size", ()),
    (callers.Cuts, "test_bounded_in_size", ()),
    (callers.Optimist, "test_honest_about_a_connection_that_broke", ()),
    (callers.Optimist, "test_bounded_in_time", ()),
    (callers.Pessimist, "test_honest_about_a_service_that_is_not_there", ()),
    (callers.TriesRubbish, "test_honest_about_what_is_no_url", ("ftp://inventory/x",)),
    (callers.OneByOne, "test_alone_calls_do_not_wait_for_one_another", ()),
    (callers.LeaksPlaces, "test_alone_a_cancelled_call_holds_nothing_up", ()),
]


class Suite(CallerContract):
    """The suite over any of these callers. Pytest does not collect it: its name says so."""

    many = 5

    def __init__(self, build: type[MemoryCaller]) -> None:
        self._build = build

    @asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncGenerator[tuple[Caller, str]]:
        yield self._build({"http://inventory": serve}), "http://inventory"


@pytest.mark.parametrize(("mutant", "test", "arguments"), CAUGHT_BY)
async def test_each_is_caught(mutant: type[MemoryCaller], test: str, arguments: tuple[object, ...]):
    with pytest.raises(BaseException):  # noqa: B017, PT011  # however a test may fail
        await getattr(Suite(mutant), test)(*arguments)


@pytest.mark.parametrize(("_mutant", "test", "arguments"), CAUGHT_BY)
async def test_the_real_one_is_not(
    _mutant: type[MemoryCaller], test: str, arguments: tuple[object, ...]
):
    await getattr(Suite(MemoryCaller), test)(*arguments)


def test_every_promise_has_a_mutant():
    promises = re.findall(r"^\d\. (\w+):", pavane.ports.caller.__doc__ or "", re.MULTILINE)
    caught = {test.split("_")[1] for _, test, _ in CAUGHT_BY}
    assert set(promises) == caught
