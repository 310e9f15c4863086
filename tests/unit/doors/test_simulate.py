"""What `pavane check --simulate` prints of something that must not happen."""

from __future__ import annotations

from pavane.core.check.explore import explore
from pavane.doors.cli.simulate import told
from tests.exploration.scenarios import OF_THE_PAGE
from tests.mutants.dancers import NoRowGuard, UndoesAtOnce

CHAIN = next(each for each in OF_THE_PAGE if each.name == "A → B → C f ⏱")

TOLD = """\
  messages delivered any number of times: 24 states, 0 ends
  undo under a consequence: A is undone while B is running

   1. rA  start
   2. rA  A succeeds   sends token B from A → rB
   3. rA  the deadline of the execution   sends freeze all → rC, freeze all → rB
   4. rB  token B from A
   5. rA  undo of A succeeds

```mermaid
sequenceDiagram
    participant p0 as rA
    participant p1 as rB
    participant p2 as rC
    Note over p0: 1. start
    Note over p0: 2. A succeeds
    Note over p0: 3. the deadline of the execution
    p0-)p1: token B from A (sent in 2)
    Note over p0: 5. undo of A succeeds
    Note over p0,p2: undo under a consequence: A is undone while B is running
```
"""


def test_the_shortest_way_and_a_diagram():
    found = explore(CHAIN.together, dancer=UndoesAtOnce)
    assert "\n".join(told(found, CHAIN.together)) == TOLD


def test_it_says_when_it_was_cut_short():
    found = explore(CHAIN.together, limit=10)
    (line,) = told(found, CHAIN.together)
    assert line.endswith("ends (cut short: 30 s, 200,000)")


def test_patience_ends_an_exploration():
    found = explore(CHAIN.apart, patience=lambda: False)
    assert not found.complete or found.states < 300
    assert explore(CHAIN.apart, "once", patience=lambda: False).complete is False


def test_one_delivery_finds_no_missing_guard():
    assert explore(CHAIN.together, "once", dancer=NoRowGuard).violation is None
