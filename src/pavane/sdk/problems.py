"""Problem documents back to errors: the same tree on both sides of the wire, found by `code`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from pavane.errors import ConnectionFailedError, DefinitionError, InputError, PavaneError

if TYPE_CHECKING:
    from pavane.sdk.plans import Answer


class Problem(msgspec.Struct):
    """What we read of a problem document (RFC 9457)."""

    code: str
    detail: str = ""
    remedy: str = ""
    findings: list[str] = []


def _tree(kind: type[PavaneError]) -> Iterator[type[PavaneError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == kind.__module__:  # not a door's own
            yield from _tree(each)


_BY_CODE = {kind.code: kind for kind in _tree(PavaneError)}


def raise_for(answer: Answer) -> None:
    """Raise the error that an answer tells of; nothing where it went well."""
    if answer.status < 400:
        return
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        raise ConnectionFailedError(
            f"What answers is no Pavane server (HTTP {answer.status}).", "Check the URL."
        ) from None
    otherwise = InputError if answer.status in (400, 422) else PavaneError
    raise error_of(problem, otherwise, f"HTTP {answer.status}.")


def error_of(
    problem: Problem, otherwise: type[PavaneError] = PavaneError, message: str = ""
) -> PavaneError:
    """The error that a problem tells of; one of a code that nobody knows here is `otherwise`."""
    kind = _BY_CODE.get(problem.code, otherwise)
    message = problem.detail or message
    if issubclass(kind, DefinitionError):
        return kind(message, problem.remedy, findings=problem.findings)
    return kind(message, problem.remedy)
