"""The command `pavane`: one file per command, nothing heavy imported before it is needed."""
