"""The names that the service's own tables cannot have in its ledger's schema."""

from __future__ import annotations

import re
from typing import Final

from pavane.adapters.migrations import migrations_in
from pavane.adapters.postgres.place import Place
from pavane.errors import DefinitionError

RESERVED: Final = "pavane_"
"""Names of tables that begin with this are ours, now and in later versions."""

_MADE = re.compile(
    r"\bCREATE\s+(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED)\s+)*TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    r'(?P<schema>"?\w+"?\s*\.\s*)?"?(?P<name>\w+)"?',
    re.IGNORECASE,
)


def ensure_free(schema: str, place: Place) -> None:
    """DefinitionError where statements would make a table under a name of ours.

    With IF NOT EXISTS the server would take ours for theirs.
    """
    own = {"meta", *(name for name in made(_OURS) if not name.startswith(RESERVED))}
    for found in _MADE.finditer(schema):
        name = found["name"].lower()
        elsewhere = (found["schema"] or place.schema).strip(' ".') != place.schema
        if not elsewhere and (name in own or name.startswith(RESERVED)):
            raise DefinitionError(
                f"The schema does not fit the ledger {place}: the table {name} is Pavane's own.",
                f"Use tables of other names, that do not begin with {RESERVED}.",
            )


def made(sql: str) -> set[str]:
    """The names of the tables that statements make, in lower case."""
    return {found["name"].lower() for found in _MADE.finditer(sql)}


_OURS: Final = "\n".join(each.sql for each in migrations_in("pavane.adapters.postgres", "ledger"))
