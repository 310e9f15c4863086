"""What works on Pavane itself and is not shipped: real servers for its tests."""
