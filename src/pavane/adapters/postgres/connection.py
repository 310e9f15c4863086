"""Connections to PostgreSQL as stores want them, and its errors in our words."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it has none; see Connection

from pavane.adapters.postgres.place import Place
from pavane.errors import InputError, PavaneError, StoreError, StoreFullError

CONNECT_S: Final = 10.0
STATEMENT_S: Final = 30.0
"""A server that has not answered the engine for so long is taken for gone."""

PEOPLES_S: Final = 120.0
"""How long what people ask may take."""

OLDEST: Final = 150_000  # version 15, as the server counts

# Plans must not depend on statistics, which lag behind tables that fill: all that is asked for has
# an index, and no plan is made again for each new parameter. `synchronous_commit` may be stricter
# than "on", never laxer. A server that cannot send its answer any more does not wait for ever.
_SETTINGS: Final = """
    SET search_path = "{schema}";
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
    SET max_parallel_workers_per_gather = 0;
    SET idle_in_transaction_session_timeout = '15min';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""


class Connection(Protocol):
    """What we use of asyncpg's connection, with types that a strict checker can follow."""

    async def execute(self, sql: str, /, *values: object) -> str: ...
    async def fetch(self, sql: str, /, *values: object) -> list[Any]: ...
    async def fetchval(self, sql: str, /, *values: object) -> Any: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...
    def is_in_transaction(self) -> bool: ...
    def get_server_pid(self) -> int: ...


async def connect(place: Place, statement_s: float = STATEMENT_S) -> Connection:
    """A connection with our settings. Raises what the driver raises."""
    options: dict[str, Any] = {
        "timeout": CONNECT_S,
        "command_timeout": statement_s,
        "max_cached_statement_lifetime": 0,
        "server_settings": {"application_name": "pavane"},
    }
    connection = cast(Connection, await cast(Any, asyncpg).connect(place.dsn, **options))
    try:
        await connection.execute(_SETTINGS.format(schema=place.schema))
    except BaseException:
        connection.terminate()
        raise
    return connection


def state_of(error: BaseException) -> str:
    """The five characters by which the server names an error; "" where it is not the server's."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) and isinstance(error, asyncpg.PostgresError) else ""


def is_gone(error: BaseException) -> bool:
    """Whether the server cannot be talked to now, and perhaps can soon."""
    state = state_of(error)
    if state:  # of connections, too many of them, being shut down or started
        return state.startswith(("08", "57P0", "53300"))
    # InternalClientError: the driver was told that the connection ends, and not yet that it has.
    gone = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncpg.InternalClientError)
    return isinstance(error, gone) or (
        isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)
    )


def is_refusal(error: BaseException) -> bool:
    """Whether the server says that the statement was not done: nothing of it ever will be."""
    state = state_of(error)
    return bool(state) and not is_gone(error) and not state.startswith(("57", "XX", "58"))


def translate(error: BaseException, place: Place, option: str = "--store") -> PavaneError:
    """The driver's error as one of ours; the caller raises it from the original."""
    if isinstance(error, PavaneError):
        return error
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    state = state_of(error) or ("22000" if isinstance(error, asyncpg.DataError) else "")
    return worded(state, said, place, option, gone=is_gone(error))


def worded(state: str, said: str, place: Place, option: str, *, gone: bool) -> PavaneError:
    """An error of any driver as one of ours, by its state and what it says."""
    where = f"the PostgreSQL database {place}"
    if state == "53100":
        return StoreFullError(
            f"There is no room left for {where} ({said}); nothing was written.",
            "Make room on its disk; the server goes on by itself.",
        )
    if state.startswith("22"):
        return InputError(
            f"PostgreSQL cannot keep a text or a number of the request ({said}).",
            "Leave the character NUL and halves of surrogate pairs out of names, keys and texts.",
        )
    if state.startswith("28") or state == "42501":
        return StoreError(
            f"Access to {where} was refused ({said}).",
            f"Check user and password in {option}; the user may need CREATE on the database.",
        )
    if state == "3D000":
        return StoreError(
            f"There is no {where} ({said}).",
            f"Make it with `createdb`, or give another {option}.",
        )
    if state == "25006":
        return StoreError(
            f"{where[0].upper()}{where[1:]} is read-only ({said}).",
            f"Give the primary server in {option}, or add target_session_attrs=read-write.",
        )
    if gone:
        return StoreError(
            f"{where[0].upper()}{where[1:]} cannot be reached ({said}).",
            "Check that the server runs and that its address is right, then try again.",
        )
    return StoreError(
        f"PostgreSQL failed on the database {place} ({said}).",
        "Look at the server's log; if nothing there explains it, please report it.",
    )
