"""What a server answers to programs and to people: REST, and the pages that are made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pavane.doors.dashboard.routes import ROUTES
from pavane.doors.rest.app import build_app

if TYPE_CHECKING:
    from pavane.doors.rest.access.lock import Lock
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine
    from pavane.engine.keyring import Keyring


def build_site(
    engine: Engine | None, company: Company | None = None, keyring: Keyring | None = None
) -> Lock:
    """The application with its pages; as `build_app`."""
    return build_app(engine, company, keyring, ROUTES)
