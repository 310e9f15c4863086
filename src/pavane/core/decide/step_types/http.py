"""HTTP: a request to any service, as Conductor has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from pavane.core.decide.step_types.simple import Simple
from pavane.core.model.workflow import Step

REQUEST = "http_request"
"""The input that holds the request; without it the inputs themselves are the request."""


class Http(Simple):
    """A task named HTTP that Pavane carries out itself, outside of any decision."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs a `uri` and a `method`, as far as that can be seen before it runs."""
        request: Any = step.input_parameters.get(REQUEST, step.input_parameters)
        if not isinstance(request, dict):
            if not (isinstance(request, str) and "$" in request):
                yield f"an HTTP step needs an object in `{REQUEST}`"
            return
        fields = cast("dict[str, Any]", request)
        for name in ("uri", "method"):
            if not fields.get(name):
                yield f"an HTTP step needs a `{name}` in its `{REQUEST}`"
