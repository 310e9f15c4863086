"""A workflow compiled for look-up: what follows what, both ways, and what each step reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.looped import ITEMS
from pavane.core.decide.nodes import AGAIN, UNDO, Node, Nodes, UndoPlan
from pavane.core.decide.retries import NO_POLICY, policy_of
from pavane.core.decide.roots import View, views_of
from pavane.core.decide.told import EVENT, PATIENT, as_input
from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.template import Read, Template, compile_template
from pavane.core.model.rows import Key
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import CHOICES, FORKS, Step, Workflow, content_hash
from pavane.errors import DefinitionError

KEY = "rateLimitConfig.rateLimitKey"
_AHEAD_MAX = 100  # keys of one step that others look ahead to
# A task that nobody defined gets Conductor's ad-hoc definition; of other step types only an
# explicit retryCount is tried again.
_AD_HOC = TaskDefinition()
WORKER_TYPE = "SIMPLE"
_NAMED_LATE = frozenset({"DYNAMIC", DYNAMIC_FORK})  # steps whose tasks are named at run time
BUILT_IN_TYPES = frozenset({"HTTP", EVENT})  # tasks of that name, which Pavane itself carries out
RETRIED_TYPES = (
    frozenset({WORKER_TYPE, "DYNAMIC", "SUB_WORKFLOW", "START_WORKFLOW"}) | BUILT_IN_TYPES
)


class Plan(msgspec.Struct):
    """A workflow ready to be decided upon."""

    workflow: Workflow
    hash: str
    nodes: Nodes
    first: str
    last: str
    output: Template
    output_keys: frozenset[Key]
    output_views: Mapping[str, View] | None
    variables: tuple[str, ...]
    key: Template | None = None  # by which its executions that run at once are counted
    key_views: Mapping[str, View] | None = None
    inline: dict[str, Workflow] = {}  # content hash to definitions that stand in place
    tasks: Mapping[str, TaskDefinition] = {}  # where the names of tasks are computed
    races: bool = False  # some JOIN has a `joinCount`
    fans: tuple[str, ...] = ()  # every FORK_JOIN_DYNAMIC, in the order in which they are written
    ahead: frozenset[Key] = frozenset()  # what a report on a branch made at run time will read
    made: dict[str, Node] = {}  # nodes of such branches that are kept at hand

    def node(self, ref: str) -> Node:
        """The node of a reference name, also of its undo."""
        return self.nodes[ref.removeprefix(UNDO)]


def compile_plan(workflow: Workflow, tasks: Mapping[str, TaskDefinition]) -> Plan:
    """The plan of a valid workflow; DefinitionError or ExpressionError on one that is not."""
    nodes = Nodes()
    inline: dict[str, Workflow] = {}
    for step in all_steps(workflow.tasks):
        if step.ref in nodes:
            raise DefinitionError(
                f"Workflow {workflow.name!r}: two steps are named {step.ref!r}.",
                "Give each step its own taskReferenceName.",
            )
        nodes[step.ref] = node_for(step, tasks)
        param = step.sub_workflow_param
        if param and param.workflow_definition:
            inline[content_hash(param.workflow_definition)] = param.workflow_definition
    first, last = _link(workflow.tasks, nodes, Around())
    for node in nodes.values():
        for ref in node.join_on:
            if ref in nodes and nodes[ref].loops == node.loops:
                nodes[ref].joins += (node.ref,)
                if node.step.join_count is None and goes_on_behind(nodes[ref]):
                    nodes[ref].early += (node.ref,)
                    node.early += (ref,)
    races = _link_races(nodes)
    variables = {*workflow.variables}
    for node in nodes.values():
        if node.type == "SET_VARIABLE":
            variables.update(node.step.input_parameters)
    output = compile_template(workflow.output_parameters, where="outputParameters")
    limit = workflow.rate_limit_config
    key = compile_template(limit.rate_limit_key, where=KEY) if limit else None
    plan = Plan(
        workflow=workflow,
        hash=content_hash(workflow),
        nodes=nodes,
        first=first,
        last=last,
        output=output,
        output_keys=frozenset(),
        output_views=views_of(output),
        variables=tuple(sorted(variables)),
        key=key,
        key_views=views_of(key) if key else None,
        inline=inline,
        tasks=tasks if any(node.type in _NAMED_LATE for node in nodes.values()) else {},
        races=races,
        fans=tuple(node.ref for node in nodes.values() if node.type == DYNAMIC_FORK),
    )
    plan.ahead = frozenset(("task", nodes[fan].join) for fan in plan.fans if not nodes[fan].loops)
    plan.output_keys = keys_of(plan, output.reads)
    for node in nodes.values():
        node.keys = keys_of(plan, node.template.reads)
        node.views = views_of(node.template)
        node.condition = _condition(node)
    for node in nodes.values():
        node.after = _after(plan, node)
    return plan


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step of the lists, nested ones behind the one that holds them."""
    for step in steps:
        yield step
        for inner in step.inner:
            yield from all_steps(inner)


