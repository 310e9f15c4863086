"""A company of real processes, in any style, that die, are stopped and come back; and its judge."""
