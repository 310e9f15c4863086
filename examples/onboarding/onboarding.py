"""A new colleague is taken in: three services, and a workflow that takes weeks."""

from dataclasses import dataclass
from datetime import datetime

from pavane import Event, Fail, Service, gather, person, until, wait_for, workflow

accounts, people, office = Service("accounts"), Service("people"), Service("office")

REMINDERS = 3  # then nobody waits any longer


@dataclass(frozen=True)
class Colleague:
    id: str
    name: str
    lead: str  # who approves
    laptop: str
    first_day: datetime


@dataclass(frozen=True)
class Account:
    login: str


@dataclass(frozen=True)
class Folder:
    id: str


@dataclass(frozen=True)
class Laptop:
    serial: str


@dataclass(frozen=True)
class Badge:
    number: str


@dataclass(frozen=True)
class Approval:
    approved: bool
    by: str


@dataclass(frozen=True)
class Arrival:
    login: str
    laptop: str
    badge: str
    reminders: int


class PapersSigned(Event, type="company.papers.signed.v1"):
    """Somebody has signed; whoever keeps the papers tells it."""

    colleague: str
    folder: str


# --- accounts -----------------------------------------------------------------------------------


@accounts.task
async def remove_account(colleague: Colleague, account: Account | None) -> None:
    """Remove what was made. None: nobody knows whether it was, so look for the colleague's id."""


@accounts.task(undo=remove_account, retries=3, timeout="1m")
async def make_account(colleague: Colleague) -> Account:
    """Make a login that opens nothing before the first day."""
    return Account(login=colleague.name.lower().replace(" ", "."))


# --- people -------------------------------------------------------------------------------------


@people.task
async def shred_papers(colleague: Colleague, folder: Folder | None) -> None:
    """What was sent is not needed any more, signed or not."""


@people.task(undo=shred_papers)
async def send_papers(colleague: Colleague) -> Folder:
    """Send contract and forms. They come back as a `PapersSigned`, in days or never."""
    return Folder(id=f"F-{colleague.id}")


@people.task(read_only=True)
async def remind(colleague: Colleague, folder: Folder, number: int) -> None:
    """A mail leaves nothing that could be undone, so the task counts as one that only reads."""


@people.task(retries="forever", read_only=True)
async def welcome(colleague: Colleague, badge: Badge) -> None:
    """Tell everybody who has come."""


# --- office -------------------------------------------------------------------------------------

SOLD_OUT = "a laptop with twenty keys to the octave"


@office.task
async def return_laptop(colleague: Colleague, laptop: Laptop | None) -> None:
    """Send it back to the shop."""


@office.task(undo=return_laptop, retries=5)
async def order_laptop(colleague: Colleague) -> Laptop:
    """Order it. `Fail` is final: the shop will not have it tomorrow either."""
    if colleague.laptop == SOLD_OUT:
        raise Fail(f"nobody sells {colleague.laptop}")
    return Laptop(serial=f"L-{colleague.id}")


@office.task
async def block_badge(colleague: Colleague, badge: Badge | None) -> None:
    """The door does not open for it any more."""


@office.task(undo=block_badge)
async def make_badge(colleague: Colleague) -> Badge:
    """A badge that opens the door."""
    return Badge(number=f"B-{colleague.id}")


# --- the process --------------------------------------------------------------------------------


@workflow
async def take_in(colleague: Colleague) -> Arrival:
    """Account and papers, reminders until they are signed, approval, equipment, the first day."""
    account = await make_account(colleague)
    folder = await send_papers(colleague)

    papers, reminders = None, 0
    while papers is None:
        papers = await wait_for(
            PapersSigned, where=lambda event: event.colleague == colleague.id, timeout="3d"
        )
        if papers is None:
            if reminders == REMINDERS:
                raise Fail("the papers were not signed")  # what was done is undone
            reminders += 1
            await remind(colleague, folder, reminders)

    answer = await person(
        "approve", to=colleague.lead, deadline="5d", result=Approval, papers=papers.folder
    )
    if answer is None:
        raise Fail("nobody approved in time")
    if not answer.approved:
        raise Fail(f"{answer.by} did not approve")

    laptop, badge = await gather(order_laptop(colleague), make_badge(colleague))
    await until(colleague.first_day)
    await welcome(colleague, badge)
    return Arrival(
        login=account.login, laptop=laptop.serial, badge=badge.number, reminders=reminders
    )
