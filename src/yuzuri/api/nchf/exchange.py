"""From a network's message to a command of charging, with the name under which it happens once."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b, sha256

import msgspec

from yuzuri.api.nchf.problems import invalid
from yuzuri.api.nchf.wire import (
    ChargingDataRequest,
    MultipleUnitUsage,
    RequestedUnit,
    UsedUnitContainer,
    UserLocation,
)
from yuzuri.charging.rating import RatingTable
from yuzuri.charging.sessions import ChargeEvent, Usage, Wanted
from yuzuri.kernel.ids import HolderId, SessionId, home_of, in_home
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.countries import country_of_mcc

WANTED_MAX = 2**31 - 1
"""No grant is larger: some networks count in 31 bits."""

EVENT_MAX = 2**44
"""More than anything that happens at once."""

_YEARS = range(2000, 2200)
"""Clients written in Go send the year 1 for a time that they do not know."""

_NO_COUNTRY = "ZZ"
"""Where no operator is at home and no zone reaches: on ships, in aircraft, over satellites."""

_NETWORKS_OF_ONES_OWN = frozenset({"", "001", "999"})
"""Codes of tests and private networks: they do not say where the phone is (ITU-T E.212)."""

_pack = msgspec.msgpack.Encoder().encode


def check_message(message: ChargingDataRequest) -> None:
    """Refuse what can be read and yet makes no sense."""
    if _known(message.invocation_time_stamp) is None:
        raise invalid("/invocationTimeStamp", "is no time at which a message was sent")


# ---------------------------------------------------------------- names


def name_session(message: ChargingDataRequest, caller: str, line: HolderId) -> SessionId:
    """Name what a message opens: the same message, sent again, names the same session."""
    pdu, sms = message.pdu_session, message.sms
    what: tuple[object, ...] = (message.charging_id, sms and sms.message_reference)
    if pdu is not None:
        session = pdu.pdu_session_information
        what += (pdu.charging_id, pdu.smf_charging_id, session and session.pdu_session_id)
    sent = (message.invocation_sequence_number, message.invocation_time_stamp)
    identity = _pack((caller, bytes(line), what, sent))
    return SessionId(in_home(sha256(identity).digest(), home_of(line)))


def name_message(
    message: ChargingDataRequest, session: SessionId, what: str, used: tuple[Usage, ...]
) -> str:
    """Name a message about a session, so that it happens once, however often it is sent.

    Not every network numbers its messages, and a repeat may tell a new time of sending: use is
    known by what was used and when. Only a message that reports none is known by its own time, or
    else asking for a quota twice would be asking once.
    """
    sent_at = message.invocation_time_stamp
    reported = any(one.amount for one in used) and all(one.until is not sent_at for one in used)
    content = (
        message.multiple_unit_usage,
        country_of(message),
        None if reported else sent_at,
    )
    try:
        digest = blake2b(_pack(content), digest_size=12).hexdigest()
    except OverflowError:
        raise invalid("/multipleUnitUsage", "has a number or a time that is out of range") from None
    return f"{session.hex()} {what} {message.invocation_sequence_number} {digest}"


# ---------------------------------------------------------------- what was used, what is wanted


def used_in(message: ChargingDataRequest, table: RatingTable) -> tuple[Usage, ...]:
    """Return what was used under a quota; a container that counts nothing reports nothing.

    When it was used is as the network says, even if that is later than now: charging takes the
    earlier of both, and a repeat of the message is the same command.
    """
    used = []
    for entry in message.multiple_unit_usage:
        if not entry.used_unit_container:
            continue
        group = table.find(entry.rating_group)
        if group is None:
            continue
        for container in entry.used_unit_container:
            amount = _amount(group.unit, container)
            if amount is None or not container.is_under_quota:
                continue
            since = until = country = None
            conditions = container.conditions
            if conditions is not None:
                since, until = _known(conditions.first_usage), _known(conditions.last_usage)
                if conditions.location is not None:
                    country = _country_of(conditions.location)
            if until is None:
                until = _known(container.trigger_timestamp) or message.invocation_time_stamp
            used.append(Usage(entry.rating_group, amount, until, since, country))
    return tuple(used)


def wanted_in(message: ChargingDataRequest, table: RatingTable) -> tuple[Wanted, ...]:
    """Return the quotas that are asked for, once for each rating group."""
    amounts: dict[int, int] = {}
    for entry in message.multiple_unit_usage:
        if entry.is_wanting:
            number = entry.rating_group
            amounts[number] = amounts.get(number, 0) + _requested(entry, table)
    return tuple([Wanted(number, min(amount, WANTED_MAX)) for number, amount in amounts.items()])


def events_in(
    message: ChargingDataRequest, table: RatingTable, caller: str, line: HolderId, event: SessionId
) -> Iterator[ChargeEvent]:
    """Return what a one-time event charges, one for each rating group.

    Immediate event charging (IEC) asks before it happens, post-event charging (PEC) says that it
    has; without a type, what asks for units asks. What does not say how many is one.
    """
    amounts: dict[int, int] = {}
    kind = message.one_time_event_type
    has_happened = kind == "PEC"
    if kind is None:
        has_happened = not any(entry.is_wanting for entry in message.multiple_unit_usage)
    for entry in message.multiple_unit_usage:
        if not entry.is_offline:
            amount = _used_at_once(entry, table) if has_happened else _requested(entry, table)
            number = entry.rating_group
            amounts[number] = amounts.get(number, 0) + (amount or 1)
    for number, amount in amounts.items():
        name = sha256(event + number.to_bytes(4)).digest()
        yield ChargeEvent(
            event=SessionId(in_home(name, home_of(line))),
            line=line,
            network_function=caller,
            rating_group=number,
            amount=min(amount, EVENT_MAX),
            country=country_of(message),
            has_happened=has_happened,
        )


def _requested(entry: MultipleUnitUsage, table: RatingTable) -> int:
    group = table.find(entry.rating_group)
    if group is None or entry.requested_unit is None:
        return 0
    return _amount(group.unit, entry.requested_unit) or 0


def _used_at_once(entry: MultipleUnitUsage, table: RatingTable) -> int:
    group = table.find(entry.rating_group)
    if group is None:
        return 0
    containers = entry.used_unit_container
    return sum(_amount(group.unit, one) or 0 for one in containers if one.is_under_quota)


def _amount(unit: Unit, counted: RequestedUnit | UsedUnitContainer) -> int | None:
    """Return how much of a unit was counted, or None: whatever else was counted does not matter."""
    match unit:
        case Unit.DATA:
            if counted.total_volume is not None:
                return counted.total_volume
            if counted.uplink_volume is None and counted.downlink_volume is None:
                return None
            return (counted.uplink_volume or 0) + (counted.downlink_volume or 0)
        case Unit.VOICE:
            return counted.time
        case Unit.SMS:
            return counted.service_specific_units


def _known(at: datetime | None) -> datetime | None:
    return at if at is not None and at.year in _YEARS else None


# ---------------------------------------------------------------- where


def country_of(message: ChargingDataRequest) -> str | None:
    """Return the country (ISO 3166) where the phone is, as far as the message tells.

    `ZZ`: in a network of no country. None: it does not tell.
    """
    pdu = message.pdu_session
    if pdu is not None:
        session = pdu.pdu_session_information
        if session is not None and session.serving_network is not None:
            return _country_of_network(session.serving_network.mcc)
        if pdu.user_location is not None:
            return _country_of(pdu.user_location)
    if message.sms is not None and message.sms.user_location is not None:
        return _country_of(message.sms.user_location)
    return None


def _country_of(location: UserLocation) -> str | None:
    cell = location.nr_location or location.eutra_location
    tai = cell.tai if cell is not None else None
    if tai is None and location.n3ga_location is not None:
        tai = location.n3ga_location.n3gpp_tai
    if tai is None or tai.plmn_id is None:
        return None
    return _country_of_network(tai.plmn_id.mcc)


def _country_of_network(mcc: str) -> str | None:
    if mcc in _NETWORKS_OF_ONES_OWN:
        return None
    return country_of_mcc(mcc) or _NO_COUNTRY
