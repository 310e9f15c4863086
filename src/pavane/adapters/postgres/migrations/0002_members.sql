-- Who uses the store beside us (ports/members.py), by the clock of the server.
-- serves: 1

CREATE TABLE member (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    until timestamptz NOT NULL,
    said bytea NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE duty (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What a worker has is looked up for those that are gone.
CREATE INDEX ready_by_worker ON ready (worker, execution_id, ref) WHERE worker <> '';

-- One row: how often something was put that members keep in memory, also by an older version.
CREATE TABLE mark (n bigint NOT NULL);
INSERT INTO mark (n) VALUES (0);

CREATE FUNCTION marked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN UPDATE mark SET n = n + 1; RETURN NULL; END $$;

CREATE TRIGGER marked AFTER INSERT OR UPDATE OR DELETE ON workflow
    FOR EACH STATEMENT EXECUTE FUNCTION marked();
CREATE TRIGGER marked AFTER INSERT OR UPDATE OR DELETE ON task_definition
    FOR EACH STATEMENT EXECUTE FUNCTION marked();
CREATE TRIGGER marked AFTER INSERT OR UPDATE OR DELETE ON schedule
    FOR EACH STATEMENT EXECUTE FUNCTION marked();
CREATE TRIGGER marked AFTER INSERT OR UPDATE OR DELETE ON access_key
    FOR EACH STATEMENT EXECUTE FUNCTION marked();
