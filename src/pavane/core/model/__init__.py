"""What things are: definitions, executions, tasks, facts and commands, as plain values."""
