"""Conductor's API: by plain HTTP, and judged by its own SDK."""
