"""An independent judge of one run: what the services saw, and what people are shown of it.

It walks the definition's JSON itself and shares no code with what decides, in either style.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from pavane.engine.views.shapes import ExecutionView
from pavane.testing.simulation.dance.played import Played, Run
from pavane.testing.simulation.dance.script import Place, base_of, base_path
from tests.simulation.checker.graph import Graph

Json = dict[str, Any]

UNDO = "undo:"
FAN = "FORK_JOIN_DYNAMIC"
WIDEST = 3  # so many items a for-each has at most
_ENDED = {"COMPLETED", "COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED"}


class Definition:
    """A workflow with all its scopes, as JSON, by path."""

    def __init__(self, workflow: Json) -> None:
        self.graphs: dict[str, Graph] = {}
        self._read(workflow, "")

    def _read(self, workflow: Json, path: str) -> None:
        graph = self.graphs[path] = Graph(workflow)
        for ref, place in graph.places.items():
            inner = place.step.get("subWorkflowParam", {}).get("workflowDefinition")
            if inner is not None:
                self._read(inner, f"{path}/{ref}" if path else ref)
        self._read_items(graph)

    def _read_items(self, graph: Graph) -> None:
        """An item of a for-each stands where its for-each does."""
        fans = [place for place in graph.places.values() if place.type == FAN]
        for place in fans:
            name = place.step["inputParameters"]["forkTaskName"]
            stem = f"_{name}_" if place is fans[0] else f"_{place.ref}_{name}_"
            graph.places |= {f"{stem}{index}": place for index in range(WIDEST)}

    def causes(self, one: Place, other: Place) -> bool:
        """Whether `one` must be over before `other` may begin, where both run."""
        mine, theirs = _levels(one), _levels(other)
        for a, b in zip(mine, theirs, strict=False):
            if a != b:
                return self._before(a, b)
        return False

    def graph(self, scope: str) -> Graph:
        """Of a scope, or of an iteration of it."""
        return self.graphs[base_path(scope)]

    def _race(self, level: Place) -> Json | None:
        """The JOIN of the race in which a step is a branch."""
        graph = self.graphs[level.scope]
        fork = graph.places.get(graph.places[level.ref].inside[0])
        if fork is None or fork.type != "FORK_JOIN":
            return None
        join = fork.siblings[fork.index + 1]
        return join if "joinCount" in join else None

    def lost(self, one: Place, other: Place, views: Mapping[str, ExecutionView]) -> bool:
        """Whether `one` is in a branch that the JOIN around it, and not around `other`, went on

        without: nothing behind the JOIN comes of it.
        """
        around = set(_levels(other))
        for level in _levels(one):
            join = self._race(base_of(level)) if level not in around else None
            if join is None:
                continue
            numbers = "".join(f"__{each}" for each in _numbers(level))
            name = f"{join['taskReferenceName']}{numbers}"
            steps = views[level.scope].steps if level.scope in views else []
            output = next((bytes(step.output) for step in steps if step.ref == name), b"{}")
            won = (msgspec.json.decode(output or b"{}") or {}).get("winners", [])
            if level.ref not in won:
                return True
        return False

    def _before(self, one: Place, other: Place) -> bool:
        """The same of two steps of one scope; each iteration is over before the next begins."""
        mine, theirs = _numbers(one), _numbers(other)
        for i, (a, b) in enumerate(zip(self._loops(one), self._loops(other), strict=False)):
            if a != b:
                break
            if mine[i] != theirs[i]:
                return mine[i] < theirs[i]
        a, b = base_of(one).ref, base_of(other).ref
        return a != b and self.graph(one.scope).causes(a, b)

    def _loops(self, place: Place) -> list[str]:
        chain = self.graph(place.scope).chain(base_of(place).ref)[:-1]
        return [each.ref for each in chain if each.type == "DO_WHILE"]

    def beside(self, base: Place, place: Place) -> Place:
        """A step where it stands for another one: in its iterations, else in the first of each."""
        theirs, scope, found = _levels(place), "", base
        for i, level in enumerate(_levels(base)):
            near = theirs[i] if i < len(theirs) and theirs[i].scope == scope else None
            mine, its = self._loops(level), self._loops(near) if near is not None else []
            shared = sum(a == b for a, b in zip(mine, its, strict=False))
            known = _numbers(near)[:shared] if near is not None else ()
            numbers = (*known, *[1] * (len(mine) - shared))
            found = Place(scope, "__".join((level.ref, *map(str, numbers))))
            scope = f"{scope}/{found.ref}" if scope else found.ref
        return found

    def is_sure(self, one: Place, other: Place) -> bool:
        """Whether `one`, which causes `other`, has surely run: it is on every way there."""
        mine, theirs = _levels(base_of(one)), _levels(base_of(other))
        for depth, place in enumerate(mine):
            graph = self.graphs[place.scope]
            below = depth >= len(theirs) or theirs[depth] != place
            same = {p.ref for p in graph.chain(theirs[depth].ref)} if not below else set[str]()
            if below and depth and self._is_loose(mine[depth - 1], graph):
                return False
            if below and depth < len(theirs) and theirs[depth].scope == place.scope:
                same = {p.ref for p in graph.chain(theirs[depth].ref)}
            around = [p for p in graph.chain(place.ref)[:-1] if p.ref not in same]
            if any(p.type in ("SWITCH", "DECISION") or "items" in p.step for p in around):
                return False
            if place.ref not in same and self._race(place):
                return False
            if _may_lack(graph.places[place.ref].step, place.ref):
                return False
        return True

    def _is_loose(self, scope: Place, graph: Graph) -> bool:
        """Whether a scope may be over without all of its steps: caught, or ended early."""
        caught = self.step(scope).get("optional", False)
        return caught or any(place.type == "TERMINATE" for place in graph.places.values())

    def step(self, place: Place) -> Json:
        return self.graph(place.scope).places[base_of(place).ref].step


def _may_lack(step: Json, ref: str) -> bool:
    """Whether a for-each may have no such item: the input lists them, or too few are written."""
    items = step["inputParameters"]["forkTaskInputs"] if step.get("type") == FAN else None
    if isinstance(items, list):
        return int(ref.rpartition("_")[2]) >= len(cast("list[Any]", items))
    return items is not None


def _numbers(place: Place) -> tuple[int, ...]:
    return tuple(map(int, place.ref.split("__")[1:]))


def _levels(place: Place) -> list[Place]:
    """The step in its scope, and the steps that its scopes are around it, outermost first."""
    parts = [*place.scope.split("/"), place.ref] if place.scope else [place.ref]
    return [Place("/".join(parts[:i]), part) for i, part in enumerate(parts)]


class _Attempted(NamedTuple):
    """What is known of a step while the record is read."""

    calls: int = 0
    over: bool = False  # its success was reported
    done: bool = False  # COMPLETED was taken
    stands: bool = False
    undone: bool = False


def judge(run: Run, played: Played) -> list[str]:
    """Everything that should not have happened."""
    definition = Definition(msgspec.to_builtins(run.drawn.workflow))
    found = list(_Reader(definition, run, played).read())
    return [*found, *_at_the_end(definition, run, played)]


class _Reader:
    """Reads the record of what the services saw, from its beginning to its end."""

    def __init__(self, definition: Definition, run: Run, played: Played) -> None:
        self._definition = definition
        self._played = played
        self._known: dict[Place, _Attempted] = {}
        found = [base_of(p) for p in run.script.turns if not p.ref.startswith(UNDO)]
        self._places = list(dict.fromkeys(found))
        self._lost = {lost.place for lost in played.lost}

    def _get(self, place: Place) -> _Attempted:
        return self._known.get(place, _Attempted())

    def read(self) -> Iterator[str]:
        """The faults, in order."""
        for seen in self._played.record:
            undo = seen.ref.startswith(UNDO)
            place = Place(seen.execution_id, seen.ref.removeprefix(UNDO))
            now = self._get(place)
            if seen.kind == "call":
                yield from self._undo_called(place) if undo else self._called(place, now)
            elif seen.kind == "effect":
                yield from self._took_effect(place, now)
            elif seen.kind == "undone":
                yield from self._was_undone(place, now)
            elif seen.kind == "nothing":
                self._known[place] = now._replace(undone=True)
            elif seen.kind == "report" and not undo:  # what follows may begin before the answer
                self._known[place] = now._replace(over=now.over or seen.what == "COMPLETED")
            elif seen.kind == "answer" and not undo and seen.what == "taken":
                done = now.done or seen.body == b"COMPLETED"
                self._known[place] = now._replace(done=done)

    def _called(self, place: Place, now: _Attempted) -> Iterator[str]:
        if now.done:
            yield f"{place} is called again although its success was acknowledged"
        if now.undone:
            yield f"{place} is called after it was undone"
        near = (self._definition.beside(other, place) for other in self._places)
        for other in dict.fromkeys((*near, *self._known)):
            if self._causes(other, place):
                yield from self._caused(other, place)
        self._known[place] = now._replace(calls=now.calls + 1, over=False)

    def _caused(self, other: Place, place: Place) -> Iterator[str]:
        """What must be over before `place` begins."""
        known = self._get(other)
        step = self._definition.step(other)
        if not known.calls:
            if self._definition.is_sure(other, place):
                yield f"{place} is called before {other}, which causes it"
        elif not known.over and not step.get("optional") and not self._is_caught(other, place):
            yield f"{place} is called while {other}, which causes it, is at work"
        elif known.undone and not self._is_caught(other, place):
            yield f"{place} is called after {other}, which causes it, was undone"

    def _causes(self, one: Place, other: Place) -> bool:
        """Where both ran; what lost a race is the cause of nothing behind it."""
        if not self._definition.causes(one, other):
            return False
        return not self._definition.lost(one, other, self._played.views)

    def _is_caught(self, one: Place, other: Place) -> bool:
        """Whether a scope around `one`, and not around `other`, may fail without consequence."""
        around = set(_levels(other))
        scopes = [each for each in _levels(one)[:-1] if each not in around]
        return any(self._definition.step(each).get("optional") for each in scopes)

    def _took_effect(self, place: Place, now: _Attempted) -> Iterator[str]:
        if now.stands:
            yield f"{place} takes effect twice"
        for other in self._known:
            known = self._get(other)
            caught = self._is_caught(other, place)
            if known.undone and self._causes(other, place) and not caught:
                yield f"{place} takes effect after {other}, which causes it, was undone"
        self._known[place] = now._replace(stands=True)

    def _undo_called(self, place: Place) -> Iterator[str]:
        for other in self._known:
            if self._get(other).stands and self._causes(place, other):
                yield f"{place} is being undone while its consequence {other} stands"

    def _was_undone(self, place: Place, now: _Attempted) -> Iterator[str]:
        if not self._definition.step(place).get("undo"):
            yield f"{place} was undone and has no undo"
        yield from self._undo_called(place)
        self._known[place] = now._replace(stands=False, undone=True)


def _at_the_end(definition: Definition, run: Run, played: Played) -> Iterator[str]:
    root = played.view
    if root is None:
        yield "nothing was ever heard of it"
        return
    for path, view in played.views.items():
        if root.status in _ENDED and view.status not in (*_ENDED, ""):
            yield f"scope {path!r} is {view.status} in a run that ended {root.status}"
        if view.status == "RUNNING" and not _waits(played):
            yield f"scope {path!r} is still RUNNING and nobody is waited for"
        if view.status == "COMPENSATING" and not _needs_somebody(played):
            yield f"scope {path!r} is still COMPENSATING and nobody is waited for"
    if root.status in _ENDED - {"COMPLETED"} and played.standing:
        yield f"it ended {root.status} and there stand {sorted(played.standing)}"
    yield from _standing(definition, run, played)
    yield from _acknowledged(played)


def _waits(played: Played) -> bool:
    """Whether a step waits for a signal, which nobody gives here."""
    steps = [step for view in played.views.values() for step in view.steps]
    return _needs_somebody(played) or any(
        step.type == "WAIT" and step.status == "IN_PROGRESS" for step in steps
    )


def _needs_somebody(played: Played) -> bool:
    return any(view.status == "NEEDS_ATTENTION" for view in played.views.values())


def _standing(definition: Definition, run: Run, played: Played) -> Iterator[str]:
    """What is shown as done stands, and what is shown as undone does not."""
    for path, view in played.views.items():
        if base_path(path) not in definition.graphs:
            continue
        for step in view.steps:
            place = Place(path, step.ref)
            if step.type != "SIMPLE" or step.ref.startswith(UNDO):
                continue
            turn = run.script.turn(place, step.attempts - 1)
            acts = turn.end == "COMPLETED" and turn.effect_ms >= 0
            if step.status == "COMPLETED" and acts and place not in played.standing:
                yield f"{place} is shown as COMPLETED and its effect does not stand"
            if step.status == "UNDONE" and place in played.standing:
                yield f"{place} is shown as UNDONE and its effect stands"


def _acknowledged(played: Played) -> Iterator[str]:
    """A success that was acknowledged is shown with its result."""
    reported: dict[Place, bytes] = {}
    for seen in played.record:
        place = Place(seen.execution_id, seen.ref)
        if seen.kind == "report" and seen.what == "COMPLETED":
            reported[place] = seen.body
        taken = seen.kind == "answer" and seen.what == "taken" and seen.body == b"COMPLETED"
        if not taken or seen.ref.startswith(UNDO):
            continue
        view = played.views.get(place.scope)
        steps = view.steps if view is not None else []
        step = next((each for each in steps if each.ref == place.ref), None)
        if step is None:
            yield f"{place} was acknowledged and is not shown"
        elif step.status in ("COMPLETED", "UNDONE") and bytes(step.output) != reported[place]:
            yield f"{place} is shown with {bytes(step.output)!r}, not {reported[place]!r}"
