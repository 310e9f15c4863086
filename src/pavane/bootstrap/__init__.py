"""The one place that knows every adapter: from URLs and options to running engines and services."""

from __future__ import annotations

from pavane.bootstrap.choreographed import Company, choreographies_of, dancing_services
from pavane.bootstrap.copying import copy_rows
from pavane.bootstrap.hybrid import Mixed, conducting, mixed_services, mixed_workers
from pavane.bootstrap.keys import keyring_in, keyring_of
from pavane.bootstrap.opening import (
    SystemClock,
    chance,
    open_bus,
    open_caller,
    open_ledger,
    open_store,
)
from pavane.bootstrap.orchestrated import running_engine
from pavane.bootstrap.queued import queued_services
from pavane.bootstrap.remote import remote_services

__all__ = [
    "Company",
    "Mixed",
    "SystemClock",
    "chance",
    "choreographies_of",
    "conducting",
    "copy_rows",
    "dancing_services",
    "keyring_in",
    "keyring_of",
    "mixed_services",
    "mixed_workers",
    "open_bus",
    "open_caller",
    "open_ledger",
    "open_store",
    "queued_services",
    "remote_services",
    "running_engine",
]
