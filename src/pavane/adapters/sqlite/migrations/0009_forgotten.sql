-- Executions whose headers are gone, and whose other rows go piece by piece (ports/past.py).
-- serves: 8

CREATE TABLE forgotten (
    id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
