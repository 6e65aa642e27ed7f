"""Ids, quantities, time and errors: the words that every room shares; no I/O."""
