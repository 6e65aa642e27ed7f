"""From what charging has decided to a network's answer."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import UNSET

from yuzuri.api.nchf.wire import (
    ChargingDataRequest,
    ChargingDataResponse,
    FinalUnitIndication,
    GrantedUnit,
    MultipleUnitInformation,
    MultipleUnitUsage,
    Trigger,
)
from yuzuri.charging.rating import RatingTable
from yuzuri.charging.sessions import Grant, GrantResult
from yuzuri.kernel.quantities import Unit

THRESHOLD_PERCENT = 20
"""With so much of a grant left the network asks for the next one."""

QUOTA_HOLDING_S = 600
"""Where nothing is used for so long, the network gives the rest of the grant back."""

_EXHAUSTED = Trigger("QUOTA_EXHAUSTED")
_THRESHOLD = Trigger("QUOTA_THRESHOLD")
# free5GC reads each field of a grant only where the trigger that belongs to it is there.
_OF_EVERY_GRANT = (_EXHAUSTED, Trigger("VALIDITY_TIME"), Trigger("QHT"))
_OF_MORE_TO_COME = (*_OF_EVERY_GRANT, _THRESHOLD)
_OF_NOTHING = (_EXHAUSTED,)
_TERMINATE = FinalUnitIndication()

_RESULT_CODES = {
    GrantResult.GRANTED: "SUCCESS",
    GrantResult.LIMIT_REACHED: "QUOTA_LIMIT_REACHED",
    GrantResult.NOT_COUNTED: "QUOTA_MANAGEMENT_NOT_APPLICABLE",
    GrantResult.UNRATED: "RATING_FAILED",
}


def answer_session(
    message: ChargingDataRequest, grants: Iterable[Grant], table: RatingTable, now: datetime
) -> ChargingDataResponse:
    """Return the answer to a message of a session: one part for each that asks for a quota."""
    by_number = {grant.rating_group: grant for grant in grants}
    wanting = [one.rating_group for one in message.multiple_unit_usage if one.is_wanting]
    is_shared = len(wanting) > len(by_number)
    information = []
    for entry in message.multiple_unit_usage:
        number = entry.rating_group
        if entry.is_wanting:
            among = wanting.count(number) if is_shared else 1
            information.append(_answer_grant(entry, by_number[number], among, table))
        elif entry.requested_unit is not None:
            information.append(_without_grant(entry, GrantResult.NOT_COUNTED))
    return ChargingDataResponse(now, message.invocation_sequence_number, information or UNSET)


def answer_event(
    message: ChargingDataRequest, grants: Iterable[Grant], table: RatingTable, now: datetime
) -> ChargingDataResponse:
    """Return the answer to a one-time event: one part for each rating group."""
    by_number = {grant.rating_group: grant for grant in grants}
    information = []
    for entry in message.multiple_unit_usage:
        grant = by_number.pop(entry.rating_group, None)
        if grant is not None and grant.result is GrantResult.GRANTED:
            information.append(
                MultipleUnitInformation(
                    entry.rating_group,
                    _RESULT_CODES[GrantResult.GRANTED],
                    _in_unit(_unit_of(entry, table), grant.amount),
                    upf_id=entry.upf_id or UNSET,
                )
            )
        elif grant is not None:
            information.append(_without_grant(entry, grant.result))
        elif entry.is_offline:
            information.append(_without_grant(entry, GrantResult.NOT_COUNTED))
    return ChargingDataResponse(now, message.invocation_sequence_number, information or UNSET)


def _answer_grant(
    entry: MultipleUnitUsage, grant: Grant, among: int, table: RatingTable
) -> MultipleUnitInformation:
    """Return the part of one entry; entries of the same rating group share its grant.

    They are of several user planes: the whole of it for each would be more than was set aside.
    """
    if grant.result is not GrantResult.GRANTED:
        return _without_grant(entry, grant.result)
    amount = grant.amount // among
    if not amount:
        return _without_grant(entry, GrantResult.LIMIT_REACHED)
    unit = _unit_of(entry, table)
    threshold: int = amount * THRESHOLD_PERCENT // 100
    # After the last grant there is nothing to ask for, so that all of it is used first.
    has_threshold = not grant.is_final and threshold > 0 and unit is not Unit.SMS
    return MultipleUnitInformation(
        entry.rating_group,
        _RESULT_CODES[GrantResult.GRANTED],
        _in_unit(unit, amount),
        _OF_MORE_TO_COME if has_threshold else _OF_EVERY_GRANT,
        validity_time=grant.validity_s,
        quota_holding_time=QUOTA_HOLDING_S,
        volume_quota_threshold=threshold if has_threshold and unit is Unit.DATA else UNSET,
        time_quota_threshold=threshold if has_threshold and unit is Unit.VOICE else UNSET,
        final_unit_indication=_TERMINATE if grant.is_final else UNSET,
        upf_id=entry.upf_id or UNSET,
    )


def _without_grant(entry: MultipleUnitUsage, result: GrantResult) -> MultipleUnitInformation:
    """Return the part of an entry that gets none; where nothing is left, the network stops."""
    return MultipleUnitInformation(
        entry.rating_group,
        _RESULT_CODES[result],
        triggers=_OF_NOTHING if result is GrantResult.LIMIT_REACHED else UNSET,
        upf_id=entry.upf_id or UNSET,
    )


def _unit_of(entry: MultipleUnitUsage, table: RatingTable) -> Unit:
    group = table.find(entry.rating_group)
    assert group is not None, "what has been granted is in the table"
    return group.unit


def _in_unit(unit: Unit, amount: int) -> GrantedUnit:
    match unit:
        case Unit.DATA:
            return GrantedUnit(total_volume=amount)
        case Unit.VOICE:
            return GrantedUnit(time=amount)
        case Unit.SMS:
            return GrantedUnit(service_specific_units=amount)
