"""Real servers for tests: started once per run, when a test that was chosen asks for one.

Beside each other in two processes the tests share them: the first that asks starts a server, under
a lock. All that was started is ended by process id when the run ends, and by the next run if it
was killed. A server that cannot be had skips its tests with the reason, and in CI fails them.

- `postgres_url`, `kafka_url`, `rabbitmq_url`: where one is. Others use it too: give what you make
  in it names of your own, and leave it running.
- `postgres_server`, `kafka_server`, `rabbitmq_server`: the same with `how` it was had. Kafka whose
  `how` is "mock" has no administration, no retention and no true transactions.
- `own_postgres`, `own_kafka`, `own_rabbitmq`: a server of this module's own, with `start()`,
  `stop()`, `kill()`, `restart()` and `url`; running when a test begins.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

import pytest

from dev.services.choosing import KINDS
from dev.services.given import WrongUrl
from dev.services.processes import Process, me
from dev.services.scopes import Running, Scope, sweep
from dev.services.server import Server, Unavailable

_RUN = "PAVANE_TEST_RUN"  # whose run this is: "process id-time of birth" of who began it
_ENDING_S = 120.0
_AHEAD: list[threading.Thread] = []
_ENDING = threading.Event()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run; the processes in which tests run side by side inherit the name."""
    if not hasattr(config, "workerinput"):
        run = me()
        os.environ[_RUN] = f"{run.pid}-{run.born}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to start what the chosen tests ask for, beside the tests that need nothing."""
    asked = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    kinds = [kind for kind in reversed(KINDS) if f"{kind}_server" in asked]
    if kinds and not session.config.option.collectonly:
        _AHEAD.append(threading.Thread(target=_start_ahead, args=(kinds,), daemon=True))
        _AHEAD[-1].start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End what this run started: the process that began the run does it, after the others."""
    _ENDING.set()
    for thread in _AHEAD:
        thread.join(_ENDING_S)
    if not hasattr(config, "workerinput") and scope().folder.exists():
        scope().down()


def scope() -> Scope:
    """The servers of this run of the tests."""
    return Scope(f"tests-{os.environ[_RUN]}")


def _claimed() -> Scope:
    """The scope of this run, with its owner's name in it; what dead runs left is ended first."""
    ours = scope()
    if not ours.folder.exists():
        sweep(ours.root)
        pid, born = os.environ[_RUN].split("-")
        ours.own(Process(int(pid), born))
    return ours


def _start_ahead(kinds: list[str]) -> None:
    for kind in kinds:
        if not _ENDING.is_set():
            with suppress(Unavailable, WrongUrl):  # the test that needs it will be told
                _claimed().ensure(kind, durable=False)


def _server(kind: str) -> Running:
    try:
        return _claimed().ensure(kind, durable=False)
    except WrongUrl as error:
        pytest.fail(str(error), pytrace=False)
    except Unavailable as error:
        refuse(error, judged=os.environ.get("CI") == "true")


def _own(kind: str) -> Iterator[Server]:
    try:
        server = _claimed().another(kind)
    except Unavailable as error:
        refuse(error, judged=os.environ.get("CI") == "true")
    try:
        yield server
    finally:
        server.discard()


def refuse(error: Unavailable, *, judged: bool) -> NoReturn:
    """Skip the test that asked, with the reason; in a run that judges a change, fail it."""
    if judged:
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Running:
    """A PostgreSQL server that all tests of this run share."""
    return _server("postgres")


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Running) -> str:
    """Where the shared PostgreSQL server is."""
    return postgres_server.url


@pytest.fixture(scope="session")
def kafka_server() -> Running:
    """A Kafka broker that all tests of this run share."""
    return _server("kafka")


@pytest.fixture(scope="session")
def kafka_url(kafka_server: Running) -> str:
    """Where the shared Kafka broker is."""
    return kafka_server.url


@pytest.fixture(scope="session")
def rabbitmq_server() -> Running:
    """A RabbitMQ node that all tests of this run share."""
    return _server("rabbitmq")


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq_server: Running) -> str:
    """Where the shared RabbitMQ node is."""
    return rabbitmq_server.url


@pytest.fixture(scope="module")
def _own_postgres() -> Iterator[Server]:
    yield from _own("postgres")


@pytest.fixture
def own_postgres(_own_postgres: Server) -> Server:
    """A PostgreSQL server that this module may stop, kill and restart."""
    return _running(_own_postgres)


@pytest.fixture(scope="module")
def _own_kafka() -> Iterator[Server]:
    yield from _own("kafka")


@pytest.fixture
def own_kafka(_own_kafka: Server) -> Server:
    """A Kafka broker that this module may stop, kill and restart."""
    return _running(_own_kafka)


@pytest.fixture(scope="module")
def _own_rabbitmq() -> Iterator[Server]:
    yield from _own("rabbitmq")


@pytest.fixture
def own_rabbitmq(_own_rabbitmq: Server) -> Server:
    """A RabbitMQ node that this module may stop, kill and restart."""
    return _running(_own_rabbitmq)


def _running(server: Server) -> Server:
    if not server.alive:  # the test before this one left it so
        server.start()
    return server
