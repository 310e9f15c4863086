"""Calls over HTTP to services that know nothing of us."""
