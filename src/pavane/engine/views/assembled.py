"""What is never stored: outputs of JOIN and DO_WHILE, and the names of all branches of a fan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.looped import KEEP, items_of, shown
from pavane.core.decide.nodes import Path, numbered, parted
from pavane.core.decide.plan import all_steps
from pavane.core.decide.races import shown as winners_shown
from pavane.core.decide.races import winners_in
from pavane.core.model import status as st
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step, Workflow


class Assembled:
    """What the JOINs and loops of one definition show.

    `joins` has the steps that each JOIN waits for, `bodies` those that are directly in each loop,
    `fans` the FORK_JOIN_DYNAMIC of each JOIN that waits for what such a fork makes, `counting` the
    JOINs that wait for some of their branches.
    """

    def __init__(
        self,
        joins: Mapping[str, Sequence[str]],
        bodies: Mapping[str, Sequence[str]] = {},
        fans: Mapping[str, str] = {},
        counting: Collection[str] = (),
    ) -> None:
        self._joins = joins
        self._bodies = bodies
        self._fans = fans
        self._counting = frozenset(counting)
        self._known = frozenset(
            {*joins, *bodies, *(ref for body in bodies.values() for ref in body)}
        )

    @classmethod
    def of(cls, workflow: Workflow) -> Assembled:
        """What those of a workflow show."""
        steps = list(all_steps(workflow.tasks))
        return cls(
            {step.ref: step.join_on for step in steps if step.type == "JOIN"},
            {
                step.ref: [each.ref for each in _directly(step.loop_over)]
                for step in steps
                if step.type == "DO_WHILE"
            },
            dict(_fans(workflow.tasks)),
            [step.ref for step in steps if step.join_count is not None],
        )

    def place(self, ref: str) -> tuple[str, Path]:
        """The name of a step in the definition, and the iterations in which it is."""
        return parted(ref, self._known)

    def output(
        self,
        row: TaskRow,
        outputs: Mapping[str, bytes],
        branches: Mapping[str, Sequence[str]] = {},
    ) -> bytes:
        """The output of an attempt, as JSON.

        Given are the output of the newest one of each step, and the branches of each fan.
        """
        if row.type == "JOIN" and row.status in st.SUCCESSFUL:
            ref, path = self.place(row.ref)
            if ref in self._fans:
                refs = branches.get(numbered(self._fans[ref], path), ())
            else:
                refs = [numbered(each, path) for each in self._joins.get(ref, ())]
            if ref in self._counting:
                refs = winners_in(row.output)
                return _by_name(zip(refs, refs, strict=True), outputs, _winners(refs))
            return _by_name(zip(refs, refs, strict=True), outputs)
        if row.type == "DO_WHILE":
            return self._looped(row, outputs)
        return row.output

    def _looped(self, row: TaskRow, outputs: Mapping[str, bytes]) -> bytes:
        ref, path = self.place(row.ref)
        members = [b'"iteration":%d' % row.count]
        items = items_of(row)
        if items and 0 < row.count <= len(items):
            members.append(b'"loopIndex":%d' % (row.count - 1))
            members.append(b'"loopItem":' + bytes(items[row.count - 1]))
        for number in shown(row.count, msgspec.json.decode(row.input).get(KEEP)):
            body = ((each, numbered(each, (*path, number))) for each in self._bodies.get(ref, ()))
            members.append(b'"%d":' % number + _by_name(body, outputs))
        return b"{" + b",".join(members) + b"}"


def shown_input(row: TaskRow, branches: Mapping[str, Sequence[str]]) -> bytes:
    """The input of an attempt, as JSON; at a fan with the names of all branches that have begun."""
    if row.type != DYNAMIC_FORK or not row.branch:
        return row.input
    given = msgspec.json.decode(row.input, type=dict[str, msgspec.Raw])
    names = msgspec.json.encode(branches.get(row.ref, ()))
    return msgspec.json.encode({**given, "forkedTasks": msgspec.Raw(names)})


def _winners(refs: list[str]) -> list[bytes]:
    """What a JOIN that counts says of its winners, as members of a JSON object."""
    return [
        msgspec.json.encode(name) + b":" + msgspec.json.encode(value)
        for name, value in winners_shown(refs).items()
    ]


def _by_name(
    names: Iterable[tuple[str, str]], outputs: Mapping[str, bytes], first: Iterable[bytes] = ()
) -> bytes:
    """`{name: output}` of the steps that have an output, as JSON, behind other members."""
    there = (
        (name, ref) for name, ref in names if outputs.get(ref, b"") not in (b"", b"{}", b"null")
    )
    members = (msgspec.json.encode(name) + b":" + outputs[ref] for name, ref in there)
    return b"{" + b",".join([*first, *members]) + b"}"


def _fans(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Each JOIN behind a FORK_JOIN_DYNAMIC, and that fork."""
    for step, behind in zip(steps, [*steps[1:], None], strict=False):
        if step.type == DYNAMIC_FORK and behind is not None:
            yield behind.ref, step.ref
        for inner in step.inner:
            yield from _fans(inner)


def _directly(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps of a loop, without those of the loops in it."""
    for step in steps:
        yield step
        if step.type != "DO_WHILE":
            for inner in step.inner:
                yield from _directly(inner)
