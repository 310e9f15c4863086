"""Hosts in network namespaces on a bridge; each can be cut off, so that packets just vanish.

It needs the right to make namespaces (root, or CAP_NET_ADMIN and CAP_SYS_ADMIN) and the program
`ip`. Where one of them is missing, `no_network` says what, and a campaign goes on without cuts.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.acceptance.company.site import Host

_LIMIT_S = 10


class Failed(Exception):
    """The system does not let us."""


def _ip(*words: str) -> None:
    ran = subprocess.run(
        ["ip", *words], capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if ran.returncode:
        raise Failed(f"ip {' '.join(words)}: {ran.stderr.strip()}")


class Network:
    """A bridge of this machine, and hosts that are connected by it and by nothing else."""

    def __init__(self, count: int) -> None:
        chance = secrets.randbelow(200) + 20
        self._name = f"pv{secrets.token_hex(3)}"
        self._net = f"10.203.{chance}"
        self.address = f"{self._net}.1"  # of this machine, as the hosts see it
        self.hosts: Sequence[Host] = [
            Host(f"{self._net}.{n + 2}", ("ip", "netns", "exec", self._space(n)))
            for n in range(count)
        ]

    def _space(self, n: int) -> str:
        return f"{self._name}-{n}"

    def _wire(self, n: int) -> str:
        return f"{self._name}.{n}"

    def build(self) -> None:
        """Make it. Failed where that may not be."""
        _ip("link", "add", self._name, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._name)
        _ip("link", "set", self._name, "up")
        for n, host in enumerate(self.hosts):
            space, wire = self._space(n), self._wire(n)
            _ip("netns", "add", space)
            _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", space, "addr", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
            self.mend(n)

    def cut(self, n: int) -> None:
        """From now on nothing comes to that host or from it; nobody is told."""
        _ip("link", "set", self._wire(n), "nomaster")

    def mend(self, n: int) -> None:
        """It is connected again."""
        _ip("link", "set", self._wire(n), "master", self._name, "up")

    def remove(self) -> None:
        """Leave nothing of it."""
        for n in range(len(self.hosts)):
            with suppress(Failed):
                _ip("netns", "del", self._space(n))
        with suppress(Failed):
            _ip("link", "del", self._name)


@contextmanager
def network(count: int) -> Iterator[Network | str]:
    """So many hosts, or why there can be none."""
    if not shutil.which("ip"):
        yield "there is no program ip (package iproute2)"
        return
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield "only root may make network namespaces"
        return
    made = Network(count)
    try:
        try:
            made.build()
        except Failed as error:
            made.remove()
            yield str(error)
            return
        yield made
    finally:
        made.remove()
