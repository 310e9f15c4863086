"""Exploration of a choreography: the roles' own code, in every order that a network may bring."""

from __future__ import annotations

from pavane.core.check.explore.mishaps import Mishaps
from pavane.core.check.explore.search import (
    HUMAN,
    Exploration,
    Network,
    Outcome,
    Violation,
    explore,
)
from pavane.core.check.explore.trace import Trace, Turn
from pavane.core.check.explore.world import name_of

__all__ = [
    "HUMAN",
    "Exploration",
    "Mishaps",
    "Network",
    "Outcome",
    "Trace",
    "Turn",
    "Violation",
    "explore",
    "name_of",
]
