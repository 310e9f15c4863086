"""An independent judge of what executions did: it shares no code with the product's decisions."""
