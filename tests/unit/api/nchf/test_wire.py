"""What cannot be read is named by its place and by the cause that the standard has for it."""

from typing import Any

import msgspec
import pytest
from tests.smf import DATA, Body, message, usage, used

from yuzuri.api.nchf.exchange import check_message
from yuzuri.api.nchf.problems import NotServed, unreadable
from yuzuri.api.nchf.wire import ChargingDataRequest, decode_request


def read(body: bytes) -> ChargingDataRequest:
    try:
        asked = decode_request(body)
    except (ValueError, RecursionError) as error:
        raise unreadable(error) from error
    check_message(asked)
    return asked


def without(*path: str | int, **more: Any) -> Body:
    """Return a message that lacks what is at a path."""
    body = message(0, usage(DATA, used(5), wants={}), **more)
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return body


MISSING, INCORRECT, OPTIONAL = (
    "MANDATORY_IE_MISSING",
    "MANDATORY_IE_INCORRECT",
    "OPTIONAL_IE_INCORRECT",
)


@pytest.mark.parametrize(
    ("body", "cause", "param"),
    [
        (without("nfConsumerIdentification"), MISSING, "/nfConsumerIdentification"),
        (
            without("nfConsumerIdentification", "nodeFunctionality"),
            MISSING,
            "/nfConsumerIdentification/nodeFunctionality",
        ),
        (without("invocationTimeStamp"), MISSING, "/invocationTimeStamp"),
        (without("invocationSequenceNumber"), MISSING, "/invocationSequenceNumber"),
        (
            without("multipleUnitUsage", 0, "ratingGroup"),
            MISSING,
            "/multipleUnitUsage/0/ratingGroup",
        ),
        (message(-1, sent="2026-11-22T10:30:00Z"), INCORRECT, "/invocationSequenceNumber"),
        (message(2**32, sent="2026-11-22T10:30:00Z"), INCORRECT, "/invocationSequenceNumber"),
        (message(sent="2026-11-22T10:30:00"), INCORRECT, "/invocationTimeStamp"),
        (message(sent="yesterday"), INCORRECT, "/invocationTimeStamp"),
        (message(sent="0001-01-01T00:00:00Z"), INCORRECT, "/invocationTimeStamp"),
        (message(0, usage(2**32)), INCORRECT, "/multipleUnitUsage/0/ratingGroup"),
        (message(0, usage(-1)), INCORRECT, "/multipleUnitUsage/0/ratingGroup"),
        (
            message(0, usage(DATA, used(-1))),
            OPTIONAL,
            "/multipleUnitUsage/0/usedUnitContainer/0/totalVolume",
        ),
        (
            message(0, usage(DATA, used(2**63))),
            OPTIONAL,
            "/multipleUnitUsage/0/usedUnitContainer/0/totalVolume",
        ),
        (
            message(0, usage(DATA, used(1, triggerTimestamp="2026-11-22T10:30:00"))),
            OPTIONAL,
            "/multipleUnitUsage/0/usedUnitContainer/0/triggerTimestamp",
        ),
        (
            message(0, usage(DATA, wants={"totalVolume": "1"})),
            OPTIONAL,
            "/multipleUnitUsage/0/requestedUnit/totalVolume",
        ),
        (message(subscriberIdentifier="imsi-1\0"), INCORRECT, "/subscriberIdentifier"),
        (message(notifyUri="http://a b"), OPTIONAL, "/notifyUri"),
        (message(oneTimeEvent="yes"), OPTIONAL, "/oneTimeEvent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_in_a_message_is_named(body: Body, cause: str, param: str) -> None:
    with pytest.raises(NotServed) as refused:
        read(msgspec.json.encode(body))
    problem = refused.value.problem
    assert (problem.status, problem.cause) == (400, cause)
    assert problem.invalid_params is not msgspec.UNSET
    assert [one.param for one in problem.invalid_params] == [param]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"subscriberIdentifier":"\xff"}',
        b'{"subscriberIdentifier":"\\ud800"}',
        b'{"unknown":NaN}',
        b'{"unknown":' + b"[" * 100_000,
        b'{"unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_message_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotServed) as refused:
        read(body)
    assert refused.value.problem.cause == "INVALID_MSG_FORMAT"


def test_what_is_not_known_here_is_passed_over() -> None:
    body = message(0, usage(DATA, used(5, serviceId=7), easid="x"), tenantIdentifier=5)
    assert read(msgspec.json.encode(body)).multiple_unit_usage[0].rating_group == DATA
