"""Operators: their published plans and gifting rules, as data."""
