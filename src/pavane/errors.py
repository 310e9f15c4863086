"""Every exception a user may catch, in one tree.

PavaneError                       the root
├── DefinitionError               a workflow or task definition is not valid
│   └── LanguageError             a @workflow function uses what the language does not have
├── ExpressionError               a ${…} or computed value is malformed or cannot be evaluated
├── InputError                    data does not fit its declared type; names the path of the field
│   └── TooLargeError             a payload or a nesting beyond the limit
├── NotFoundError                 no such workflow, execution, step or task
├── ConflictError                 the request does not fit the present state
│   ├── AlreadyExistsError        a definition or a start key exists already with other content
│   ├── LimitReachedError         as many executions of the workflow run as may at once
│   ├── PastPivotError            no way back: a pivot step has passed
│   └── NoBusError                there is no bus here, or none that can say what was asked
├── StoreError                    the store cannot be used or could not commit
│   ├── StoreBusyError            another server holds this store
│   ├── LeaseLostError            another process took over while this one gave no sign of life
│   ├── StoreFullError            no room left; nothing was written
│   ├── StoreVersionError         the database was made by a newer Pavane
│   └── NotCopiedError            it cannot be copied as it is, or not to that place
├── UnauthenticatedError          the server wants a key, or does not know the one that was shown
├── ForbiddenError                the key does not have the role; says which
├── ConnectionFailedError         a server could not be reached
│   └── UntrustedError            it shows a certificate that nobody here vouches for
├── CallError                     a service that was called gave no answer
├── ContendedError                others kept changing the same execution
├── NotInstalledError             a part of Pavane, or a package it needs, is not installed
├── NotStartedError               a process that was started did not come up
├── StoppingError                 the engine is stopping and takes no new work
├── ResultTimeoutError            the execution did not end within the time given
├── ExecutionFailedError          an execution that was waited for did not complete
├── UsageError                    a command or an option was used wrongly
└── Fail                          raised by users: fail this step or workflow for good
    └── StepFailed                a step failed for good; a workflow can catch it
"""

from __future__ import annotations

from collections.abc import Sequence


def where_explained(code: str) -> str:
    """The words that lead from an error to its section in the reference; they need no network."""
    return f"`pavane explain {code}` says more."


class PavaneError(Exception):
    """The root of all errors: `message` says what is wrong and where, `remedy` what to do.

    `code` is for programs, and names its section in the reference. A traceback ends with that.
    """

    code = "error"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.add_note(where_explained(self.code))

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip() if self.remedy else self.message


class DefinitionError(PavaneError):
    """A definition is not valid; `findings` lists everything that is wrong with it."""

    code = "invalid-definition"

    def __init__(self, message: str, remedy: str = "", findings: Sequence[str] = ()) -> None:
        super().__init__(message, remedy)
        self.findings = tuple(findings)


class LanguageError(DefinitionError):
    """A workflow function uses something the workflow language does not have."""

    code = "invalid-workflow"


class ExpressionError(PavaneError):
    """An expression is malformed, or cannot be evaluated with the data at hand."""

    code = "invalid-expression"


class InputError(PavaneError):
    """Data does not fit its declared type; the message names the path of the bad field."""

    code = "invalid-input"


class TooLargeError(InputError):
    """A payload is larger or nested deeper than the limit."""

    code = "too-large"


class NotFoundError(PavaneError):
    """There is no such workflow, execution, step or task."""

    code = "not-found"


class ConflictError(PavaneError):
    """The request does not fit the present state of what it addresses."""

    code = "conflict"


class AlreadyExistsError(ConflictError):
    """The name and version, or the key, are taken by something different."""

    code = "already-exists"


class LimitReachedError(ConflictError):
    """As many executions of the workflow, for this key, run as may at once: it was not started."""

    code = "limit-reached"


class PastPivotError(ConflictError):
    """The execution has passed a pivot step: what was done can no longer be undone."""

    code = "past-pivot"


class NoBusError(ConflictError):
    """What needs a bus was asked where there is none, or of one that cannot say it."""

    code = "no-bus"


class StoreError(PavaneError):
    """The store cannot be used, or could not commit."""

    code = "store"


class StoreBusyError(StoreError):
    """Another server process holds this store."""

    code = "store-busy"


class LeaseLostError(StoreError):
    """This process gave no sign of life for its lease, and another one has taken over."""

    code = "lease-lost"


class StoreFullError(StoreError):
    """There is no room left for the store; nothing of the batch was written."""

    code = "store-full"


class StoreVersionError(StoreError):
    """The database was made by a newer version of Pavane."""

    code = "store-version"


class NotCopiedError(StoreError):
    """It cannot be copied as it is, or not to that place; nothing of it was."""

    code = "not-copied"


class UnauthenticatedError(PavaneError):
    """The server wants a key, or does not know the one that was shown."""

    code = "unauthenticated"


class ForbiddenError(PavaneError):
    """The key does not have the role that this needs; the message says which."""

    code = "forbidden"


class ConnectionFailedError(PavaneError):
    """A server could not be reached."""

    code = "unreachable"


class UntrustedError(ConnectionFailedError):
    """The server's certificate is not trusted here: nothing was sent."""

    code = "untrusted"


class CallError(PavaneError):
    """A service that was called gave no answer that could be used.

    `final`: another attempt would not mend it. `perhaps_done`: the service may have got the
    request, so nobody knows whether it did what was asked.
    """

    code = "call"

    def __init__(
        self, message: str, remedy: str = "", final: bool = False, perhaps_done: bool = False
    ) -> None:
        super().__init__(message, remedy)
        self.final = final
        self.perhaps_done = perhaps_done


class ContendedError(PavaneError):
    """Others kept changing the same execution; nothing of the request was done."""

    code = "contended"


class NotInstalledError(PavaneError):
    """A part of Pavane, or a package that only some need (an extra), is not installed."""

    code = "not-installed"


class NotStartedError(PavaneError):
    """A process that was started did not come up in time, or ended at once."""

    code = "not-started"


class StoppingError(PavaneError):
    """The engine is stopping and takes no new work."""

    code = "stopping"


class ResultTimeoutError(PavaneError):
    """The execution did not end within the time given; it goes on."""

    code = "result-timeout"


class ExecutionFailedError(PavaneError):
    """An execution that was waited for ended, but not COMPLETED."""

    code = "execution-failed"

    def __init__(
        self, message: str, remedy: str = "", *, status: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, remedy)
        self.status = status
        self.reason = reason


class UsageError(PavaneError):
    """A command or an option was used wrongly."""

    code = "usage"


class Fail(PavaneError):
    """Raise it in a task or a workflow: this fails for good and is not tried again."""

    code = "failed"

    @property
    def reason(self) -> str:
        """Why, as text."""
        return str(self)


class StepFailed(Fail):
    """A step of a workflow failed for good: `step` names its task, `reason` is what it said.

    A workflow catches it with `except StepFailed as e`; what was done in the `try` is undone first.
    """

    code = "step-failed"

    def __init__(self, message: str, remedy: str = "", *, step: str = "") -> None:
        super().__init__(message, remedy)
        self.step = step
