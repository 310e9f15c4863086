"""A task that a service offers: a plain function, with its contract and its policy."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from msgspec import structs

from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import DefinitionError, UsageError
from pavane.language.offers import StepOptions
from pavane.sdk.calls.declared import Call
from pavane.sdk.calls.here import call_here
from pavane.sdk.context import TaskContext
from pavane.sdk.contract import Contract
from pavane.sdk.parameters import Shape, place_of, read_shape
from pavane.sdk.plainly import as_step, is_step
from pavane.sdk.policy import Policy, description_of

if TYPE_CHECKING:
    from pavane.sdk.service import Service

P = ParamSpec("P")
R = TypeVar("R")


class Task(Generic[P, R]):
    """What `@service.task` makes of a function.

    In a workflow, `await task(...)` is a step. Anywhere else it runs the function itself, a sync
    one in a thread, with a plain TaskContext if it asks for one. Annotations are read when they
    are first needed, so that they may name what is defined further down.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        owner: Service,
        *,
        name: str = "",
        policy: Policy | None = None,
        undo: Task[..., Any] | None = None,
        pivot: bool = False,
        frame: types.FrameType | None = None,
        options: StepOptions | None = None,
        call: Call | None = None,
    ) -> None:
        self.function = function
        self.owner = owner
        self.name: str = name or getattr(function, "__name__", "")
        self.service: str = owner.name
        self.policy: Policy = policy or Policy()
        self.undo: Task[..., Any] | None = undo
        self.pivot: bool = pivot
        self.options: StepOptions = options or StepOptions()
        self.call: Call | None = call
        self._frame = frame
        self._definition: TaskDefinition | None = None
        functools.update_wrapper(self, function, updated=())
        if not self.name.replace(".", "_").replace("-", "_").isidentifier():
            raise DefinitionError(
                f"{self.name!r} cannot name a task of {owner.name}.",
                'Name it: @service.task(name="…"), with letters, digits, "_", "-" and ".".',
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run the function here and now; the workflow language reads this call as a step."""
        return self._run(*args, **kwargs)

    async def _run(self, *args: Any, **kwargs: Any) -> Any:
        if is_step():
            optional = self.options.optional
            return await as_step(self.name, self._call(*args, **kwargs), optional=optional)
        return await self._call(*args, **kwargs)

    async def _call(self, *args: Any, **kwargs: Any) -> Any:
        shape = self.shape
        if shape.database:
            raise UsageError(
                f"{self.name} asks for the database of {self.service}, which it has in a workflow.",
                f"Call the function itself with a connection: {self.name}.function(…).",
            )
        bound = shape.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given: dict[str, Any] = dict(bound.arguments)
        if self.call is not None:
            return await call_here(self.definition, self.contract, given)
        if shape.context:
            given[shape.context] = TaskContext.outside(self.name, self.service)
        by_position = [given[name] for name in shape.positional]
        by_keyword = {name: given[name] for name in shape.keyword}
        if shape.is_async:
            return await self.function(*by_position, **by_keyword)
        return await asyncio.to_thread(self.function, *by_position, **by_keyword)

    def with_options(
        self,
        *,
        ref: str | None = None,
        retries: int | None = None,
        timeout: str | float | timedelta | None = None,
        undo: Task[..., Any] | None = None,
        pivot: bool | None = None,
        optional: bool | None = None,
        start_delay: str | float | timedelta | None = None,
    ) -> Task[P, R]:
        """The same task with other options for one step of a workflow.

        `ref` names the step for good; `optional` lets the workflow go on when it fails;
        `start_delay` waits before the first attempt.
        """
        changed = self.options.changed(
            ref=ref,
            retries=retries,
            timeout=timeout,
            undo=undo,
            pivot=pivot,
            optional=optional,
            start_delay=start_delay,
        )
        return Task(
            self.function,
            self.owner,
            name=self.name,
            policy=self.policy,
            undo=self.undo,
            pivot=self.pivot,
            frame=self._frame,
            options=changed,
            call=self.call,
        )

    @cached_property
    def shape(self) -> Shape:
        """What the function takes and gives; DefinitionError where it cannot be a task."""
        return read_shape(self.function, self._frame)

    @property
    def signature(self) -> inspect.Signature:
        """The parameters with resolved annotations, without a TaskContext and a database."""
        return self.shape.signature

    @property
    def returns(self) -> Any:
        """The resolved type of the result."""
        return self.shape.returns

    @cached_property
    def contract(self) -> Contract:
        """Its typed door."""
        return Contract(self.name, place_of(self.function), self.shape)

    @property
    def definition(self) -> TaskDefinition:
        """Its definition, after checking everything that can be checked without running it."""
        if self._definition is None:
            self._definition = self._define()
        return self._definition

    def _define(self) -> TaskDefinition:
        place = place_of(self.function)
        if self.undo is not None:
            check_undo(self, self.undo)
        _ = self.contract
        try:
            definition = self.policy.definition(
                self.name,
                self.service,
                description=description_of(self.function),
                inputs=list(self.signature.parameters),
                undo=self.undo.name if self.undo is not None else "",
            )
            if self.call is None or self.owner.url is None:
                return definition
            if self.shape.context:
                raise DefinitionError(
                    "It is done by a call, so there is nobody to give a TaskContext to.",
                    "Leave that parameter out.",
                )
            call = self.call.template(self.owner.url, definition.input_keys, self.returns)
            return structs.replace(definition, call=call)
        except DefinitionError as error:
            raise DefinitionError(f"{place}: {error.message}", error.remedy) from error

    def __repr__(self) -> str:
        return f"<task {self.service}.{self.name}>"


def check_undo(task: Task[..., Any], undo: Task[..., Any]) -> None:
    """DefinitionError unless the undo can be called with the step's inputs and its result.

    A parameter that bears the name of an input gets it; the one left over gets the result.
    """
    place = f"{place_of(undo.function)}, the undo of {task.name}"
    if undo.undo is not None:
        raise DefinitionError(f"{place}, has an undo of its own.", "An undo is not undone.")
    inputs = task.signature.parameters
    left = [p for name, p in undo.signature.parameters.items() if name not in inputs]
    required = [p.name for p in left if p.default is inspect.Parameter.empty]
    if len(required) > 1:
        raise DefinitionError(
            f"{place}, asks for {', '.join(required)}, of which {task.name} has no inputs.",
            f"It can take {', '.join(inputs) or 'no inputs'}, and one more parameter: the result.",
        )
