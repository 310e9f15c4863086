"""Where a company lives: its store, its bus, its ledgers, its parts, and the hosts they are on."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

PARTS = ("inventory", "payment", "shipping,notifications")


class Host(msgspec.Struct, frozen=True):
    """What processes run on: this machine, or a network namespace that is cut off at will."""

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()  # the words before a command that run it there


class Site(msgspec.Struct, frozen=True):
    """One site; its processes know it by their environment."""

    store: str
    bus: str
    url: str  # of the server, or of a balancer before several
    ledger: str = ""  # of each service; empty: beside the bus
    parts: Sequence[str] = PARTS
    nodes: int = 1
    hosts: Sequence[Host] = (Host(),)
    key: str = ""  # that its servers ask for; empty: they ask for none
    travels: bool = False  # whether it sells journeys as well

    @classmethod
    def given(cls) -> "Site":
        """The one that whoever started this process told it of."""
        return msgspec.json.decode(os.environ["COMPANY_SITE"], type=cls)

    @classmethod
    def in_folder(cls, folder: Path, port: int) -> "Site":
        """On one machine, with nothing but files."""
        url = f"http://127.0.0.1:{port}"
        return cls(f"sqlite:///{folder / 'store.db'}", f"embedded:{folder / 'bus'}", url)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        return {"COMPANY_SITE": msgspec.json.encode(self).decode()}
