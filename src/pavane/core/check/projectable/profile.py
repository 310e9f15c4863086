"""Refuses what only a conductor can do: fields and step types that have no projection."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Place
from pavane.core.check.projectable.parts import Part
from pavane.core.check.types import NOT_BUILT
from pavane.core.decide.fan_forms import branch_step
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step

_PROJECTABLE = frozenset(
    {
        "DECISION",
        "DO_WHILE",
        "EVENT",
        "EXCLUSIVE_JOIN",
        "FORK_JOIN",
        "FORK_JOIN_DYNAMIC",
        "HUMAN",
        "INLINE",
        "JOIN",
        "NOOP",
        "SET_VARIABLE",
        "SIMPLE",
        "SUB_WORKFLOW",
        "SWITCH",
        "TERMINATE",
        "WAIT",
    }
)
_KNOWN = NOT_BUILT.union(STEP_TYPES)  # what is no type at all is found by another check


def check(part: Part) -> Iterator[str]:
    """Find steps, options and names that a choreography does not have."""
    for place in part.layout.places:
        found = (*_any_type(place), *_end(place), *_scope(part, place), *_limits(part, place))
        for text in found:
            yield f"{place.name}: {text}."
    failure = part.layout.workflow.failure_workflow
    if failure:
        yield (
            f"Its `failureWorkflow` {failure!r} would have to be started by a conductor; leave it "
            "out, and let undos do what is to be done."
        )


def _any_type(place: Place) -> Iterator[str]:
    step = place.step
    if step.type in _KNOWN and step.type not in _PROJECTABLE:
        yield (
            f"a {step.type} has no projection, so it cannot be choreographed; put it into a scope "
            "of style `orchestrated`"
        )
    if step.type == DYNAMIC_FORK:
        yield from _fan(step)
    if step.permissive:
        yield (
            "it is `permissive`, and in a choreography nobody sees at the end what failed on the "
            "way; make it `optional`, or leave it out"
        )
    if step.async_complete:
        yield (
            "`asyncComplete` needs a conductor that is told of the end; let the task itself take "
            "until it is done, or put a WAIT behind it"
        )
    if "/" in step.ref:
        yield "its name contains '/', which parts scopes in a choreography; name it differently"
    if step.undo is not None and step.type in ("WAIT", "HUMAN", "SUB_WORKFLOW"):
        yield (
            f"a choreographed {step.type} cannot have an `undo`; "
            "put it on the task whose effect it reverses"
        )
    if step.pivot and step.type == "SUB_WORKFLOW":
        yield (
            "a choreographed SUB_WORKFLOW cannot be the pivot; "
            "put `pivot` on the task in it behind which there is no way back"
        )


def _fan(step: Step) -> Iterator[str]:
    """Every role must know from the definition who does what is done for each item."""
    if branch_step(step) is None:
        yield (
            "its branches are known only at run time, or are more than a task; choreographed, "
            "`forkTaskInputs` lists the items, and `forkTaskName` is the one task for all of "
            "them; put it into a scope of style `orchestrated`"
        )


def _end(place: Place) -> Iterator[str]:
    if place.step.type != "TERMINATE":
        return
    status = place.step.input_parameters.get("terminationStatus")
    if isinstance(status, str) and "${" in status:
        yield (
            "its `terminationStatus` is computed, and every role must know from the definition "
            "how the run ends here; choose with a SWITCH between TERMINATEs"
        )
    forks = [
        each.inside.ref
        for each in place.chain()
        if each.inside is not None and each.inside.step.type == "FORK_JOIN"
    ]
    if status == "COMPLETED" and forks:
        yield (
            f"it ends the run well while other branches of {forks[-1]!r} are at work, which "
            "nobody could tell them in time; end it behind the JOIN"
        )


def _limits(part: Part, place: Place) -> Iterator[str]:
    """Whoever counts what runs everywhere hands out the work."""
    if name := part.offered.limited(place.step):
        yield (
            f"{name!r} has limits (`max_running`, `rate`), which only a conductor counts; bound "
            "the places of its service's process with `concurrency`"
        )


def _scope(part: Part, place: Place) -> Iterator[str]:
    step = place.step
    if place.ref in part.unknown:
        yield part.unknown[place.ref]
    if step.type != "SUB_WORKFLOW":
        return
    definition = step.task_definition
    retries = step.retry_count
    if retries is None:
        retries = definition.retry_count if definition is not None else 0
    if retries > 0:
        yield (
            f"it is retried ({retries} times), and a scope that was aborted cannot be begun again "
            "yet; set its retryCount to 0, and let the tasks in it be retried"
        )
    if definition is not None and (definition.timeout_seconds or definition.total_timeout_seconds):
        yield (
            "its taskDefinition has a time limit, which no home would watch; give the workflow "
            "that it starts a `timeoutSeconds` with timeoutPolicy TIME_OUT_WF"
        )
