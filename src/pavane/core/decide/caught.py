"""Why a scope failed, told to whoever goes on without it: what `except` reads."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import Draft, encode
from pavane.core.model.fact import ChildEnded
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step

_EMPTY = (b"", b"{}")


def is_caught(step: Step) -> bool:
    """Whether a step is a scope, defined in place, that may fail."""
    param = step.sub_workflow_param
    return step.optional and param is not None and param.workflow_definition is not None


def failure(step: str, reason: str, *, raised: bool) -> bytes:
    """The output of such a scope: `{"failure": {"kind": …, "step": name, "reason": text}}`.

    The kind is `step` where a step failed and `fail` where a TERMINATE ended it.
    """
    kind = "fail" if raised else "step"
    return encode({"failure": {"kind": kind, "step": step, "reason": reason}})


def told(draft: Draft, ended: ChildEnded) -> ChildEnded:
    """The end of an execution with what ended it, for the one that started it."""
    ref = draft.header.failed_ref
    failed = draft.task(ref) if ref else None
    if failed is None:
        return structs.replace(ended, why=ended.reason)
    if failed.type == "TERMINATE":
        return structs.replace(ended, raised=True, why=ended.reason)
    name = draft.node(ref).step.name
    return structs.replace(ended, step=name, why=said(ref, failed.reason or failed.status.lower()))


def said(ref: str, reason: str) -> str:
    """What a step said, without its name in front."""
    return reason.removeprefix(f"{ref}: ")


def left_by(step: Step, fact: ChildEnded) -> bytes:
    """The output of a scope that failed: what its TERMINATE gave, or why it failed."""
    if fact.output not in _EMPTY or not is_caught(step):
        return fact.output
    return failure(fact.step, fact.why or fact.reason, raised=fact.raised)


def left_behind(step: Step, row: TaskRow) -> bytes:
    """The same for one that nobody has told of yet: it could not even begin, or its time was up."""
    if row.output not in _EMPTY or not is_caught(step):
        return row.output
    return failure("", row.reason or row.status.lower(), raised=False)
