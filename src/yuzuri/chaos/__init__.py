"""Chaos: a real server under load, killed again and again; what it acknowledged must be there."""
