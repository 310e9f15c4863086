"""The same without any workflow for a colleague: each service hears events and tells its own.

Weeks are no matter of a handler. What has to be done when nothing happens is done when night falls:
`nightly.py` tells that. What a service has to remember it writes in its own database.
"""

from datetime import datetime, timedelta
from typing import Any

import apsw
import msgspec
from onboarding import REMINDERS, SOLD_OUT, Colleague, PapersSigned

from pavane import Event, Service

LATE = timedelta(days=3)  # behind the last word to a colleague


class ColleagueHired(Event, type="company.colleague.hired.v1"):
    colleague: Colleague
    at: datetime


class NightFell(Event, type="company.night.fell.v1"):
    at: datetime


class PapersLate(Event, type="company.papers.late.v1"):
    """Somebody is reminded."""

    colleague: str
    reminder: int


class PapersComplete(Event, type="company.papers.complete.v1"):
    colleague: Colleague


class HiringGivenUp(Event, type="company.hiring.givenup.v1"):
    colleague: str
    why: str


class AccountMade(Event, type="company.account.made.v1"):
    colleague: str
    login: str


class AccountRemoved(Event, type="company.account.removed.v1"):
    colleague: str


class EquipmentReady(Event, type="company.equipment.ready.v1"):
    colleague: str
    laptop: str
    badge: str


def rows(db: apsw.Connection, sql: str, *values: object) -> list[Any]:
    """What a statement gives; a column may hold anything."""
    connection: Any = db
    return connection.execute(sql, values).fetchall()


# --- people: the papers -------------------------------------------------------------------------

people = Service(
    "people",
    schema="""
    CREATE TABLE IF NOT EXISTS folder (
        colleague TEXT PRIMARY KEY, hired BLOB, asked_at REAL, reminders INTEGER, open INTEGER
    )""",
)


@people.on(ColleagueHired)
async def send_papers(db: apsw.Connection, event: ColleagueHired) -> None:
    """Contract and forms go out. They come back as a `PapersSigned`, in days or never."""
    hired = msgspec.json.encode(event.colleague)
    new = "INSERT OR IGNORE INTO folder VALUES (?, ?, ?, 0, 1)"
    rows(db, new, event.colleague.id, hired, event.at.timestamp())


@people.on(PapersSigned)
async def file_papers(db: apsw.Connection, event: PapersSigned) -> PapersComplete | None:
    """Signed papers count once, and not any more when nobody waits for them."""
    closed = "UPDATE folder SET open = 0 WHERE colleague = ? AND open RETURNING hired"
    for (hired,) in rows(db, closed, event.colleague):
        return PapersComplete(colleague=msgspec.json.decode(hired, type=Colleague))
    return None


@people.on(NightFell)
async def look_for_late_papers(
    db: apsw.Connection, event: NightFell
) -> list[PapersLate | HiringGivenUp]:
    """Remind, three times; then nobody waits any longer."""
    now = event.at.timestamp()
    late = "SELECT colleague, reminders FROM folder WHERE open AND asked_at <= ?"
    told: list[PapersLate | HiringGivenUp] = []
    for colleague, reminders in rows(db, late, now - LATE.total_seconds()):
        if reminders == REMINDERS:
            rows(db, "UPDATE folder SET open = 0 WHERE colleague = ?", colleague)
            told.append(HiringGivenUp(colleague=colleague, why="the papers were not signed"))
        else:
            asked = "UPDATE folder SET asked_at = ?, reminders = reminders + 1 WHERE colleague = ?"
            rows(db, asked, now, colleague)
            told.append(PapersLate(colleague=colleague, reminder=reminders + 1))
    return told


# --- accounts -----------------------------------------------------------------------------------

accounts = Service(
    "accounts", schema="CREATE TABLE IF NOT EXISTS account (colleague TEXT PRIMARY KEY, login TEXT)"
)


@accounts.on(ColleagueHired)
async def make_account(db: apsw.Connection, event: ColleagueHired) -> AccountMade | None:
    """Make a login, unless the hiring was given up: events may be heard in any order."""
    login = event.colleague.name.lower().replace(" ", ".")
    rows(db, "INSERT OR IGNORE INTO account VALUES (?, ?)", event.colleague.id, login)
    made = "SELECT login FROM account WHERE colleague = ? AND login <> ''"
    for (kept,) in rows(db, made, event.colleague.id):
        return AccountMade(colleague=event.colleague.id, login=kept)
    return None


@accounts.on(HiringGivenUp)
async def remove_account(db: apsw.Connection, event: HiringGivenUp) -> AccountRemoved:
    """An empty login stays, so that none is made later."""
    rows(db, "INSERT OR REPLACE INTO account VALUES (?, '')", event.colleague)
    return AccountRemoved(colleague=event.colleague)


# --- office -------------------------------------------------------------------------------------

office = Service("office")


@office.on(PapersComplete)
async def equip(event: PapersComplete) -> EquipmentReady | HiringGivenUp:
    """A laptop and a badge."""
    id, laptop = event.colleague.id, event.colleague.laptop
    if laptop == SOLD_OUT:
        return HiringGivenUp(colleague=id, why=f"nobody sells {laptop}")
    return EquipmentReady(colleague=id, laptop=f"L-{id}", badge=f"B-{id}")
