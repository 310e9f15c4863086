"""Ten thousand idle long polls at one server process, and others who work meanwhile.

With fewer files than that takes it does what it can, and says so.
"""

import asyncio
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pavane.doors.rest.files import raise_limit
from pavane.doors.rest.guard import KEPT_FILES
from tests.acceptance.cli.processes import background
from tests.acceptance.hostile.clients import STEP, ask, do_all, work
from tests.acceptance.hostile.idle import exchange, gather_idle, poll

pytestmark = pytest.mark.anyio
MANY = 10_000
CONDUCTORS = 1_000  # of them, on Conductor's path: those come back every five seconds
LEASE_S = 180  # so long that nothing comes back by a lease that ends
BYTES_EACH = 40_000
WAITING = {"name": "waiting", "version": 1, "tasks": [{**STEP, "name": "idle"}]}


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def until_files(pid: int, at_most: int) -> None:
    """Wait until a process has let go of its connections."""
    for _ in range(300):
        if files(pid) <= at_most:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{files(pid)} files are open, not {at_most}")


async def test_others_work_while_ten_thousand_wait(tmp_path: Path):
    many = min(MANY, raise_limit() - 2 * KEPT_FILES)
    if many < MANY:
        print(f"Only {many} connections: the system lets a process have {raise_limit()} files.")
    with background(tmp_path, "server", "--port", "0", "--lease", f"{LEASE_S}s") as server:
        port, pid = urlsplit(server.url).port or 0, server.process.pid
        assert await work(port, 10) == 10
        await ask(port, "POST", "/v1/workflows", WAITING)
        before, open_before = resident(pid), files(pid)

        told: Counter[str] = Counter()
        conductors = many * CONDUCTORS // MANY
        requests = [poll(each, "idle") for each in range(conductors)]
        requests += [exchange(each, "idle") for each in range(conductors, many)]
        idle = await gather_idle(port, requests, told)
        assert await work(port, 20, "good") == 20, "others work meanwhile"
        assert files(pid) - open_before >= many, "all of them are there"
        each = (resident(pid) - before) / many
        began = time.monotonic()
        code, _ = await ask(port, "GET", "/health")
        answered_s = time.monotonic() - began
        print(f"{many} idle polls: {each:.0f} bytes each, /health {answered_s * 1000:.1f} ms")
        assert code == 200
        assert each < BYTES_EACH
        assert told.keys() <= {"200", "204", "tasks"}, told
        assert not told["tasks"]

        # All hang up at once, while work comes for them: it goes to one who is there.
        starting = [
            asyncio.create_task(ask(port, "POST", "/v1/workflows/waiting/executions", {}))
            for _ in range(20)
        ]
        for client in idle:
            client.hang_up()
        ids = [started["id"] for _, started in await asyncio.gather(*starting)]
        await until_files(pid, open_before + 20)
        assert await do_all(port, ids, "idle", "good") == len(ids), "no task is lost"
        assert server.process.poll() is None
        assert "Traceback" not in server.text, server.text[-3000:]
