"""Real processes that are killed while they work, and the judge of what is left."""
