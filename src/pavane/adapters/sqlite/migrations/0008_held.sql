-- What is leased of a queue is counted where a unit is bounded (ports/store.py).

CREATE INDEX ready_held ON ready (queue) WHERE worker <> '' AND mark = '';
