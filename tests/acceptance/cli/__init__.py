"""The command line, as real processes in folders of their own."""
