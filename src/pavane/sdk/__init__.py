"""What application code imports: services, workflows and clients."""
