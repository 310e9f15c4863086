"""Promises that adapters keep: Protocols and the values they speak of, nothing else."""
