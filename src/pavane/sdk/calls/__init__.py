"""Tasks that are done by calling a service that knows nothing of us."""
