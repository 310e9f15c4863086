"""An execution goes on by another definition: refused where its past does not fit, else at once.

What was done stays done, with its results; what is under way stays under way; what comes next, and
the way back, is what the new definition says.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from pavane.core.decide import admission, flow
from pavane.core.decide.decider import Decision, Need, decided
from pavane.core.decide.draft import Draft, Rows, encode
from pavane.core.decide.fitting import begun, misfits, standing
from pavane.core.decide.nodes import Node
from pavane.core.decide.plan import Plan
from pavane.core.model import status
from pavane.core.model.rows import TaskRow
from pavane.errors import ConflictError

_SHOWN = 5  # steps that a refusal names
_UNKNOWN = frozenset({status.TIMED_OUT, status.CANCELED})


def move(plan: Plan, target: Plan, rows: Rows, now: int) -> Decision | Need:
    """The execution with these rows, which follows `plan`, follows `target` from now on.

    Where it does so already nothing changes. Raises ConflictError that names the steps which do not
    fit.
    """

    def deed(draft: Draft) -> bool:
        return _moved(draft, plan)

    return decided(Draft(target, rows, now), deed)


def refusal(execution_id: str, version: int, reasons: list[tuple[str, str]]) -> ConflictError:
    """Why an execution cannot be moved to a version; with "" for a step it is about the whole."""
    said = [f"{ref!r}: {why}" if ref else why for ref, why in reasons]
    more = len(said) - _SHOWN
    text = "; ".join(said[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return ConflictError(
        f"Execution {execution_id} cannot go on by version {version}: {text}.",
        "Let it end by the definition that it follows, or register one in which what has begun "
        "stays as it was.",
    )


def _moved(draft: Draft, old: Plan) -> bool:
    new, header = draft.plan, draft.header
    if new.hash == header.definition:
        return False
    version = new.workflow.version
    if why := standing(header):
        raise refusal(header.id, version, [("", why)])
    found = begun(old, draft)
    if reasons := misfits(old, new, header, found):
        raise refusal(header.id, version, reasons)
    for ref, row in found.items():
        _count(draft, row, old.nodes[ref], new.nodes[ref])
    _values(draft)
    if new.workflow.timeout_seconds != old.workflow.timeout_seconds:
        _deadline(draft)
    draft.log("moved", version=version, before=header.version, definition=new.hash)
    header.version, header.definition = version, new.hash
    if header.status in status.ENDED:
        return True  # until a person retries it
    admission.moved(draft, old)
    for ref in found:  # what a join still waits for may be less than it was
        row = draft.task(ref)
        if row is not None and row.type == "JOIN" and row.status in status.OPEN:
            flow.check_join(draft, new.nodes[ref], row)
    return True


def _count(draft: Draft, row: TaskRow, old: Node, new: Node) -> None:
    """Whether a step can be undone is what the new definition says, also of one that is done."""
    header = draft.header
    if row.status in status.OPEN:
        header.undoable_open += new.reversible - old.reversible
    undoable = _undoable(row, old, new)
    if undoable != row.undoable:
        draft.put(structs.replace(row, undoable=undoable))
        if row.status not in status.OPEN:
            header.undoable += undoable - row.undoable


def _undoable(row: TaskRow, old: Node, new: Node) -> bool:
    if (old.undo is None) == (new.undo is None):
        return row.undoable
    if new.undo is None:  # the execution that a step started undoes itself
        return row.undoable and new.type == "SUB_WORKFLOW"
    # Of earlier attempts nobody has noted whether they perhaps took effect: so they did.
    perhaps = row.attempt > 0 or (row.status in _UNKNOWN and row.polls > 0)
    return row.undoable or row.status == status.COMPLETED or perhaps


def _values(draft: Draft) -> None:
    """Variables and defaults of the input that the execution does not have yet."""
    workflow = draft.plan.workflow
    draft.require([("value", f"var:{name}") for name in workflow.variables])
    for name, value in workflow.variables.items():
        if draft.value(f"var:{name}") is None:
            draft.values[f"var:{name}"] = encode(value)
    if workflow.input_template:
        given: dict[str, Any] = draft.json(draft.value("input") or b"{}")
        if missing := workflow.input_template.keys() - given.keys():
            more = {n: v for n, v in workflow.input_template.items() if n in missing}
            draft.values["input"] = encode({**more, **given})


def _deadline(draft: Draft) -> None:
    """The time of the whole counts from its start."""
    header = draft.header
    timeout_ms = int(draft.plan.workflow.timeout_seconds * 1000)
    goes_on = header.status not in status.ENDED
    header.deadline_at = header.created_at + timeout_ms if timeout_ms and goes_on else 0
