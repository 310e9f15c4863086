"""`pavane check --simulate`: plays workflows without a conductor, in every order of everything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pavane.core.check.explore import Exploration, Network, Outcome
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.core.projection.choreography import Choreography

STATES = 200_000
SECONDS = 30.0
_SHOWN = 12
_NETWORKS: dict[Network, str] = {
    "many": "messages delivered any number of times",
    "once": "messages delivered once",
}


def simulate(
    workflow: Workflow, tasks: Mapping[str, TaskDefinition], called: Sequence[Workflow]
) -> tuple[list[str], bool]:
    """What exploration says of a workflow, line by line, and whether it found nothing wrong."""
    from msgspec.structs import replace

    from pavane.core.check import check_workflow

    styled = [replace(each, style="choreographed") for each in called]
    workflow = replace(workflow, style="choreographed")
    findings = check_workflow(workflow, tasks, styled)
    if findings:
        lines = [f"{workflow.name} cannot be played without a conductor:", ""]
        return [*lines, *(f"- {finding}" for finding in findings)], False
    made = _choreography(workflow, tasks, styled)
    found = [_explored(made, network) for network in _NETWORKS]
    title = f"{workflow.name} without a conductor, {len(made.roles)} roles: {', '.join(made.roles)}"
    lines = [title, *(line for each in found for line in told(each, made))]
    lines += _outcomes({outcome for each in found for outcome in each.outcomes}, made)
    return lines, all(each.violation is None for each in found)


def _choreography(
    workflow: Workflow, tasks: Mapping[str, TaskDefinition], called: Sequence[Workflow]
) -> Choreography:
    from pavane.core.projection.reading import read_choreography
    from pavane.core.projection.reading.hybrid import split

    by_name = {each.name: each for each in called}

    def look_up(name: str, version: int | None) -> Workflow | None:
        del version  # an application has one of each
        return by_name.get(name)

    whole, _ = split(workflow, "choreographed", look_up)
    return read_choreography(whole, tasks, look_up)


def _explored(made: Choreography, network: Network) -> Exploration:
    from pavane.core.check.explore import Mishaps, explore

    until = time.monotonic() + SECONDS
    return explore(
        made,
        network,
        mishaps=Mishaps(stops=frozenset({""})),
        limit=STATES,
        patience=lambda: time.monotonic() < until,
    )


def told(found: Exploration, made: Choreography) -> Iterator[str]:
    """How far one network was explored; and the way to what is wrong, if something is."""
    how = _NETWORKS[found.network]
    cut = "" if found.complete or found.violation else f" (cut short: {SECONDS:.0f} s, {STATES:,})"
    yield f"  {how}: {found.states:,} states, {found.ends:,} ends{cut}"
    wrong = found.violation
    if wrong is None:
        return
    verdict = f"{wrong.kind}: {wrong.text}"
    yield from (f"  {verdict}", "")
    yield from (f"  {line}" for line in wrong.trace.lines())
    yield from ("", "```mermaid", wrong.trace.diagram(made.roles, verdict).rstrip(), "```", "")


def _outcomes(outcomes: set[Outcome], made: Choreography) -> Iterator[str]:
    from pavane.core.check.explore import name_of

    named = (
        (status, sorted(name_of(made.place_of(id), at) for id, at in stands))
        for status, stands in outcomes
    )
    lines = sorted(f"  {status}: {', '.join(names) or 'nothing stands'}" for status, names in named)
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN} outcomes more"
