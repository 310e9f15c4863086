-- serves: 1
-- What a service remembers of tasks (ports/results.py), and transactions that functions are lent.

CREATE TABLE pavane_result (
    key text COLLATE "C" NOT NULL PRIMARY KEY,
    output bytea,
    at bigint NOT NULL
);

CREATE INDEX pavane_result_by_age ON pavane_result (at);

-- A row for each transaction that is lent, written when it begins and deleted when we end it: so
-- that the server asks pavane_ends() before any COMMIT. It never outlives its transaction.
CREATE UNLOGGED TABLE pavane_turn (token text COLLATE "C" NOT NULL) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE FUNCTION pavane_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('pavane.ending', true) IS DISTINCT FROM NEW.token THEN
        RAISE EXCEPTION 'COMMIT and SET CONSTRAINTS ALL cannot be used here: the transaction of a '
            'function begins and ends with its call.'
            USING ERRCODE = 'PV004', HINT = 'Leave it out; a savepoint undoes a part.';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER pavane_ends AFTER INSERT ON pavane_turn
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pavane_ends();

-- Who names one of these keys has them to the end of the transaction. Always in one order, so that
-- nobody waits in a ring.
CREATE FUNCTION pavane_lock(keys text[], wait_ms int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('lock_timeout');
    one bigint;
BEGIN
    PERFORM set_config('lock_timeout', wait_ms::text, true);
    FOR one IN SELECT DISTINCT hashtextextended(k, hashtextextended(current_schema(), 0)) AS h
        FROM unnest(keys) k ORDER BY h
    LOOP
        PERFORM pg_advisory_xact_lock(one);
    END LOOP;
    PERFORM set_config('lock_timeout', before, true);
END $$;

-- What was recorded first stays, unless it says only that something has begun.
CREATE FUNCTION pavane_put(mine bigint, keys text[], outputs bytea[], ats bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF mine > 0 THEN
        PERFORM 1 FROM holder WHERE generation = mine FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'another process serves the ledger' USING ERRCODE = 'PV003';
        END IF;
    END IF;
    INSERT INTO pavane_result AS r (key, output, at)
    SELECT * FROM unnest(keys, outputs, ats)
    ON CONFLICT (key) DO UPDATE SET output = excluded.output, at = excluded.at
    WHERE r.output IS NULL AND excluded.output IS NOT NULL;
END $$;

CREATE FUNCTION pavane_record(
    mine bigint, keys text[], outputs bytea[], ats bigint[], wait_ms int
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pavane_lock(keys, wait_ms);
    PERFORM pavane_put(mine, keys, outputs, ats);
END $$;

-- The beginning of a transaction that is lent. The last row, without a key, says since when nothing
-- is missing: it is read behind the others, as who prunes writes it before anything goes.
CREATE FUNCTION pavane_begin(keys text[], turn text, wait_ms int)
RETURNS TABLE (key text, output bytea, at bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    place tid;
BEGIN
    PERFORM set_config('pavane.lent', 'off', true);
    INSERT INTO pavane_turn (token) VALUES (turn) RETURNING ctid INTO place;
    PERFORM set_config('pavane.turn', turn, true), set_config('pavane.place', place::text, true);
    PERFORM pavane_lock(keys, wait_ms);
    PERFORM set_config('pavane.lent', 'on', true);
    RETURN QUERY SELECT r.key, r.output, r.at FROM pavane_result r WHERE r.key = ANY (keys);
    RETURN QUERY SELECT NULL::text, NULL::bytea,
        coalesce((SELECT m.value::bigint FROM meta m WHERE m.name = 'results'), 0);
END $$;

-- And its end, before the COMMIT. Settings of a transaction go with it: where the turn is not this
-- one, the function has ended its own.
CREATE FUNCTION pavane_end(
    turn text, mine bigint, keys text[], outputs bytea[], ats bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('pavane.turn', true) IS DISTINCT FROM turn THEN
        RAISE EXCEPTION 'the transaction was ended' USING ERRCODE = 'PV004';
    END IF;
    PERFORM set_config('pavane.lent', 'off', true);
    PERFORM pavane_put(mine, keys, outputs, ats);
    DELETE FROM pavane_turn WHERE ctid = current_setting('pavane.place')::tid;
    PERFORM set_config('pavane.lent', 'on', true), set_config('pavane.ending', turn, true);
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
END $$;

-- What functions do on connections that are lent to them does not touch our rows.
CREATE FUNCTION pavane_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The table % of the ledger is Pavane''s own (pavane_).', TG_TABLE_NAME
        USING ERRCODE = 'PV005', HINT = 'Use tables of other names.';
END $$;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['execution', 'state', 'inbox', 'todo', 'log', 'aside', 'offset',
        'writer', 'holder', 'meta', 'pavane_result', 'pavane_turn']
    LOOP
        EXECUTE format('CREATE TRIGGER pavane_guards BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
            ON %I FOR EACH STATEMENT WHEN (current_setting(''pavane.lent'', true) = ''on'')
            EXECUTE FUNCTION pavane_guards()', one);
    END LOOP;
    -- Whatever the caller's search path is, and whatever temporary tables it has.
    FOR one IN SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = to_regnamespace(quote_ident(current_schema()))
        AND proname IN ('pavane_lock', 'pavane_put', 'pavane_record', 'pavane_begin', 'pavane_end')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', one, current_schema());
    END LOOP;
END $$;
