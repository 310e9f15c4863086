"""Where the steps of a definition stand in its picture: from top to bottom, branches side by side.

A loop is a box on the edge of a frame, which holds its steps; a fork whose branches are made at
run time is a box in a frame of its own, however many there are.

Coordinates are pixels; a block's own begin at its upper left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pavane.core.model.workflow import CHOICES, Step

BOX_W: Final = 190
BOX_H: Final = 54
BAR_H: Final = 26
GAP_X: Final = 28
GAP_Y: Final = 36
PAD: Final = 24  # between a frame and what is in it
STEPS_MAX: Final = 300
DEPTH_MAX: Final = 30


class Placed(NamedTuple):
    """A step with its box."""

    step: Step
    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """A way from one step to the next; a label names the case that takes it."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""
    source: str = ""  # the steps that it leads from and to, "" for the borders of the picture
    target: str = ""
    back: bool = False  # up again, to the box of a loop


class Frame(NamedTuple):
    """What is drawn around the steps of a loop, or around those that a fork makes."""

    step: Step
    x: float
    y: float
    width: float
    height: float


class End(NamedTuple):
    """Where the flow leaves a block."""

    x: float
    y: float
    source: str
    label: str = ""


class Block(NamedTuple):
    """Steps that are placed, and how the flow gets in and out."""

    width: float
    height: float
    placed: list[Placed]
    lines: list[Line]
    entry: float  # x of the way in, at the top
    first: str  # the step at the way in, "" for a block with nothing in it
    ends: list[End]
    frames: list[Frame]

    def moved(self, x: float, y: float) -> Block:
        """The same block further right and down."""
        return Block(
            self.width,
            self.height,
            [each._replace(x=each.x + x, y=each.y + y) for each in self.placed],
            [
                each._replace(x1=each.x1 + x, y1=each.y1 + y, x2=each.x2 + x, y2=each.y2 + y)
                for each in self.lines
            ],
            self.entry + x,
            self.first,
            [each._replace(x=each.x + x, y=each.y + y) for each in self.ends],
            [each._replace(x=each.x + x, y=each.y + y) for each in self.frames],
        )


def layout(steps: Sequence[Step]) -> Block | None:
    """The picture of a definition; None for one that is too large to be looked at."""
    if not _fits(steps):
        return None
    return _sequence(steps)


def _fits(steps: Sequence[Step]) -> bool:
    ahead, count = [(each, 1) for each in steps], 0
    while ahead:
        step, depth = ahead.pop()
        count += 1
        if count > STEPS_MAX or depth > DEPTH_MAX:
            return False
        ahead += [(each, depth + 1) for branch in step.inner for each in branch]
    return True


def _sequence(steps: Sequence[Step]) -> Block:
    blocks = [_block(step) for step in steps]
    if not blocks:
        return Block(BOX_W / 2, 0, [], [], BOX_W / 4, "", [End(BOX_W / 4, 0, "")], [])
    left = max(block.entry for block in blocks)
    width = max(left - block.entry + block.width for block in blocks)
    placed: list[Placed] = []
    lines: list[Line] = []
    ends: list[End] = []
    frames: list[Frame] = []
    y = 0.0
    for number, block in enumerate(blocks):
        block = block.moved(left - block.entry, y)
        lines += _led(ends, block, y) if number else []
        placed += block.placed
        lines += block.lines
        frames += block.frames
        ends = block.ends
        y += block.height + GAP_Y
    return Block(width, y - GAP_Y, placed, lines, left, blocks[0].first, ends, frames)


def _led(ends: Sequence[End], block: Block, y: float) -> list[Line]:
    return [Line(e.x, e.y, block.entry, y, e.label, e.source, block.first) for e in ends]


