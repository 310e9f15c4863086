"""The pure core: what may happen next, without I/O, clock or randomness."""
