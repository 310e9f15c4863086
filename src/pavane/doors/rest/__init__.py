"""REST: our own API under /v1, and what makes any of them a server."""
