"""The choreographed runtime inside a service: it plays its roles and runs hand-written handlers."""