def _block(step: Step) -> Block:
    match step.type:
        case "FORK_JOIN":
            branches = [("", branch) for branch in step.fork_tasks]
            return _split(step, branches, BAR_H)
        case kind if kind in CHOICES:
            branches = list(step.decision_cases.items())
            return _split(step, [*branches, ("otherwise", step.default_case)], BOX_H)
        case "FORK_JOIN_DYNAMIC":
            return _fan(step)
        case "DO_WHILE":
            return _loop(step)
        case "JOIN":
            return _box(step, BAR_H, ends=True)
        case _:
            return _box(step, BOX_H, ends=step.type != "TERMINATE")


def _box(step: Step, height: float, *, ends: bool) -> Block:
    middle = BOX_W / 2
    out = [End(middle, height, step.ref)] if ends else []
    return Block(BOX_W, height, [Placed(step, 0, 0, BOX_W, height)], [], middle, step.ref, out, [])


def _fan(step: Step) -> Block:
    """A box in a frame, which stands for all its branches."""
    block = _box(step, BOX_H, ends=True).moved(PAD / 2, PAD / 2)
    width, height = BOX_W + PAD, BOX_H + PAD
    top = Line(block.entry, 0, block.entry, PAD / 2, "", step.ref, step.ref)
    out = [End(block.entry, BOX_H + PAD / 2, step.ref)]
    frame = Frame(step, 0, 0, width, height)
    return Block(width, height, block.placed, [top], block.entry, step.ref, out, [frame])


def _loop(step: Step) -> Block:
    """The box of a loop on the upper edge of a frame with its steps; a way leads back up to it."""
    inner = _sequence(step.loop_over)
    inner = inner.moved(max(PAD, BOX_W / 2 + PAD - inner.entry), BOX_H + GAP_Y)
    right = max([inner.entry + BOX_W / 2, *(each.x + each.width for each in inner.placed)])
    right = max([right, *(each.x + each.width for each in inner.frames)])
    width, bottom = right + PAD, BOX_H + GAP_Y + inner.height + PAD
    middle = inner.entry
    lines = [Line(middle, BOX_H, middle, BOX_H + GAP_Y, "", step.ref, inner.first), *inner.lines]
    for end in inner.ends:
        lines.append(Line(end.x, end.y, middle, bottom, end.label, end.source, ""))
    if inner.ends:
        side = middle - BOX_W / 2
        lines.append(Line(middle, bottom, side, BOX_H / 2, "", step.ref, step.ref, back=True))
    placed = [Placed(step, middle - BOX_W / 2, 0, BOX_W, BOX_H), *inner.placed]
    frame = Frame(step, 0, BOX_H / 2, width, bottom - BOX_H / 2)
    out = [End(middle, bottom, step.ref)]
    return Block(width, bottom, placed, lines, middle, step.ref, out, [frame, *inner.frames])


def _split(step: Step, branches: Sequence[tuple[str, Sequence[Step]]], height: float) -> Block:
    """A step with branches below it, each as wide as it needs to be."""
    if not branches:
        return _box(step, height, ends=True)
    inner = [(label, _sequence(branch)) for label, branch in branches]
    width = sum(block.width for _, block in inner) + GAP_X * (len(inner) - 1)
    width = max(width, BOX_W)
    middle = width / 2
    y = height + GAP_Y
    bottom = y + max(block.height for _, block in inner)
    placed = [Placed(step, middle - BOX_W / 2, 0, BOX_W, height)]
    lines: list[Line] = []
    ends: list[End] = []
    frames: list[Frame] = []
    x = 0.0
    for label, block in inner:
        here = block.moved(x, y)
        x += block.width + GAP_X
        lines.append(Line(middle, height, here.entry, y, label, step.ref, here.first or ""))
        placed += here.placed
        lines += here.lines
        frames += here.frames
        for end in here.ends:
            source = end.source or step.ref
            if end.y < bottom:
                lines.append(Line(end.x, end.y, end.x, bottom, "", source, ""))
            ends.append(End(end.x, bottom, source))
    return Block(width, bottom, placed, lines, middle, step.ref, ends, frames)
