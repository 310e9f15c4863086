"""The embedded bus: processes of one machine read each other's logs, with no broker."""
