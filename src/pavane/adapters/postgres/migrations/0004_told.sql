-- What is put that members keep in memory is told as well (ports/members.py); the channel is named
-- as in telling.py.
-- serves: 1

CREATE OR REPLACE FUNCTION marked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE mark SET n = n + 1;
        PERFORM pg_notify('pavane_' || md5(TG_TABLE_SCHEMA), '["","m"]');
        RETURN NULL;
    END $$;
