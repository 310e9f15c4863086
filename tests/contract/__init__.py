"""Each adapter through the contract suite of its port."""
