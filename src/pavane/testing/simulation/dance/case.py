"""One case of a dance: executions, weather, crashes, clocks, versions, an operator."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pavane.participant import points
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.dance.network import CALM, Weather
from pavane.testing.simulation.dance.played import Run

POINTS = (*points.ALL, "writing", "written")  # the last two are the ledger's own


class Stop(msgspec.Struct, frozen=True):
    """An operator cancels a run."""

    key: str
    at_s: float


class DanceCase(msgspec.Struct, frozen=True):
    """Everything that happens from outside."""

    seed: int
    runs: list[Run]
    weather: Weather = CALM
    crashes: Mapping[str, list[CrashAt]] = {}  # by service, one after the other
    skew_ms: Mapping[str, int] = {}  # by service
    learns_s: Mapping[tuple[str, str], float] = {}  # (service, run): it learns the version then
    stops: list[Stop] = []
    commit_s: float = 0.0
    shuffle: bool = False
    twice: bool = False  # whoever starts a run does so again
    keep_s: float = 0.0  # for how long services remember what is over; 0: for ever
