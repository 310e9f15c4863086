"""From one workflow, the part that each role plays, and what a role does with a message."""
