"""What clients and people ask of choreographed executions: messages to the roles that decide."""

from __future__ import annotations

from collections.abc import Mapping

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.projection import message as m
from pavane.core.projection.choreography import Choreography, Node, meant
from pavane.core.projection.message import At, Message, execution_of
from pavane.core.projection.wire import Envelope, to_event
from pavane.errors import ConflictError, InputError, NotFoundError
from pavane.participant.emitting import from_outside
from pavane.ports.bus import Bus, role_topic
from pavane.ports.clock import Clock

UNDO = "undo:"


class Requests:
    """Asks over the bus; nobody has to be there to hear it at once, and nobody else is needed.

    Choreographies are known by name; an execution that began by an older one must be asked for with
    the hash of its `definition`. What is asked again changes nothing the second time.
    """

    def __init__(self, bus: Bus, clock: Clock, choreographies: Mapping[str, Choreography]) -> None:
        self._bus = bus
        self._clock = clock
        self._known: dict[str, Choreography] = {}
        self._versions: dict[str, Choreography] = {}
        self._places: dict[str, tuple[int, int]] = {}  # by name: version, and when announced
        self.know(choreographies)

    @property
    def known(self) -> Mapping[str, Choreography]:
        """Those that can be started, by name."""
        return self._known

    def know(
        self, choreographies: Mapping[str, Choreography], *, current: bool = True, at: int = 0
    ) -> None:
        """More of them, announced at a time (ms). Of those that are current, new executions begin

        by the highest version; of one version, by what was announced last. So while services are
        replaced one by one, those that have yet to be change nothing.
        """
        for name, each in choreographies.items() if current else ():
            place = (each.version, at)
            if name not in self._known or place >= self._places[name]:
                self._known[name], self._places[name] = each, place
        self._versions.update({each.hash: each for each in choreographies.values()})

    def version(self, hash: str) -> Choreography | None:
        """The one with this content, also where a later one has its name."""
        return self._versions.get(hash)

    async def start(
        self,
        workflow: str,
        input: bytes,
        *,
        key: str,
        correlation_id: str = "",
        definition: str = "",
    ) -> str:
        """Start an execution by its first message; the same key never starts twice. Its id."""
        choreography = self._find(workflow, definition)
        execution = execution_of(workflow, key)
        start = Message(
            m.START,
            choreography.root.home,
            "",
            values=(("input", (), input),),
            source=key,
            reason=correlation_id,
        )
        await self._send(choreography, execution, start)
        return execution

    async def publish(self, event: CloudEvent) -> None:
        """Tell of an event from outside, which has an id, a source and a type that is in order."""
        await self._bus.publish([from_outside(event, self._clock.now())])

    async def stop(
        self, workflow: str, execution: str, reason: str = "", *, definition: str = ""
    ) -> None:
        """Cancel it: what it has done is undone, unless it is past its pivot or its end."""
        choreography = self._find(workflow, definition)
        stop = Message(m.STOP, choreography.root.home, "", reason=reason)
        await self._send(choreography, execution, stop)

    async def undo(self, workflow: str, execution: str, *, definition: str = "") -> None:
        """Undo an execution that completed, because it was a step of something else."""
        choreography = self._find(workflow, definition)
        undo = Message(m.UNDO, choreography.root.home, "")
        await self._send(choreography, execution, undo)

    async def signal(
        self,
        workflow: str,
        execution: str,
        ref: str,
        output: bytes = b"{}",
        status: str = "COMPLETED",
        *,
        reason: str = "",
        at: At = (),
        definition: str = "",
    ) -> None:
        """Complete or fail a step that waits for somebody outside."""
        choreography = self._find(workflow, definition)
        node, at = self._place(choreography, ref, at)
        node = choreography.within(node)
        signal = Message(
            m.SIGNAL,
            node.role,
            "",
            node.scope,
            at[: choreography.scopes[node.scope].depth],
            node=node.id,
            at=at,
            values=(("output", (), output),),
            outcome=status,
            reason=reason,
        )
        await self._send(choreography, execution, signal)

    async def resolve(
        self,
        workflow: str,
        execution: str,
        ref: str,
        action: str,
        output: bytes = b"{}",
        *,
        at: At = (),
        definition: str = "",
    ) -> None:
        """Settle what gave up: "retry", "done" or "abandon"."""
        choreography = self._find(workflow, definition)
        node, at = self._place(choreography, ref.removeprefix(UNDO), at)
        undo = ref.startswith(UNDO) and action != "abandon"
        if undo:
            node = choreography.within(node)
        to = node.role if undo else choreography.scopes[node.scope].home
        resolve = Message(
            m.RESOLVE,
            to,
            "",
            node.scope,
            at[: choreography.scopes[node.scope].depth],
            node=node.id,
            at=at,
            source="undo" if ref.startswith(UNDO) else "",
            values=(("output", (), output),),
            outcome=action,
        )
        await self._send(choreography, execution, resolve)

    def _find(self, workflow: str, definition: str = "") -> Choreography:
        if definition:
            return self._older(workflow, definition)
        found = self._known.get(workflow)
        if found is None:
            known = ", ".join(sorted(self._known)) or "none"
            raise NotFoundError(
                f"There is no choreographed workflow '{workflow}'.", f"There is: {known}."
            )
        return found

    def _older(self, workflow: str, definition: str) -> Choreography:
        found = self._versions.get(definition)
        if found is None:
            raise NotFoundError(
                f"Nobody has announced here the definition {definition} of '{workflow}', by which "
                "the execution began.",
                "Ask again once a service that plays it runs.",
            )
        return found

    def _place(self, choreography: Choreography, ref: str, at: At) -> tuple[Node, At]:
        """The step of a name, which says the iterations behind `at`: `approve__2`."""
        base, iterations = meant(choreography.nodes, ref)
        node = choreography.nodes.get(base)
        at = (*at, *iterations)
        if node is not None and len(at) < node.depth and node.stem:
            raise NotFoundError(
                f"The step '{ref}' of {choreography.name} is made for each item.",
                f"Name one of them, as in '{node.stem}0'.",
            )
        if node is not None and len(at) < node.depth:
            raise NotFoundError(
                f"The step '{ref}' of {choreography.name} is in a loop.",
                f"Say in which iteration, as in '{ref}__1'.",
            )
        if node is None:
            nodes = choreography.nodes.values()
            known = ", ".join(f"{n.stem}0" if n.stem else n.id for n in nodes if not n.loop)
            raise NotFoundError(f"{choreography.name} has no step '{ref}'.", f"There is {known}.")
        return node, at

    async def _send(self, choreography: Choreography, execution: str, message: Message) -> None:
        envelope = Envelope(execution, choreography.name, choreography.hash, message)
        event = to_event(envelope, time=self._clock.now())
        await self._bus.publish([Outgoing(role_topic(message.to), execution, event)])


def only_return(if_exists: str) -> ConflictError:
    """The refusal of a start that would have to know whether its key was used before."""
    return ConflictError(
        f"A choreographed start cannot {if_exists.replace('_', ' ')}: nobody keeps a list of keys.",
        'Use if_exists="return": the key gives the id, so the same one never starts twice.',
    )


def no_priority() -> InputError:
    """The refusal of a priority where nobody hands out work."""
    return InputError(
        "A choreographed execution has no priority: nobody hands out its steps.",
        "Leave `priority` out.",
    )
