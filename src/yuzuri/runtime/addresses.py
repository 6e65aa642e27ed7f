"""From where a request comes: the peer's address, or what proxies that we trust say of it."""

from collections.abc import Sequence


def client_address(peer: str, forwarded_for: Sequence[str], proxies: int) -> str:
    """Return the client's address behind so many proxies of ours, each of which adds its peer's.

    `forwarded_for` are the headers X-Forwarded-For in their order. Whatever stands left of what our
    proxies have added was written by the client, and is not believed.
    """
    seen = [part.strip() for header in forwarded_for for part in header.split(",")] + [peer]
    return seen[-1 - min(proxies, len(seen) - 1)]
