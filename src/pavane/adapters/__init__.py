"""Keepers of the promises in `ports/`, by technology."""
