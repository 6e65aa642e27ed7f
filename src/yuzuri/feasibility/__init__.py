"""May this happen, why not, and what else works: a pure verdict on published rules."""
