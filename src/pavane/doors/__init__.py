"""Where requests come in: the command line and REST. A door translates and calls; nothing else."""
