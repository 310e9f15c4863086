"""Branches that wait for people and events, and losers whose undo gives up, without a conductor."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pavane.core.model.workflow import Step, Workflow
from pavane.sdk.client import Client, Run
from pavane.testing.simulation import loop
from tests.unit.core.build import fork, of_type
from tests.unit.core.build import task as step
from tests.unit.core.build import workflow as written
from tests.unit.sdk.test_dancing import a, among, service_of, un_a, undos


async def slow() -> None:
    await asyncio.sleep(60)


async def last() -> None: ...


def racing(*branches: Step, after: bool = True) -> Workflow:
    more = [step("last", service="s")] if after else []
    return written(fork("f", *branches, join_count=1), more, style="choreographed")


def losing() -> Step:
    return step("slow", undo="un_a", service="s")


async def statuses(run: Run[Any]) -> dict[str, str]:
    return {each.ref: each.status for each in (await run.state()).steps}


def test_a_person_may_answer_first_or_too_late():
    async def main(*, soon: bool) -> dict[str, str]:
        flow = racing(of_type("HUMAN", "h"), of_type("WAIT", "w", {"duration": "1h"}))
        async with among(flow, service_of(last)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            assert (await statuses(run))["h"] == "IN_PROGRESS"
            if soon:
                await run.signal("h", {"yes": True})
            await asyncio.sleep(2 * 3600)
            return await statuses(run)

    soon, late = loop.run(main(soon=True)), loop.run(main(soon=False))
    assert (soon["h"], soon["w"], soon["last"]) == ("COMPLETED", "CANCELED", "COMPLETED")
    assert (late["h"], late["w"], late["last"]) == ("CANCELED", "COMPLETED", "COMPLETED")


async def with_a_loser(client: Client, flow: Workflow) -> Run[Any]:
    """Begun, and its loser's undo has given up while the flow went on."""
    run = await client.start(flow.name, input={})
    await asyncio.sleep(1)
    await run.signal("w")
    await asyncio.sleep(100)
    view = await run.state()
    assert view.status == "NEEDS_ATTENTION"
    assert [(each.ref, each.reason) for each in view.attention] == [
        ("undo:slow", "the till is locked")
    ]
    assert (await statuses(run))["f-join"] == "COMPLETED"
    return run


@pytest.mark.parametrize("action", ["retry", "done"])
@pytest.mark.parametrize("after", [True, False], ids=["flow", "end"])
def test_a_loser_whose_undo_gave_up_waits_for_a_person(action: str, after: bool):
    async def main() -> None:
        undos.update(failures=1, calls=0)
        flow = racing(of_type("WAIT", "w"), losing(), after=after)
        async with among(flow, service_of(a, un_a, slow, last)) as client:
            run = await with_a_loser(client, flow)
            await run.resolve("undo:slow", action)  # pyright: ignore[reportArgumentType]  # as a test may
            await run.result(timeout="1h")
            view = await run.state()
            assert (view.status, list(view.attention)) == ("COMPLETED", [])
            assert (await statuses(run))["undo:slow"] == "COMPLETED"
            assert undos["calls"] == (2 if action == "retry" else 1)

    loop.run(main())


@pytest.mark.parametrize("waits", [True, False], ids=["flow", "end"])
def test_with_it_the_whole_is_given_up(waits: bool):
    async def main() -> None:
        undos.update(failures=1, calls=0)
        flow = racing(of_type("WAIT", "w"), losing(), after=False)
        if waits:
            flow.tasks.append(of_type("WAIT", "w2"))
        async with among(flow, service_of(a, un_a, slow)) as client:
            run = await with_a_loser(client, flow)
            await run.resolve("undo:slow", "abandon")
            await asyncio.sleep(1)
            view = await run.state()
            assert (view.status, view.reason) == ("FAILED", "given up by a person")

    loop.run(main())


def test_a_cancel_waits_for_losers_as_well():
    async def main() -> None:
        undos.update(failures=1, calls=0)
        flow = racing(of_type("WAIT", "w"), losing(), after=False)
        flow.tasks.append(of_type("WAIT", "w2"))
        async with among(flow, service_of(a, un_a, slow)) as client:
            run = await with_a_loser(client, flow)
            await run.terminate("enough")
            await asyncio.sleep(1)
            assert (await run.state()).status == "NEEDS_ATTENTION"
            await run.resolve("undo:slow", "done")
            await asyncio.sleep(1)
            view = await run.state()
            assert view.reason == "enough"
            assert view.ended_at

    loop.run(main())
