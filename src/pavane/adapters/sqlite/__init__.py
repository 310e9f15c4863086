"""One SQLite file, served by one process: the default, with nothing to install or to start."""
