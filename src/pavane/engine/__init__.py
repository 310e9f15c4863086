"""The orchestrator's use cases: load, decide, save, act. It knows ports, never adapters."""
