"""Where something may be sent: origins, read once and compared whole (threat 23, SSRF)."""

import pytest

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.origins import ANY_LOOPBACK, is_allowed, origin_of, parse_origin

SMF = "http://10.0.0.5:29502"


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("http://10.0.0.5:29502/notify/1", SMF),
        ("HTTP://10.0.0.5:29502", SMF),
        ("http://smf.example/a?b=c", "http://smf.example:80"),
        ("https://SMF.example/a", "https://smf.example:443"),
        ("http://smf.example:/a", "http://smf.example:80"),
        ("http://[::1]:8000/a", "http://[::1]:8000"),
        ("http://smf.example?x=1", "http://smf.example:80"),
    ],
)
def test_an_origin_is_scheme_host_and_port(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/notify",
        "//10.0.0.5:29502/notify",
        "ftp://10.0.0.5:29502/notify",
        "file:///etc/passwd",
        "http:///notify",
        "http://",
        "http:10.0.0.5:29502/notify",
        "http://10.0.0.5:0/",
        "http://10.0.0.5:65536/",
        "http://10.0.0.5:port/",
        "http://10.0.0.5:29502@evil.example/",
        "http://user:secret@10.0.0.5:29502/",
        "http://10.0.0.5:29502/notify#there",
        "http://evil.example\\@10.0.0.5:29502/",
        "http://10.0.0.5%2fevil:29502/",
        "http://10.0.0.5:29502/a b",
        "http://10.0.0.5:29502/a\r\nHost: evil.example",
        " http://10.0.0.5:29502/",
        "http://１０.0.0.5:29502/",
        "http://10.0.0.5:29502/" + "a" * 2_048,
    ],
)
def test_threat_23_what_could_be_read_in_two_ways_has_no_origin(uri: str) -> None:
    assert origin_of(uri) is None
    assert not is_allowed(uri, {SMF, ANY_LOOPBACK})


@pytest.mark.parametrize(
    "uri",
    [
        "http://10.0.0.6:29502/notify",
        "http://10.0.0.5:29503/notify",
        "http://10.0.0.5/notify",
        "https://10.0.0.5:29502/notify",
        "http://10.0.0.5.evil.example:29502/notify",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:29502/",
        "http://0xa000005:29502/",
    ],
)
def test_threat_23_another_origin_is_not_the_registered_one(uri: str) -> None:
    assert is_allowed(f"{SMF}/notify", {SMF})
    assert not is_allowed(uri, {SMF})


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://127.0.0.1:9000/notify", True),
        ("http://[::1]:9000/notify", True),
        ("http://localhost:9000/notify", True),
        ("http://10.0.0.5:9000/notify", False),
        ("http://localhost.evil.example/notify", False),
        ("http://127.0.0.1.evil.example/notify", False),
        ("http://0.0.0.0:9000/notify", False),
        ("loopback", False),
    ],
)
def test_in_the_demo_only_this_machine_is_told(uri: str, allowed: bool) -> None:
    assert is_allowed(uri, {ANY_LOOPBACK}) is allowed


@pytest.mark.parametrize("text", [f"{SMF}/notify", f"{SMF}/?a", "smf.example", ANY_LOOPBACK, ""])
def test_an_operator_registers_an_origin_and_nothing_more(text: str) -> None:
    assert parse_origin(f"{SMF}/") == parse_origin(SMF) == SMF
    with pytest.raises(DomainError) as caught:
        parse_origin(text)
    assert caught.value.refusal.code is Code.NOTIFY_ORIGIN_UNREADABLE
