"""The numbered steps of a schema, as files beside the adapter that applies them."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import NamedTuple

_SERVES = re.compile(r"^-- serves: (\d+)$", re.MULTILINE)


class Migration(NamedTuple):
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells a migration from an edited one of the same number."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def serves(self) -> int:
        """The oldest schema whose code works on this one too: itself, unless it says otherwise.

        A migration that only adds what older code does not miss has a line `-- serves: NUMBER`.
        """
        found = _SERVES.search(self.sql)
        return int(found[1]) if found else self.number


def migrations_in(package: str, kind: str = "") -> list[Migration]:
    """All that this version knows, by number; file names are `NNNN_name.sql`.

    Those of a store are in the folder `migrations` itself, those of other kinds in one of theirs.
    """
    folder = files(package) / "migrations"
    if kind:
        folder /= kind
    found = [
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found)
