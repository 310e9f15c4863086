"""Every statement about results in PostgreSQL by name, with a sentence each.

What they call is made by the migration `0002_results`, in the ledger's schema, which a session that
is lent to a function need not have in its path.
"""

from __future__ import annotations

from typing import Final

BEGIN: Final = 'SELECT key, output, at FROM "{schema}".pavane_begin($1::text[], $2, $3)'
"""Begin the turn of a name: wait for keys, for so many ms; what is recorded under them."""

END: Final = 'SELECT "{schema}".pavane_end($1, $2, $3::text[], $4::bytea[], $5::bigint[])'
"""End that turn, with these results; then the transaction can be committed."""

RECORD: Final = "SELECT pavane_record($1, $2::text[], $3::bytea[], $4::bigint[], $5)"
"""Results that stand for themselves, as soon as nobody has their keys."""

FIND: Final = "SELECT key, output, at FROM pavane_result WHERE key = ANY ($1)"
"""What is recorded under these keys."""

PATH: Final = "SELECT reset_val FROM pg_settings WHERE name = 'search_path'"
"""Where this user's sessions look for tables, before we say otherwise."""

END_LENT: Final = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
    AND application_name = ANY ($1)"""
"""End the sessions that former holders of the ledger have lent to functions."""

# --- pruning ------------------------------------------------------------------------------------

OLD: Final = "SELECT 1 FROM pavane_result WHERE at < $1 LIMIT 1"
"""Whether there is a result from before a time."""

PUT_KNOWN_SINCE: Final = """INSERT INTO meta AS m (name, value) VALUES ('results', $1::text)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    WHERE m.value::bigint < excluded.value::bigint"""
"""Results from before a time are about to go."""

PRUNE: Final = """DELETE FROM pavane_result WHERE key IN (
        SELECT key FROM pavane_result WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING 1"""
"""The oldest results from before a time, but for those that another process is taking away."""
