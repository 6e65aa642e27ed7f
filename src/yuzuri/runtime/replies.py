"""Outcomes as bytes and back: what is kept for a key, to be given again unchanged (I4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never, get_args
from uuid import UUID

import msgspec

from yuzuri.catalog.purchases import Purchased
from yuzuri.charging.sessions import Charged, ChargingOutcome
from yuzuri.feasibility.verdict import Arrival, Effect, Evidence, Instead, Reason
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.fields import pack_fields, unpack_fields
from yuzuri.kernel.ids import HolderId, Id, PoolId, parse_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.commands import DONE, LedgerDone, LedgerOutcome
from yuzuri.ledger.expiry import Expired
from yuzuri.sharing.delegations import DelegationDone, DelegationOutcome
from yuzuri.sharing.gifts import Gift, GiftDone, GiftOutcome, GiftRefused
from yuzuri.sharing.links import Link, LinkDone, LinkOutcome
from yuzuri.sharing.pools import Invited, PoolDone, PoolOutcome
from yuzuri.sharing.requests import RequestDone, RequestOutcome
from yuzuri.sharing.tanks import TankDone, TankOutcome

Outcome = (
    GiftOutcome
    | LinkOutcome
    | RequestOutcome
    | PoolOutcome
    | TankOutcome
    | DelegationOutcome
    | ChargingOutcome
    | Purchased
    | Expired
    | LedgerOutcome
)

_encode = msgspec.json.Encoder().encode

_DONE = b"1"
"""The reply that nearly every command to the ledger gets: kept as short as JSON can be."""


_Plain = RequestDone | PoolDone | Invited | DelegationDone | Charged | Purchased | Expired

_PLAIN: Mapping[str, type[_Plain]] = {kind.__name__: kind for kind in get_args(_Plain)}
"""Outcomes that msgspec packs and unpacks by itself."""


def encode_outcome(outcome: Outcome) -> bytes:
    """Turn an outcome into JSON; `decode_outcome` gives an equal one back."""
    if outcome is DONE:
        return _DONE
    if isinstance(outcome, Charged):
        return _encode(["Charged", outcome])
    return msgspec.json.encode([type(outcome).__name__, _pack(outcome)], enc_hook=str)


def decode_outcome(reply: bytes) -> Outcome:
    """Turn a kept reply back into the outcome that it was."""
    if reply == _DONE:
        return DONE
    kind, packed = msgspec.json.decode(reply)
    match kind:
        case "GiftDone":
            return GiftDone(
                msgspec.convert(packed["gift"], Gift, dec_hook=_unpack_id),
                tuple(_unpack_arrival(arrival) for arrival in packed["arrives"]),
                _unpack_reasons(packed["notes"]),
            )
        case "GiftRefused":
            return GiftRefused(
                _unpack_reasons(packed["reasons"]),
                tuple(_unpack_instead(instead) for instead in packed["instead"]),
            )
        case "LinkDone":
            link = msgspec.convert(packed["link"], Link, dec_hook=_unpack_id)
            return LinkDone(link, _unpack_reasons(packed["notes"]))
        case "TankDone":
            arrives = tuple(_unpack_arrival(arrival) for arrival in packed["arrives"])
            return TankDone(msgspec.convert(packed["tank"], PoolId, dec_hook=_unpack_id), arrives)
        case "Refusal":
            return Refusal(Code(packed["code"]), unpack_fields(packed["fields"]))
        case _ if kind in _PLAIN:
            return msgspec.convert(packed, _PLAIN[kind], dec_hook=_unpack_id)
        case _:
            raise ValueError(f"no outcome is called {kind!r}")


def _pack(outcome: Outcome) -> Any:
    match outcome:
        case GiftDone():
            return {
                "gift": outcome.gift,
                "arrives": [_pack_arrival(arrival) for arrival in outcome.arrives],
                "notes": _pack_reasons(outcome.notes),
            }
        case GiftRefused():
            return {
                "reasons": _pack_reasons(outcome.reasons),
                "instead": [
                    _pack_said(i) | {"amount": i.amount, "at": i.at, "line": i.line}
                    for i in outcome.instead
                ],
            }
        case LinkDone():
            return {"link": outcome.link, "notes": _pack_reasons(outcome.notes)}
        case Refusal():
            return {"code": outcome.code, "fields": pack_fields(outcome.fields)}
        case TankDone():
            arrives = [_pack_arrival(arrival) for arrival in outcome.arrives]
            return {"tank": outcome.tank, "arrives": arrives}
        case RequestDone() | PoolDone() | Invited() | DelegationDone() | Charged():
            return outcome
        case Purchased() | Expired() | LedgerDone():
            return outcome
        case _:
            assert_never(outcome)


def _pack_arrival(arrival: Arrival) -> Mapping[str, Any]:
    return {
        "amount": arrival.quantity.amount,
        "unit": arrival.quantity.unit,
        "expires_at": arrival.expires_at,
        "is_known": arrival.is_known,
        "hours": arrival.hours,
    }


def _unpack_arrival(packed: Mapping[str, Any]) -> Arrival:
    return Arrival(
        Quantity(packed["amount"], Unit(packed["unit"])),
        _unpack_instant(packed["expires_at"]),
        packed["is_known"],
        msgspec.convert(packed["hours"], DailyWindow | None),
    )


def _pack_reasons(reasons: Sequence[Reason]) -> list[Mapping[str, Any]]:
    return [_pack_said(reason) | {"effect": reason.effect} for reason in reasons]


def _unpack_reasons(packed: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            Code(p["code"]),
            Effect(p["effect"]),
            unpack_fields(p["fields"]),
            _unpack_evidence(p["evidence"]),
        )
        for p in packed
    )


def _pack_said(said: Reason | Instead) -> dict[str, Any]:
    return {"code": said.code, "fields": pack_fields(said.fields), "evidence": said.evidence}


def _unpack_instead(packed: Mapping[str, Any]) -> Instead:
    return Instead(
        Code(packed["code"]),
        unpack_fields(packed["fields"]),
        _unpack_evidence(packed["evidence"]),
        packed["amount"],
        _unpack_instant(packed["at"]),
        HolderId(parse_id(packed["line"], Code.LINE_UNKNOWN)) if packed["line"] else None,
    )


def _unpack_evidence(packed: Any) -> Evidence | None:
    return None if packed is None else msgspec.convert(packed, Evidence)


def _unpack_instant(packed: str | None) -> datetime | None:
    return None if packed is None else datetime.fromisoformat(packed)


def _unpack_id(_: type, packed: Any) -> Id:
    return Id(UUID(packed).bytes)
