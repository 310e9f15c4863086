"""Workers whose engine is in another process: their work and their results go over HTTP."""
