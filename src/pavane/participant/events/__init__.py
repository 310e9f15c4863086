"""Where events from outside meet workflows: they start them, and end waits in them."""
