"""Allowances, holders, buckets, transfers and holds: the only room that writes a balance."""
