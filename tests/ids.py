"""Ids that tests write down themselves."""

from yuzuri.kernel.ids import HOME, Home, Id, in_home


def numbered(number: int, home: Home = HOME) -> Id:
    """Return the id with a number; ids sort as their numbers do. The first few are the house's."""
    return in_home(number.to_bytes(14), home)
