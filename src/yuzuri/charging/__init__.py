"""Charging: what a phone may use next, and what it has used, without any protocol."""
