"""What lies outside the product and survives its crashes: the effects of services, and the record.

The services honour idempotency keys: an effect that stands is not made twice, an undo that comes
first leaves a tombstone that refuses the effect. Everything they see is written down in order; the
trace checker reads that record and nothing of the engine's memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pavane.core.model.work import Assignment
from pavane.ports.clock import Clock

UNDO = "undo:"


class Seen(NamedTuple):
    """One thing that the outside saw, at `at` (epoch ms).

    `kind`: "call", "effect", "repeated", "undone", "nothing", "refused", "report", "answer" (the
    engine took the report or refused it; `body` is the status that was reported), "lost" (the
    engine died before it answered), "absent" (an interrupted handler stopped), "by-hand" (a person
    did it).
    """

    at: int
    kind: str
    execution_id: str
    ref: str
    attempt: int
    what: str = ""
    body: bytes = b""


class Outside:
    """The services' own databases, as one set of standing effects, and the record."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.record: list[Seen] = []
        self.actions: list[dict[str, Any]] = []  # what clients and people asked, and the answers
        self.notes: list[tuple[int, str]] = []  # crashes, boots
        self.calls: dict[tuple[str, str], int] = {}
        self._standing: dict[tuple[str, str], bool] = {}  # False: undone, and stays so

    def see(
        self, kind: str, given: Assignment, what: str = "", body: bytes = b"", attempt: int = -1
    ) -> None:
        """Write down what happened to an assignment."""
        number = given.attempt if attempt < 0 else attempt
        at = self._clock.now()
        self.record.append(Seen(at, kind, given.execution_id, given.ref, number, what, body))

    def called(self, given: Assignment) -> int:
        """A handler begins; how often it was called before with the same key."""
        key = (given.execution_id, given.ref)
        before = self.calls.get(key, 0)
        self.calls[key] = before + 1
        self.see("call", given, given.worker, given.input)
        return before

    def take_effect(self, given: Assignment) -> bool:
        """The handler commits. False: it was undone already, so the service refuses."""
        undo = given.ref.startswith(UNDO)
        key = (given.execution_id, given.ref.removeprefix(UNDO))
        stands = self._standing.get(key)
        if undo:
            self._standing[key] = False
            self.see("undone" if stands else "nothing", given)
            return True
        if stands is None:
            self._standing[key] = True
        self.see({None: "effect", True: "repeated", False: "refused"}[stands], given)
        return stands is not False

    def standing(self) -> list[tuple[str, str]]:
        """(execution, step) of every effect that was made and not undone."""
        return [key for key, stands in self._standing.items() if stands]

    def by_hand(self, execution_id: str, ref: str) -> None:
        """A person does in the real world what a task could not, before saying that it is done."""
        key = (execution_id, ref.removeprefix(UNDO))
        self._standing[key] = not ref.startswith(UNDO)
        self.record.append(Seen(self._clock.now(), "by-hand", execution_id, ref, 0))

    def asked(self, action: str, execution_id: str, **more: Any) -> dict[str, Any]:
        """Write down that a person or client asks for something; the answer is added later."""
        entry = {"at": self._clock.now(), "action": action, "id": execution_id, **more}
        self.actions.append(entry)
        return entry

    def note(self, what: str) -> None:
        """Write down what happened to the engine's process."""
        self.notes.append((self._clock.now(), what))
