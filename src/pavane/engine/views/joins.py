"""The output of a JOIN is never stored: it is put together here from the steps it joins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from pavane.core.model.workflow import Step, Workflow


def joined_refs(workflow: Workflow) -> dict[str, list[str]]:
    """For each JOIN of a definition, the references of the steps that it waits for."""
    return {step.ref: list(step.join_on) for step in _walk(workflow.tasks) if step.type == "JOIN"}


def join_output(refs: Iterable[str], outputs: Mapping[str, bytes]) -> bytes:
    """`{ref: output}` of the joined steps that have an output, as JSON."""
    there = (ref for ref in refs if outputs.get(ref, b"") not in (b"", b"{}"))
    members = (msgspec.json.encode(ref) + b":" + outputs[ref] for ref in there)
    return b"{" + b",".join(members) + b"}"


def _walk(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step of this execution; a scope is an execution of its own and is not entered."""
    pending = list(steps)
    while pending:
        step = pending.pop()
        yield step
        for inner in step.inner:
            pending.extend(inner)
