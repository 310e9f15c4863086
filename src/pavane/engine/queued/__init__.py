"""Tasks that services take from a bus: sent there, and what comes back of them."""
