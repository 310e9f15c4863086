"""One execution of the driver, as a test speaks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.core.model.workflow import Workflow

if TYPE_CHECKING:
    from tests.unit.core.world import World


class Execution:
    """Says what happens to an execution, and asks what became of it."""

    def __init__(self, world: World, identity: str) -> None:
        self.world = world
        self.id = identity

    # --- what happens ---------------------------------------------------------------------------

    def tell(self, fact: facts.Fact) -> bool:
        return self.world.tell(self.id, fact)

    def take(self, ref: str, worker: str = "w") -> bool:
        """A worker takes the newest attempt."""
        return self.tell(facts.Claimed(ref, self.row(ref).attempt, worker))

    def report(self, ref: str, outcome: str, reason: str = "", /, **output: Any) -> bool:
        """A worker takes the newest attempt if it is not taken, and reports its outcome."""
        if self.row(ref).status == status.SCHEDULED:
            assert self.take(ref), f"{ref} cannot be taken"
        body = msgspec.json.encode(output)
        attempt = self.row(ref).attempt
        return self.tell(facts.Reported(ref, attempt, outcome, body, reason))

    def complete(self, *refs: str, **output: Any) -> None:
        """Each of the steps is done, in this order."""
        for ref in refs:
            assert self.report(ref, "COMPLETED", **output), f"{ref} did not take its result"

    def fail(self, ref: str, reason: str = "no") -> None:
        """The attempt fails; the policy says whether it is tried again."""
        assert self.report(ref, "FAILED", reason)

    def fail_for_good(self, ref: str, reason: str = "no") -> None:
        assert self.report(ref, "FAILED_WITH_TERMINAL_ERROR", reason)

    def pause(self) -> None:
        self.tell(facts.PauseRequested())

    def resume(self) -> None:
        self.tell(facts.ResumeRequested())

    def retry(self) -> None:
        self.tell(facts.RetryRequested())

    def move(self, definition: Workflow) -> bool:
        """It goes on by another definition; False where that is the one it follows."""
        return self.world.move(self.id, definition)

    def terminate(self, reason: str = "", undo: bool = True) -> None:
        self.tell(facts.TerminateRequested(reason, undo))

    def resolve(self, ref: str, action: str, **output: Any) -> None:
        self.tell(facts.Resolved(ref, action, msgspec.json.encode(output)))

    def signal(self, ref: str, outcome: str = "COMPLETED", **output: Any) -> None:
        self.tell(facts.Signalled(ref, outcome, msgspec.json.encode(output)))

    # --- what became of it ----------------------------------------------------------------------

    @property
    def header(self) -> Header:
        return self.world.executions[self.id].header

    @property
    def status(self) -> str:
        return self.header.status

    @property
    def open(self) -> set[str]:
        """The steps (and undos) that are open."""
        tasks = self.world.executions[self.id].tasks
        return {ref for ref in tasks if self.row(ref).status in status.OPEN}

    @property
    def offered(self) -> set[str]:
        """What a worker may take now."""
        now = self.world.now
        return {r.ref for r in self.ready() if r.queue and not r.worker and r.visible_at <= now}

    @property
    def marks(self) -> dict[str, str]:
        return {r.ref: r.mark for r in self.ready() if r.mark}

    def ready(self) -> list[Ready]:
        return list(self.world.executions[self.id].ready.values())

    def ready_row(self, ref: str) -> Ready:
        return self.world.executions[self.id].ready[ref]

    def begun(self, ref: str) -> bool:
        return ref in self.world.executions[self.id].tasks

    def row(self, ref: str) -> TaskRow:
        """The newest attempt at a step."""
        row = self.world.executions[self.id].newest(ref)
        assert row is not None, f"{ref} was never begun"
        return row

    def attempts(self, ref: str) -> list[str]:
        """The statuses of all attempts at a step."""
        return [row.status for row in self.world.executions[self.id].tasks[ref].values()]

    def input(self, ref: str) -> Any:
        return msgspec.json.decode(self.row(ref).input)

    def output_of(self, ref: str) -> Any:
        """What the newest attempt at a step has given."""
        return msgspec.json.decode(self.row(ref).output)

    def value(self, name: str) -> Any:
        body = self.world.executions[self.id].values.get(name)
        return None if body is None else msgspec.json.decode(body)

    @property
    def output(self) -> Any:
        return self.value("output")

    def child(self, ref: str) -> Execution:
        """The execution that a SUB_WORKFLOW step started."""
        return Execution(self.world, self.row(ref).child_id)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.world.executions[self.id].entries

    def logged(self, kind: str) -> list[str]:
        """The steps of which the log says this, in order."""
        return [e["ref"] for e in self.entries if e["kind"] == kind and "ref" in e]

    @property
    def undone(self) -> list[str]:
        """The steps whose undo has succeeded, in order."""
        return [ref[5:] for ref in self.logged("completed") if ref.startswith("undo:")]
