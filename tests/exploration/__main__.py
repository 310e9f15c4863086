"""Prints the table of all scenarios: `python -m tests.exploration [limit of states]`."""

from __future__ import annotations

import sys

from tests.exploration.beyond import BEYOND_THE_PAGE
from tests.exploration.reports import HEAD, reports
from tests.exploration.scenarios import OF_THE_PAGE

limit = int(sys.argv[1]) if len(sys.argv) > 1 else 0
print(HEAD)
for each in reports([*OF_THE_PAGE, *BEYOND_THE_PAGE], large=bool(limit), limit=limit):
    print(each.line, *each.faults, sep="\n", flush=True)
