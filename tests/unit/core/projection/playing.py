"""Plays a choreography on the pure code alone: messages in any order, some of them twice."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping
from typing import Any

from pavane.core.check.explore import name_of
from pavane.core.projection import message as m
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.dancing.turn import AllRows
from pavane.core.projection.local import Arm, Attempted, Local, Rang, Run
from pavane.core.projection.message import Message
from pavane.core.projection.rows import Key, Row, ScopeRow


class Played:
    """What happened: messages, inputs of tasks by node, and the root's end."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.inputs: dict[str, Any] = {}
        self.calls: list[str] = []
        self.rang: list[str] = []
        self.status = ""
        self.reason = ""
        self.output = b""


def play(
    score: Choreography,
    given: Any,
    results: Mapping[str, Any] | None = None,
    *,
    fails: Collection[str] = (),
    seed: int = 0,
    dancer: type[Dancer] = Dancer,
) -> Played:
    """Until nothing more happens; a task gives its result by its node, or fails for good.

    In a loop it is called `a[2]`, and its undo `undo:a[2]`.
    """
    chance, played = random.Random(seed), Played()
    rows: dict[str, dict[Key, Row]] = {role: {} for role in score.roles}
    body = json.dumps(given).encode()
    bag = [Message(m.START, score.root.home, "", values=(("input", (), body),))]
    here: list[tuple[str, Local]] = []
    now = 0
    while bag or here:
        now += 1
        if bag and (not here or chance.random() < 0.6):
            event: Message | Local = bag.pop(chance.randrange(len(bag)))
            role = event.to
            if chance.random() < 0.2:
                bag.append(event)
        else:
            role, event = here.pop(chance.randrange(len(here)))
        reaction = dancer(score, role, AllRows(rows[role]), now, "x").take(event)
        rows[role].update(reaction.rows)
        bag += reaction.sent
        played.sent += reaction.sent
        for command in reaction.commands:
            if isinstance(command, Run):
                here.append((role, _done(played, command, results or {}, fails)))
            elif isinstance(command, Arm) and command.what in ("retry", "undo", "wait", "again"):
                played.rang.append(command.what)
                here.append((role, Rang(command.what, command.node, command.at)))
    for row in rows[score.root.home].values():
        if isinstance(row, ScopeRow) and (key_of(rows[score.root.home], row)).name == "":
            played.status, played.output = row.status, row.output
            played.reason = row.reason
    return played


def key_of(rows: Mapping[Key, Row], wanted: Row) -> Key:
    return next(key for key, row in rows.items() if row is wanted)


def _done(
    played: Played, run: Run, results: Mapping[str, Any], fails: Collection[str]
) -> Attempted:
    place = name_of(run.node, run.at)
    name = f"undo:{place}" if run.undo else place
    played.inputs[name] = json.loads(run.input)
    played.calls.append(name)
    if name in fails:
        reason = f"{name} was made to fail"
        return Attempted(
            run.node, run.at, run.attempt, "FAILED_WITH_TERMINAL_ERROR", run.undo, b"{}", reason
        )
    output = json.dumps(results.get(name, results.get(run.node, {}))).encode()
    return Attempted(run.node, run.at, run.attempt, "COMPLETED", run.undo, output)
