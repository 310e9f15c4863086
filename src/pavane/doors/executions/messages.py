"""The messages of an execution that nobody conducts, from what its services told of their steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pavane.doors.executions.asked import MessageView
from pavane.observer import flows
from pavane.observer.steps import newest

if TYPE_CHECKING:
    from pavane.core.model.journal import StepNote
    from pavane.core.projection.choreography import Choreography
    from pavane.observer.fold import Flow, Instance, Picture, Told


def handed_over(instance: Instance, choreography: Choreography) -> list[MessageView]:
    """Where a step of one service led on to a step of another one, by the order of the steps.

    Roles keep no journal of their messages; but a step that has begun was led to by one that is
    over and stands before it, and where their services differ a message went between them.
    """
    told: dict[str, Told[StepNote]] = {each.note.ref: each for _, each in newest(instance)}
    nodes = {node.ref: node for node in choreography.nodes.values() if node.scope == instance.scope}
    found: list[MessageView] = []
    for ref, source in told.items():
        node = nodes.get(ref)
        if node is None or not source.note.status.startswith("COMPLETED"):
            continue
        ahead = [*node.after, *node.cases.values(), node.default]
        for target in (choreography.nodes[id] for id in ahead if id in choreography.nodes):
            begun = told.get(target.ref)
            if begun is None or target.role == node.role:
                continue
            found.append(
                MessageView(
                    "token",
                    ref,
                    target.ref,
                    node.role,
                    target.role,
                    at=max(begun.began, source.note.time),
                    inferred=True,
                )
            )
    return sorted(found, key=lambda each: (each.at, each.source, each.target))


def of_flow(picture: Picture, flow: Flow) -> Iterator[MessageView]:
    """What hand-written handlers told: each event, who published it, and who got it."""
    refs = flows.step_refs(picture, flow)
    emitted = {edge.effect: edge for edge in flows.edges(picture, flow)}
    by = {ref: handling.service for handling, ref in refs.items()}
    heard: set[str] = set()
    for handling, told in flows.newest(flow):
        if handling not in refs:
            continue
        heard.add(handling.message)
        edge = emitted.get(handling.message)
        source = edge.by if edge else ""
        yield MessageView(
            told.note.type,
            source,
            refs[handling],
            by.get(source, ""),
            handling.service,
            at=told.began,
            inferred=bool(edge and edge.inferred),
        )
    for edge in emitted.values():
        if edge.effect not in heard:
            yield MessageView(edge.type, edge.by, "", by.get(edge.by, ""), inferred=edge.inferred)
