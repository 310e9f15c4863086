"""The same, half and half: a conductor waits and asks, dancers see to the equipment."""

from onboarding import (
    REMINDERS,
    Approval,
    Arrival,
    Colleague,
    PapersSigned,
    accounts,
    make_account,
    make_badge,
    office,
    order_laptop,
    people,
    remind,
    send_papers,
    welcome,
)

from pavane import Fail, gather, person, scope, until, wait_for, workflow

__all__ = ["accounts", "office", "people", "take_in"]


@workflow
async def take_in(colleague: Colleague) -> Arrival:
    """As in onboarding.py; the equipment is a scope that needs no conductor."""
    account = await make_account(colleague)
    folder = await send_papers(colleague)

    papers, reminders = None, 0
    while papers is None:
        papers = await wait_for(
            PapersSigned, where=lambda event: event.colleague == colleague.id, timeout="3d"
        )
        if papers is None:
            if reminders == REMINDERS:
                raise Fail("the papers were not signed")
            reminders += 1
            await remind(colleague, folder, reminders)

    answer = await person(
        "approve", to=colleague.lead, deadline="5d", result=Approval, papers=papers.folder
    )
    if answer is None:
        raise Fail("nobody approved in time")
    if not answer.approved:
        raise Fail(f"{answer.by} did not approve")

    async with scope("equipment", style="choreographed"):
        laptop, badge = await gather(order_laptop(colleague), make_badge(colleague))
    await until(colleague.first_day)
    await welcome(colleague, badge)
    return Arrival(
        login=account.login, laptop=laptop.serial, badge=badge.number, reminders=reminders
    )
