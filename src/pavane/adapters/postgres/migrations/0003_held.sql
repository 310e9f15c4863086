-- What is leased of a queue is counted where a unit is bounded (ports/store.py).
-- serves: 1

CREATE INDEX ready_held ON ready (queue) WHERE worker <> '' AND mark = '';
