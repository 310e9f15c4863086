"""What happens next: from a plan, the rows of one execution and a fact, the decision."""
