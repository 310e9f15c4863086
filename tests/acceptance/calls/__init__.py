"""Services that know nothing of Pavane, called."""
