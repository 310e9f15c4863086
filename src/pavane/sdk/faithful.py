"""Steps written out as in JSON: what `pavane decompile` writes where Python has no form."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NoReturn

from pavane.errors import UsageError
from pavane.language.offers import mark


def _only_read(word: str) -> NoReturn:
    raise UsageError(
        f"{word}() is read, not run: it has no meaning as ordinary Python.",
        "Run the workflow in an engine.",
    )


@mark("step")
async def step(
    type: str, /, *, ref: str, input: dict[str, Any] | None = None, **fields: Any
) -> Any:
    """A step of any type with Conductor's fields and ours, all of them literals."""
    _only_read("step")


@mark("fork")
async def fork(*branches: Awaitable[Any], ref: str, **fields: Any) -> None:
    """A FORK_JOIN alone; its JOIN is a step written out, too."""
    _only_read("fork")


@mark("decision")
def decision(type: str = "SWITCH", /, *, ref: str, **fields: Any) -> str:
    """What `match` looks at where it stands for a SWITCH or a DECISION that is written out."""
    _only_read("decision")


@mark("loop")
def loop(*, ref: str, **fields: Any) -> bool:
    """What `while` asks where it stands for a DO_WHILE that is written out."""
    _only_read("loop")


@mark("js")
def js(code: str, /) -> str:
    """A text in JavaScript, inside of what is written out."""
    return code


@mark("jq")
def jq(code: str, /) -> str:
    """A text in the language of jq, inside of what is written out."""
    return code


@mark("definition")
def definition(**fields: Any) -> None:
    """Fields of the whole definition, such as timeoutSeconds."""
    _only_read("definition")
