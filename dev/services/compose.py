"""Docker Compose, where an engine runs: each server is a project of its own from compose.yaml."""

import os
import shutil
from pathlib import Path

from dev.services.processes import run
from dev.services.server import Server, Unavailable, free_port

FILE = Path(__file__).parents[2] / "compose.yaml"
_URLS = {
    "postgres": "postgresql://postgres@{}:{}/postgres",
    "kafka": "kafka://{}:{}",
    "rabbitmq": "amqp://guest:guest@{}:{}/",
}
_ENGINE_S = 10.0
_PULL_S = 300.0


class ComposeServer(Server):
    """One service of compose.yaml; the variable `KIND_PORT` tells the file its port."""

    how = "compose"

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder)
        self.kind = kind
        self._runs = False

    @property
    def url(self) -> str:
        return _URLS[self.kind].format(self.host, self.port)

    @property
    def alive(self) -> bool:
        return self._runs

    def _prepare(self) -> None:
        self.port = free_port()
        self.project = f"pavane-{self.kind}-{self.port}"

    def _launch(self) -> None:
        self._record()
        self._compose("up", "--detach", self.kind)
        self._runs = True

    def stop(self) -> None:
        self._compose("stop", self.kind)
        self._runs = False

    def kill(self) -> None:
        if self._runs:
            self._compose("kill", self.kind)
        self._runs = False

    def discard(self) -> None:
        remove(self.project)
        super().discard()

    def _compose(self, *words: str) -> None:
        environment = {**os.environ, f"{self.kind.upper()}_PORT": str(self.port)}
        command = ["docker", "compose", "--file", FILE, "--project-name", self.project, *words]
        try:
            run(command, timeout_s=_PULL_S, environment=environment)
        except OSError as error:
            raise Unavailable(str(error)) from None


def engine_runs() -> bool:
    """Whether `docker compose` can be used here."""
    if not shutil.which("docker"):
        return False
    try:
        run(["docker", "info"], timeout_s=_ENGINE_S)
        run(["docker", "compose", "version"], timeout_s=_ENGINE_S)
    except OSError:
        return False
    return True


def remove(project: str) -> None:
    """Take down what a project of this kind left, with its volumes."""
    command = ["docker", "compose", "--file", FILE, "--project-name", project]
    run([*command, "down", "--volumes", "--timeout", "5"], timeout_s=60)
