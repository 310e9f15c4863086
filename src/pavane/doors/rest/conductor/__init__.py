"""Conductor's API, under /api: so much of it that its clients work unchanged."""
