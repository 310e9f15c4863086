"""What expressions see of loops: the newest iteration, and the output of all of them as a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError

if TYPE_CHECKING:
    from pavane.core.decide.draft import Draft
    from pavane.core.decide.nodes import Node

ITEMS: Final = "_items"  # the input of a DO_WHILE that has a list
ITERATIONS_MAX: Final = 1_000_000  # of one loop: what goes on for longer is taken for endless
KEEP: Final = "keepLastN"  # the input that says how many iterations its output shows


def is_listed(step: Step) -> bool:
    """Whether a DO_WHILE goes through a list."""
    return step.items is not None or step.input_parameters.get(ITEMS) is not None


class _Listed(msgspec.Struct, gc=False):
    items: list[msgspec.Raw] | None = msgspec.field(name=ITEMS, default=None)


_decode_items = msgspec.json.Decoder(_Listed).decode


def newest(draft: Draft, name: str, place: Node | None) -> str:
    """The step that a name means at a place; KeyError where no iteration has begun."""
    nodes = draft.plan.nodes
    node = nodes[name]
    ref, path = nodes.within(node, place)
    while len(path) < len(node.loops):  # `ref` is the loop whose newest iteration is meant
        row = draft.task(ref)
        if row is None or not row.count:
            raise KeyError(name)
        path = (*path, row.count)
        ref = nodes.named(node.loops[len(path)] if len(path) < len(node.loops) else name, path)
    return ref


def items_of(row: TaskRow) -> list[msgspec.Raw] | None:
    """The list of a loop that has one, its elements as JSON. msgspec.ValidationError if none."""
    return items_in(row.input)


def items_in(body: bytes) -> list[msgspec.Raw] | None:
    """The same, from the input of the loop."""
    return _decode_items(body or b"{}").items


def no_list(items: object) -> str:
    """Why a loop cannot go through these items."""
    text = msgspec.json.encode(items)[:80].decode(errors="replace")
    return f"its items are {text}, no list"


def holds(value: object) -> bool:
    """Conductor's rule: true, or a number above zero; anything else ends the loop."""
    return value > 0 if isinstance(value, (int, float)) else False


def endless(most: int) -> ExpressionError:
    """What becomes of a loop that goes on for too long."""
    return ExpressionError(f"It went on for {most:,} iterations.", "Give it a condition that ends.")


def shown(count: int, keep: object) -> range:
    """The numbers of the iterations that the output of a loop shows, after so many."""
    first = count - keep + 1 if isinstance(keep, int) and keep > 0 else 1
    return range(max(1, first), count + 1)


def iteration_at(loop: Node, row: TaskRow, place: Node | None) -> int:
    """The number of the iteration that a loop's name means at a place: its own inside the loop,

    also for an undo behind later ones; the newest from outside.
    """
    depth = len(loop.loops)
    inside = place is not None and place.loops[depth : depth + 1] == (loop.step.ref,)
    return place.path[depth] if place is not None and inside else row.count


def looped(
    draft: Draft, node: Node, row: TaskRow, names: set[str] | None, place: Node | None
) -> dict[str, Any]:
    """A DO_WHILE's output, or what is named of it: a number for each iteration, and `iteration`."""
    at = iteration_at(node, row, place)
    seen: dict[str, Any] = {"iteration": at}
    wanted = shown(row.count, draft.json(row.input).get(KEEP)) if names is None else range(0)
    if names is None or names & {"loopItem", "loopIndex"}:
        items = items_of(row)
        if items is not None and 0 < at <= len(items):
            seen |= {"loopIndex": at - 1, "loopItem": msgspec.json.decode(items[at - 1])}
    numbers = [int(name) for name in names or () if name.isascii() and name.isdigit()]
    kept = shown(row.count, draft.json(row.input).get(KEEP)) if numbers else wanted
    for number in [*wanted, *(each for each in numbers if each in kept)]:
        seen[str(number)] = _iteration(draft, node, number)
    return seen


def _iteration(draft: Draft, node: Node, number: int) -> Mapping[str, Any]:
    """By name the outputs of what was done in an iteration."""
    path = (*node.path, number)
    refs = {ref: draft.plan.nodes.named(ref, path) for ref in node.body}
    draft.require([("task", ref) for ref in refs.values()])
    rows = {name: draft.task(ref) for name, ref in refs.items()}
    return {
        name: draft.json(row.output)
        for name, row in rows.items()
        if row is not None and row.output not in (b"", b"{}", b"null")
    }
