"""What tests of Pavane and of its users stand on: virtual time, contract suites."""
