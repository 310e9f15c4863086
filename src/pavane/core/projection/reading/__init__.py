"""From a workflow to its choreography: nodes, owners, the causal order, and the ways of data."""

from __future__ import annotations

from pavane.core.projection.reading.definition import read_choreography, read_source

__all__ = ["read_choreography", "read_source"]
