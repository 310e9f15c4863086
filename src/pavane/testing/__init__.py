"""What tests of Pavane and of its users stand on: virtual time, contract suites, and `play`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pavane.testing.answers import HANG, after, in_turn
    from pavane.testing.playing import Faults, Play, play
    from pavane.testing.reacting import Reacted, Told, react

__all__ = ["HANG", "Faults", "Play", "Reacted", "Told", "after", "in_turn", "play", "react"]

_HOME = {
    "HANG": "answers",
    "after": "answers",
    "in_turn": "answers",
    "Reacted": "reacting",
    "Told": "reacting",
    "react": "reacting",
}

if not TYPE_CHECKING:  # a type checker would take any name for real

    def __getattr__(name: str) -> object:
        """Import a name when it is first asked for: the contract suites need none of it."""
        if name not in __all__:
            raise AttributeError(f"module 'pavane.testing' has no attribute {name!r}")
        value = getattr(import_module(f"pavane.testing.{_HOME.get(name, 'playing')}"), name)
        globals()[name] = value
        return value
