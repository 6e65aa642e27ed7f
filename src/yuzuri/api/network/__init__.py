"""What networks ask: who calls, and whether they may."""
