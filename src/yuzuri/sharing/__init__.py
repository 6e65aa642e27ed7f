"""Giving: gifts from line to line, decided by the verdict and carried out by the ledger."""
