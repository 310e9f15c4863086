"""Stores in PostgreSQL, for more than one server; needs the extra `postgres` (asyncpg)."""
