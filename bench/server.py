"""How soon `pavane server` answers and what memory it takes, beside a bare hello."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.alternation import alternate
from bench.result import Result

PAIRS = 5
TIMES = 3.0
PATIENCE_S = 30.0
LOOK_S = 0.005


def results(pairs: int = PAIRS) -> list[Result]:
    """Both ratios and the figures behind them."""
    for warm_up in (pavane, hello):  # bytecode is there from then on, as where it was installed
        warm_up()
    both = alternate(pavane, hello, pairs)
    ready, memory = both.ratio("ready_s"), both.ratio("rss_mb")
    return [
        Result("ready, to a bare hello", f"{ready:.2f}", f"<= {TIMES:g}", ready <= TIMES),
        Result("  seconds, and hello's", f"{both.our('ready_s'):.2f}, {both.their('ready_s'):.2f}"),
        Result("memory, to a bare hello", f"{memory:.2f}", f"<= {TIMES:g}", memory <= TIMES),
        Result("  MB, and hello's", f"{both.our('rss_mb'):.0f}, {both.their('rss_mb'):.0f}"),
    ]


def pavane() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{Path(folder) / 'server.db'}"
        return until_ready("pavane", "server", "--store", store, "--port")


def hello() -> dict[str, Any]:
    return until_ready("bench.hello")


def _environment() -> dict[str, str]:
    """Ours, in which bytecode is kept: outside of the sources, wherever these are."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "pavane-bench-bytecode")
    }


def until_ready(*command: str) -> dict[str, Any]:
    """Seconds from the start of the process to the first 200, and its memory then."""
    port = free_port()
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)], stdout=subprocess.DEVNULL, env=_environment()
    )
    try:
        while not is_ready(port):
            if server.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError(f"{' '.join(command)} did not begin to serve")
            time.sleep(LOOK_S)
        ready_s = time.perf_counter() - began
        return {"ready_s": ready_s, "rss_mb": resident_mb(server.pid)}
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_S)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
