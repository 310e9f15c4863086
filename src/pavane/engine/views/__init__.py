"""The read side: executions as people and programs look at them, for every door alike."""
