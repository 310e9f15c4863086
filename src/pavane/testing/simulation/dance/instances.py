"""The instances of scopes in a dance, by name, and which attempts a crash has cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from pavane.core.decide.nodes import numbered
from pavane.core.model import status as st
from pavane.core.model.journal import Note, StepNote
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.message import At
from pavane.observer import records
from pavane.ports.bus import JOURNAL
from pavane.ports.ledger import Record
from pavane.testing.simulation.dance.played import Lost
from pavane.testing.simulation.dance.script import Place


def notes_of(log: Sequence[Record]) -> Iterator[Note]:
    """What a role told, in order."""
    for record in log:
        if record.out.topic == JOURNAL:
            for told in records.read(record.out.event, record.position):
                yield told.note


def instances(choreography: Choreography, most: int) -> Iterator[tuple[str, At, str]]:
    """Path, generation and name of each scope instance in so many iterations of each loop."""
    for path, scope in choreography.scopes.items():
        for generation in product(range(1, most + 1), repeat=scope.depth):
            yield path, generation, instance_name(choreography, path, generation)


def instance_name(choreography: Choreography, path: str, generation: At) -> str:
    """The path of a scope instance: each step with its iterations."""
    if not path:
        return ""
    node = choreography.nodes[path]
    outer = choreography.scopes[node.scope]
    above = instance_name(choreography, outer.path, generation[: outer.depth])
    name = numbered(node.ref, generation[outer.depth :])
    return f"{above}/{name}" if above else name


def lost_attempts(
    logs: Mapping[str, Sequence[Record]], execution: str, choreography: Choreography
) -> frozenset[Lost]:
    """Attempts that began more than once: the process that made them first has died."""
    begun: Counter[Lost] = Counter()
    for log in logs.values():
        for note in notes_of(log):
            if isinstance(note, StepNote) and note.execution == execution:
                scope = instance_name(choreography, note.scope, note.generation)
                ref = numbered(note.ref, note.at[len(note.generation) :])
                attempt = Lost(Place(scope, ref), note.attempt)
                begun[attempt] += note.type == "SIMPLE" and note.status == st.IN_PROGRESS
                if note.reason.startswith("its process died"):
                    begun[attempt] += 1  # and was not made again
    return frozenset(each for each, times in begun.items() if times > 1)
