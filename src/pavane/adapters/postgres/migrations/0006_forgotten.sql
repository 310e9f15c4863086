-- Executions whose headers are gone, and whose other rows go piece by piece (ports/past.py).
-- serves: 1

CREATE TABLE forgotten (
    id text COLLATE "C" NOT NULL PRIMARY KEY
);
