"""The production code in virtual time: hours pass in milliseconds, and a seed repeats every run."""
