"""An application of several examples at once, unchanged; `PAVANE_EXAMPLES` says which."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"
WANTED = os.environ.get("PAVANE_EXAMPLES", "").split()  # with "hybrid" as their hybrid.py has them


def _loaded(example: str, name: str) -> ModuleType:
    """A module of an example's folder; others there have modules of the same name."""
    sys.path.insert(0, str(EXAMPLES / example))
    sys.modules.pop(name, None)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def _bind(module: ModuleType, *names: str) -> None:
    globals().update({name: getattr(module, name) for name in names})


if "web" in WANTED:  # on its own: it has a task `ship`, as the shop has
    _bind(_loaded("web", "orders"), "warehouse", "sell")
else:
    for _example, _services, _workflow in (
        ("shop", ("inventory", "payment", "shipping", "notifications"), "fulfil_order"),
        ("travel", ("prices", "flights", "hotels", "cars"), "book_trip"),
        ("onboarding", ("people", "accounts", "office"), "take_in"),
    ):
        _plain = _loaded(_example, _example)
        _bind(_plain, *_services)
        _bind(_loaded(_example, "hybrid") if "hybrid" in WANTED else _plain, _workflow)
if "bank" in WANTED:
    _bind(_loaded("bank", "with_asyncpg"), "bank", "transfer")
