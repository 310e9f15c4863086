"""Prose is part of the build: what README and docs show is run, and its outcome compared."""
