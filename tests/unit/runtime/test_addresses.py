"""Whose address counts: the peer's, or the one that our own proxies have seen."""

import pytest

from yuzuri.runtime.addresses import client_address

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "address"),
    [
        ([], 0, PEER),
        (["203.0.113.9"], 0, PEER),  # whoever sends it may write what they like
        (["203.0.113.9"], 1, "203.0.113.9"),
        (["10.0.0.1, 203.0.113.9"], 1, "203.0.113.9"),
        (["10.0.0.1, 203.0.113.9", "198.51.100.7"], 1, "198.51.100.7"),
        (["10.0.0.1, 203.0.113.9", "198.51.100.7"], 2, "203.0.113.9"),
        (["203.0.113.9"], 2, "203.0.113.9"),
        ([], 2, PEER),
    ],
    ids=str,
)
def test_only_what_a_proxy_of_ours_has_added_is_believed(
    forwarded_for: list[str], proxies: int, address: str
) -> None:
    assert client_address(PEER, forwarded_for, proxies) == address
