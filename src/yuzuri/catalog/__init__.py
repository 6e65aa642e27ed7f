"""What a purchase of a plan or top-up issues."""
