"""RabbitMQ: Debian's package, as a node of its own, with a port mapper (epmd) of its own."""

import os
import shutil
from pathlib import Path

from dev.services.installing import debian_packages
from dev.services.processes import start
from dev.services.server import Server, Unavailable, free_port, hand_over, unprivileged

_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one that does not change the user
_MEMORY = "256MB"  # above this, publishers wait


class RabbitServer(Server):
    """One RabbitMQ node on loopback, user and password `guest`, without plugins.

    Its epmd listens on a port of its own and is started here, so that its process id is known and
    the system's is never touched.
    """

    kind = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._script = Path()
        self._data = Path()
        self._epmd_port = 0
        self._node_port = 0

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.host}:{self.port}/"

    def _prepare(self) -> None:
        self._script = script()
        self.port, self._epmd_port, self._node_port = free_port(), free_port(), free_port()
        self._data = hand_over(self.folder / "data")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {self.host}:{self.port}\n"
            "loopback_users = none\n"
            f"vm_memory_high_watermark.absolute = {_MEMORY}\n"
            "disk_free_limit.absolute = 50MB\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n",
            "utf-8",
        )
        (self.folder / "plugins").write_text("[].\n", "utf-8")
        for name in ("rabbitmq.conf", "plugins"):
            shutil.copy(self.folder / name, self._data / name)

    def _environment(self) -> dict[str, str]:
        one_thread = (
            "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"  # no busy waiting beside tests
        )
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._data),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": self.host,
            "RABBITMQ_NODENAME": f"pavane-{self.port}@localhost",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self._data / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._data / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._data / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._data / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"{one_thread} -kernel inet_dist_use_interface {{127,0,0,1}} -start_epmd false"
            ),
            "RUNNING_UNDER_SYSTEMD": "true",  # become the node instead of waiting for it in a shell
        }

    def _launch(self) -> None:
        user, log, environment = unprivileged(), self.folder / "log", self._environment()
        epmd = ["epmd", "-address", self.host, "-port", str(self._epmd_port)]
        self._keep(start(epmd, folder=self._data, log=log, environment=environment, user=user))
        self._keep(
            start([self._script], folder=self._data, log=log, environment=environment, user=user)
        )


def script() -> Path:
    """Debian's start script; installs the package where that may be done."""
    if not _SCRIPT.exists():
        debian_packages("rabbitmq-server")
    if not _SCRIPT.exists():
        raise Unavailable("the package rabbitmq-server has no start script where Debian puts it")
    return _SCRIPT
