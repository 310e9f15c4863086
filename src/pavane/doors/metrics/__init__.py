"""What this process has done and has to do, in numbers, for programs that watch it."""
