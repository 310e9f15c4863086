"""The end of a run whose last step is done: its output, and who is told."""

from __future__ import annotations

from pavane.core.decide import caught, phases
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.roots import VIEWED, Roots
from pavane.core.model import status
from pavane.core.model.command import Tell
from pavane.core.model.fact import ChildEnded
from pavane.core.model.rows import TaskRow
from pavane.errors import ExpressionError


def try_to_finish(draft: Draft) -> None:
    """End the run when its last step is done and no branch is open any more."""
    header = draft.header
    if not header.ended_by or header.status != status.RUNNING or header.open:
        return
    if header.phase != phases.FORWARD:  # what is held has yet to go on
        return
    last = draft.task(header.ended_by)
    assert last is not None
    if header.permissive_failure:
        failed = draft.task(header.permissive_failure)
        assert failed is not None
        reason = f"{failed.ref}: {failed.reason or failed.status}"
        draft.abort_because(status.FAILED, reason, last)
        return
    try:
        output = _output(draft, last)
    except ExpressionError as error:
        draft.abort_because(status.FAILED, str(error), last)
        return
    finish(draft, output)


def finish(draft: Draft, output: bytes) -> None:
    """The run is COMPLETED with this output."""
    draft.values["output"] = output
    draft.become(status.COMPLETED)
    tell_parent(draft, output)


def tell_parent(draft: Draft, output: bytes = b"{}") -> None:
    """Tell the execution that started this one how it ended."""
    header = draft.header
    if header.parent_id:
        ref, _, attempt = header.parent_ref.rpartition("#")
        ended = ChildEnded(
            ref=ref,
            attempt=int(attempt),
            status=header.status,
            cause=header.cause,
            reason=header.reason,
            output=output,
            undoable=header.status == status.COMPLETED
            and header.undoable + header.undoable_open > 0,
        )
        if header.status != status.COMPLETED:
            ended = caught.told(draft, ended)
        draft.do(Tell(header.parent_id, ended))


def _output(draft: Draft, last: TaskRow) -> bytes:
    plan = draft.plan
    if plan.workflow.output_parameters:
        draft.require(plan.output_keys)
        return encode(plan.output.render(Roots(draft, plan.output_views)))
    if last.type in VIEWED:
        seen = Roots(draft, None).root(last.ref)
        assert isinstance(seen, dict)
        return encode(seen["output"])
    return b"{}" if last.output in (b"", b"null") else last.output
