"""Everything in this process's memory: for tests, simulations and trying things out."""