def keys_of(plan: Plan, reads: Iterable[Read], place: Node | None = None) -> frozenset[Key]:
    """The rows that reads of a template touch, views of joins resolved to what they show."""
    found = plan.nodes.keys_of(reads, place)
    for read in reads:
        if read.root == "workflow":
            found.update(_workflow_keys(plan, read.path))
    return frozenset(found)


def _workflow_keys(plan: Plan, path: tuple[str | int, ...]) -> Iterator[Key]:
    head = path[0] if path else ""
    if head in ("input", ""):
        yield ("value", "input")
    if head == "variables" and len(path) > 1:
        yield ("value", f"var:{path[1]}")
    elif head in ("variables", ""):
        for name in plan.variables:
            yield ("value", f"var:{name}")


def _condition(node: Node) -> Template | None:
    """Whether a loop goes on, as a template of one value."""
    if node.type != "DO_WHILE" or not node.step.loop_condition:
        return None
    text = "${= " + node.step.loop_condition + " }"
    return compile_template(text, where=f"{node.ref}.loopCondition")


class Around(NamedTuple):
    """What stands around a list of steps."""

    after: str = ""  # what follows its last step
    fork: str = ""
    inside: str = ""
    loops: tuple[str, ...] = ()


def node_for(step: Step, tasks: Mapping[str, TaskDefinition]) -> Node:
    """The node of a step that is linked to nothing yet."""
    options, definition = None, step.task_definition or tasks.get(step.name)
    if step.type == DYNAMIC_FORK:  # what it says of a task, it says of its branches
        options, definition = step, None
        step = structs.replace(step, undo=None, optional=False, permissive=False)
    where = f"{step.ref}.inputParameters"
    parameters: dict[str, Any] = step.input_parameters
    if step.items is not None:
        parameters = {**parameters, ITEMS: step.items}
    fallbacks: dict[str, Template] = {}
    if definition and definition.input_template:
        for name, value in definition.input_template.items():
            if name in parameters:
                fallbacks[name] = compile_template(value, where=f"inputTemplate.{name}")
        parameters = {**definition.input_template, **parameters}
    if step.type == EVENT:
        parameters, definition = as_input(step), PATIENT
    elif step.type in BUILT_IN_TYPES and step.async_complete:
        parameters = {"asyncComplete": True, **parameters}
    policy = NO_POLICY
    if step.type in RETRIED_TYPES or definition:
        ad_hoc = _AD_HOC if step.type == WORKER_TYPE else TaskDefinition(retry_count=0)
        policy = policy_of(definition or ad_hoc, step.retry_count)
    node = Node(
        step=step,
        ref=step.ref,
        type=step.type,
        template=compile_template(parameters, where=where),
        fallbacks=fallbacks,
        policy=policy,
        service=step.service or (definition.service if definition else ""),
        reversible=step.undo is not None or step.type == "SUB_WORKFLOW",
        join_on=tuple(step.join_on) if step.type == "JOIN" else (),
        options=options,
    )
    if step.evaluator_type == "pavane" and step.type != "DO_WHILE":
        node.expression = compile_expression(step.expression, where=f"{step.ref}.expression")
    if step.undo:
        undo = step.undo.task_definition or tasks.get(step.undo.name) or _AD_HOC
        node.undo = UndoPlan(
            name=step.undo.name,
            service=step.undo.service or undo.service or node.service,
            template=compile_template(step.undo.input_parameters, where=f"{step.ref}.undo"),
            policy=policy_of(undo),
        )
    return node


