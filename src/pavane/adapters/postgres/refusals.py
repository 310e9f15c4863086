"""What the server says of transactions of functions, by any driver, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pavane.adapters.postgres.connection import is_gone, worded
from pavane.adapters.postgres.place import Place
from pavane.errors import PavaneError, StoreError, UsageError

PUT_OUT: Final = "PV003"
"""Another process serves the ledger."""

_ENDED: Final = ("PV004", "25006", "25P01")  # ours; a write, or a COMMIT, outside of what we began
_DRIVERS: Final = ("asyncpg", "psycopg", "sqlalchemy")
_ABORTED: Final = "25P02"
_WAITED: Final = "55P03"
_BUSY: Final = ("40001", "40P01")
_REFUSED: Final = ("23", "22", "P0", "42")  # constraints, values, triggers, what is not there


def state_in(error: BaseException) -> str:
    """The five characters by which the server names an error, whoever wraps it; or ""."""
    for each in _wrapped(error):
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state
    return ""


def is_gone_in(error: BaseException) -> bool:
    """Whether the server cannot be talked to now, and perhaps can soon."""
    state = state_in(error)
    if state:
        return state.startswith(("08", "57P0", "53300"))
    return any(
        is_gone(each)
        or getattr(each, "connection_invalidated", False)
        or (_driver(each) == "psycopg" and type(each).__name__ == "OperationalError")
        for each in _wrapped(error)
    )


def waited(error: BaseException) -> bool:
    """Whether somebody else has one of the keys, and has had it for as long as we wait."""
    return state_in(error) == _WAITED


def of_end(error: BaseException, place: Place) -> PavaneError:
    """The error of a transaction that could not be committed; the caller raises it from that."""
    if isinstance(error, PavaneError):
        return error
    state, said = state_in(error), _said(error)
    # What a driver says itself, before the server is asked, is about the transaction's state.
    if state in _ENDED or (not state and _driver(error) in _DRIVERS and not is_gone_in(error)):
        return UsageError(
            "The function has ended the transaction that it was called in, so nothing that it "
            "wrote is kept.",
            "Leave COMMIT and ROLLBACK out of it; a savepoint undoes a part.",
        )
    if state == _ABORTED:
        return UsageError(
            "A statement of the function has failed and the function went on, so nothing that it "
            "wrote can be kept.",
            "Let the error out of the function, or put a savepoint around what may fail.",
        )
    if state in _BUSY:
        return StoreError(
            f"A function's transaction met another in the PostgreSQL database {place} ({said}).",
            "It is tried again.",
        )
    if state.startswith(_REFUSED) and state != "42501":
        return UsageError(
            f"The PostgreSQL database {place} refuses what a function wrote ({said}).",
            "Correct the function; nothing of it is kept.",
        )
    return of_use(error, place)


def of_use(error: BaseException, place: Place) -> PavaneError:
    """Any other error; the caller raises it from the driver's."""
    if isinstance(error, PavaneError):
        return error
    if waited(error):
        return StoreError(
            f"Somebody else is at work on the same step, in the PostgreSQL database {place}.",
            "Wait until that has ended, or until the server ends its session.",
        )
    gone = is_gone_in(error)
    return worded(state_in(error), _said(error), place, "--ledger", gone=gone)


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was made of."""
    seen: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop(0)
        if each is None or any(each is one for one in seen):
            continue
        seen.append(each)
        yield each
        ahead += [getattr(each, "orig", None), each.__cause__]


def _driver(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _said(error: BaseException) -> str:
    inner = list(_wrapped(error))[-1]
    return str(inner).strip().partition("\n")[0] or type(inner).__name__
