"""A server asked over HTTP, with nothing but the standard library: a command should start fast."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from pavane.core.model.access import Role
from pavane.core.model.schedule import Schedule
from pavane.doors.cli.place import LetterPage, Page
from pavane.doors.executions.asked import Start
from pavane.doors.executions.lag import Lag
from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.keys import KeyList, KeyView, NewKey
from pavane.engine.views.people import Questions
from pavane.engine.views.shapes import ExecutionView, MoveView, StandingView
from pavane.errors import ConnectionFailedError, PavaneError
from pavane.observer.event_types import EventTypes
from pavane.sdk.credentials import headers_for
from pavane.sdk.unreachable import unreachable

if TYPE_CHECKING:
    from pavane.sdk.given import GivenEvent

TIMEOUT_S = 75.0  # longer than the server lets a request for a result wait

T = TypeVar("T")


class Problem(msgspec.Struct):
    """What we show of a problem document."""

    code: str = ""
    detail: str = ""
    remedy: str = ""
    findings: list[str] = []


class Started(msgspec.Struct):
    """The answer to a start, or to an event."""

    id: str


class ScheduleList(msgspec.Struct):
    """The answer to a look at the schedules."""

    schedules: list[Schedule]


class Standing(msgspec.Struct):
    """Where an execution stands, and its output once it has ended."""

    status: str
    reason: str = ""
    output: Any = None


class Remote:
    """The executions of a server, over /v1."""

    def __init__(self, server: str, api_key: str | None = None) -> None:
        self._server = server
        self._headers = headers_for(api_key)

    def execution(self, execution_id: str) -> ExecutionView:
        """As `Place.execution`."""
        return self._ask("GET", f"/executions/{quote(execution_id, safe='')}", ExecutionView)

    def find(self, filters: Mapping[str, Any]) -> Page:
        """As `Place.find`."""
        query = urlencode({name: value for name, value in filters.items() if value})
        return self._ask("GET", f"/executions?{query}", Page)

    def start(self, start: Start) -> str:
        """As `Place.start`."""
        body: dict[str, Any] = {"input": msgspec.Raw(start.input), "key": start.key}
        if start.if_exists != "return":
            body["ifExists"] = start.if_exists
        if start.priority:
            body["priority"] = start.priority
        path = f"/workflows/{quote(start.workflow, safe='')}/executions"
        return self._ask("POST", path, Started, body).id

    def act(self, execution_id: str, action: str, body: Mapping[str, Any], ref: str = "") -> str:
        """As `Place.act`."""
        path = f"/executions/{quote(execution_id, safe='')}/{action}"
        path += f"/{quote(ref, safe='')}" if ref else ""
        return self._ask("POST", path, Standing, body).status

    def move(self, execution_id: str, version: int | None, *, dry_run: bool) -> MoveView:
        """As `Place.move`."""
        path = f"/executions/{quote(execution_id, safe='')}/move"
        return self._ask("POST", path, MoveView, {"to": version, "dryRun": dry_run})

    def remove(self, execution_id: str) -> None:
        """As `Place.remove`."""
        self._ask("DELETE", f"/executions/{quote(execution_id, safe='')}", Started)

    def definition(self, workflow: str, version: int | None) -> bytes:
        """The JSON of a version of a workflow, the newest by default."""
        path = f"/workflows/{quote(workflow, safe='')}"
        return bytes(
            self._ask("GET", f"{path}?version={version}" if version else path, msgspec.Raw)
        )

    def standing(self, workflow: str, version: int, to: int | None) -> StandingView:
        """Where the executions by a version stand."""
        query = urlencode({"version": version, **({"to": to} if to is not None else {})})
        return self._ask(
            "GET", f"/workflows/{quote(workflow, safe='')}/standing?{query}", StandingView
        )

    def letters(self, filters: Mapping[str, Any]) -> LetterPage:
        """As `Place.letters`."""
        query = urlencode({name: value for name, value in filters.items() if value})
        return self._ask("GET", f"/dead-letters?{query}", LetterPage)

    def letter(self, id: str) -> DeadLetter:
        """As `Place.letter`."""
        return self._ask("GET", f"/dead-letters/{quote(id, safe='')}", DeadLetter)

    def settle(self, id: str, action: str, reason: str) -> DeadLetter:
        """As `Place.settle`."""
        path = f"/dead-letters/{quote(id, safe='')}/{action}"
        return self._ask("POST", path, DeadLetter, {"reason": reason})

    def questions(self, to: str, limit: int) -> Questions:
        """As `Place.questions`."""
        query = urlencode({"to": to, "limit": limit})
        return self._ask("GET", f"/people?{query}", Questions)

    def event_types(self, *, unheard: bool) -> EventTypes:
        """The types of events on the server's bus."""
        return self._ask("GET", f"/event-types?unheard={unheard}".lower(), EventTypes)

    def lag(self) -> Lag:
        """How far groups are behind on the server's bus."""
        return self._ask("GET", "/lag", Lag)

    def publish(self, given: GivenEvent) -> str:
        """Put an event on the server's bus; its id."""
        return self._ask("POST", "/events", Started, given).id

    def wait(self, execution_id: str, wait_s: int) -> Standing:
        """Where it stands once it has ended, needs a person, or the seconds (at most 60) are up."""
        path = f"/executions/{quote(execution_id, safe='')}/result?wait={wait_s}"
        return self._ask("GET", path, Standing)

    def schedules(self) -> list[Schedule]:
        """What starts by itself at the server."""
        return self._ask("GET", "/schedules", ScheduleList).schedules

    def change_schedule(self, name: str, action: str, reason: str) -> Schedule:
        """Pause or resume one; how it stands."""
        body = {"reason": reason} if action == "pause" else None
        return self._ask("POST", f"/schedules/{quote(name, safe='')}/{action}", Schedule, body)

    def keys(self) -> KeyList:
        """The keys of the server."""
        return self._ask("GET", "/keys", KeyList)

    def add_key(self, name: str, roles: Sequence[Role], expires_at: int) -> NewKey:
        """A new key, with its text."""
        body = {"name": name, "roles": roles, "expiresAt": expires_at}
        return self._ask("POST", "/keys", NewKey, body)

    def revoke_key(self, wanted: str) -> KeyView:
        """Take away a key, by id or name."""
        return self._ask("DELETE", f"/keys/{quote(wanted, safe='')}", KeyView)

    def _ask(self, method: str, path: str, kind: type[T], body: Any = None) -> T:
        url = urlsplit(self._server)
        secure = url.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(url.hostname or "", url.port, timeout=TIMEOUT_S)
        try:
            sent = None if body is None else msgspec.json.encode(body)
            headers = self._headers | ({"content-type": "application/json"} if sent else {})
            connection.request(method, f"{url.path}/v1{path}", sent, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self._server, error) from error
        finally:
            connection.close()
        return self._decoded(response.status, answer, kind)

    def _decoded(self, status: int, answer: bytes, kind: type[T]) -> T:
        try:
            if status < 400:
                return msgspec.json.decode(answer, type=kind)
            problem = msgspec.json.decode(answer, type=Problem)
        except msgspec.DecodeError as error:
            raise ConnectionFailedError(
                f"What answers at {self._server} is no Pavane server (HTTP {status}).",
                "Check the URL.",
            ) from error
        message = "\n".join([problem.detail or f"HTTP {status}", *problem.findings])
        error = PavaneError(message, problem.remedy)
        error.code = problem.code or error.code  # so that `pavane explain` has its section
        raise error