def _link(steps: list[Step], nodes: Nodes, around: Around) -> tuple[str, str]:
    """Sets what is next to what along a list; returns its first and last step."""
    for i, step in enumerate(steps):
        node = nodes[step.ref]
        node.fork, node.loops = around.fork, around.loops
        node.next = steps[i + 1].ref if i + 1 < len(steps) else around.after
        node.before = steps[i - 1].ref if i else ""
        node.inside = "" if i else around.inside
        here = around._replace(after=node.next, inside=step.ref)
        if step.type in CHOICES:
            node.cases = {
                case: _link(inner, nodes, here)
                for case, inner in step.decision_cases.items()
                if inner or step.type == "SWITCH"
            }
            node.default = _link(step.default_case, nodes, here)
        elif step.type == "DO_WHILE":
            _link_loop(node, nodes, here)
        elif step.type in FORKS:
            join = steps[i + 1] if i + 1 < len(steps) else None
            if join is None or join.type != "JOIN":
                raise DefinitionError(
                    f"{step.type} {step.ref!r} is not followed by a JOIN.",
                    "Put a JOIN directly behind it.",
                )
            node.join = join.ref
            nodes[join.ref].of_fork = step.ref
            if step.type == DYNAMIC_FORK:
                nodes[join.ref].join_on = ()  # it waits for what the fork makes
            here = here._replace(after="", fork=step.ref)
            node.branches = tuple(
                _link(branch, nodes, here) for branch in step.fork_tasks if branch
            )
    return (steps[0].ref, steps[-1].ref) if steps else ("", "")


def _link_loop(node: Node, nodes: Nodes, here: Around) -> None:
    """Behind the last step of an iteration the loop decides on another one."""
    step = node.step
    here = here._replace(after=AGAIN + node.ref, loops=(*here.loops, node.ref))
    _first, node.last = _link(step.loop_over, nodes, here)
    inside = all_steps(step.loop_over)
    node.body = tuple(each.ref for each in inside if nodes[each.ref].loops == here.loops)


def goes_on_behind(node: Node) -> bool:
    """Whether its branch goes on when the step is over: behind it, or in the case that it chose."""
    return bool(node.next) or node.type in CHOICES


def _link_races(nodes: Nodes) -> bool:
    """Tells forks and branches of the JOINs that count; whether there are any."""
    counting = [node for node in nodes.values() if node.step.join_count is not None]
    for node in counting:
        for ref in (node.of_fork, *node.join_on):
            nodes[ref].race = node.ref
    return bool(counting)


def _after(plan: Plan, node: Node) -> frozenset[Key]:
    """Rows that completing the node will read: its joins, and what directly follows."""
    found: set[Key] = {("task", join) for join in node.joins}
    # Only a look-ahead: what is left out here is asked for when it is needed.
    output_keys = plan.output_keys if len(plan.output_keys) <= _AHEAD_MAX else frozenset[Key]()
    seen: set[str] = set()
    ahead = [node.next, *(plan.nodes[join].next for join in node.joins)]
    if node.loops:  # its iterations are nodes of their own, which ask for what they need
        return frozenset({("task", join) for join in node.joins})
    while ahead:
        ref = ahead.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if not ref:
            found |= output_keys if not node.fork or node.joins else frozenset()
            continue
        following = plan.nodes[ref]
        found |= following.keys if len(following.keys) <= _AHEAD_MAX else frozenset()
        if following.type == "DO_WHILE":
            continue
        if following.type in CHOICES:
            ahead += [first for first, _ in (*following.cases.values(), following.default)]
            ahead.append(following.next)
        elif following.type in ("NOOP", "SET_VARIABLE", "INLINE"):
            ahead.append(following.next)
        elif following.type == "FORK_JOIN":
            ahead += [first for first, _ in following.branches[:8]]
    return frozenset(found)
