"""What is kept for a key is what was answered: every outcome comes back as it was."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.catalog.purchases import Purchased
from yuzuri.charging.sessions import Charged, Grant, GrantResult
from yuzuri.feasibility.verdict import Arrival, Effect, Evidence, Instead, Reason
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, FieldValue, Refusal
from yuzuri.kernel.ids import (
    AllowanceId,
    DelegationId,
    GiftId,
    HolderId,
    Id,
    InvitationId,
    LinkId,
    PoolId,
    PurchaseId,
    RequestId,
)
from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.ledger.commands import DONE, LedgerDone
from yuzuri.ledger.expiry import Expired
from yuzuri.operators.sources import Confidence
from yuzuri.runtime.replies import Outcome, decode_outcome, encode_outcome
from yuzuri.sharing.delegations import DelegationDone
from yuzuri.sharing.gifts import Gift, GiftDone, GiftRefused, GiftState
from yuzuri.sharing.links import Audience, Link, LinkDone, Split
from yuzuri.sharing.pools import Invited, PoolDone
from yuzuri.sharing.requests import Request, RequestDone
from yuzuri.sharing.tanks import TankDone

zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3.5))])
instants = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 - hypothesis adds the zone
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
amounts = st.integers(0, AMOUNT_MAX)
units = st.sampled_from(Unit)
quantities = st.builds(Quantity, amounts, units)
names = st.builds(Name, en=texts, ja=texts, zh=texts)
values: st.SearchStrategy[FieldValue] = st.one_of(
    texts,
    st.integers(-AMOUNT_MAX, AMOUNT_MAX),
    instants,
    quantities,
    names,
    st.lists(quantities, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
)
fields = st.dictionaries(texts, values, max_size=4)
evidence = st.builds(Evidence, texts, texts, texts, st.sampled_from(Confidence))
codes = st.sampled_from(Code)
reasons = st.builds(Reason, codes, st.sampled_from(Effect), fields, st.one_of(st.none(), evidence))
ids = st.binary(min_size=16, max_size=16).map(Id)
insteads = st.builds(
    Instead,
    codes,
    fields,
    st.one_of(st.none(), evidence),
    st.one_of(st.none(), amounts),
    st.one_of(st.none(), instants),
    st.one_of(st.none(), ids.map(HolderId)),
)
hours = st.builds(DailyWindow, st.times(), st.times(), texts)
arrivals = st.builds(
    Arrival,
    quantities,
    st.one_of(st.none(), instants),
    st.booleans(),
    st.one_of(st.none(), hours),
)
gifts = st.builds(
    Gift,
    id=ids.map(GiftId),
    from_line=ids.map(HolderId),
    to_line=ids.map(HolderId),
    unit=units,
    amount=amounts,
    message=texts,
    state=st.sampled_from(GiftState),
    offered_at=instants,
    deadline=instants,
    ended_at=st.one_of(st.none(), instants),
    via=st.one_of(st.none(), ids),
    is_share=st.booleans(),
    thanks=texts,
)
links = st.builds(
    Link,
    id=ids.map(LinkId),
    line=ids.map(HolderId),
    unit=units,
    amount=amounts,
    shares=st.integers(1, 100_000),
    split=st.sampled_from(Split),
    least=amounts,
    step=amounts,
    seed=st.binary(max_size=32),
    audience=st.sampled_from(Audience),
    passcode=st.one_of(st.none(), st.binary(max_size=32)),
    message=texts,
    posted_at=instants,
    deadline=instants,
    ended_at=st.one_of(st.none(), instants),
)
requests = st.builds(
    Request,
    id=ids.map(RequestId),
    line=ids.map(HolderId),
    unit=units,
    amount=amounts,
    message=texts,
    asked_at=instants,
    deadline=instants,
    ended_at=st.one_of(st.none(), instants),
)


def several(parts: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(parts, max_size=3).map(tuple)


OUTCOMES: dict[type, st.SearchStrategy[Outcome]] = {
    GiftDone: st.builds(GiftDone, gifts, several(arrivals), several(reasons)),
    GiftRefused: st.builds(GiftRefused, several(reasons), several(insteads)),
    LinkDone: st.builds(LinkDone, links, several(reasons)),
    RequestDone: st.builds(RequestDone, requests),
    Purchased: st.builds(
        Purchased,
        ids.map(PurchaseId),
        several(st.tuples(ids.map(AllowanceId), amounts)),
    ),
    PoolDone: st.builds(PoolDone, ids.map(HolderId).map(PoolId)),
    Invited: st.builds(Invited, ids.map(InvitationId)),
    TankDone: st.builds(TankDone, ids.map(HolderId).map(PoolId), several(arrivals)),
    DelegationDone: st.builds(DelegationDone, ids.map(DelegationId)),
    Charged: st.builds(
        Charged,
        several(
            st.builds(Grant, amounts, st.sampled_from(GrantResult), amounts, amounts, st.booleans())
        ),
    ),
    Expired: st.builds(Expired, st.integers(0, 1000)),
    LedgerDone: st.just(DONE),
    Refusal: st.builds(Refusal, codes, fields),
}


def test_every_kind_of_outcome_is_tried() -> None:
    assert set(OUTCOMES) == set(get_args(Outcome))


@given(st.one_of(*OUTCOMES.values()))
def test_an_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    again = decode_outcome(encode_outcome(outcome))
    assert again == outcome
    assert types_in(again) == types_in(outcome)


@given(st.one_of(*OUTCOMES.values()))
def test_what_is_kept_of_what_comes_back_is_the_same(outcome: Outcome) -> None:
    kept = encode_outcome(outcome)
    assert encode_outcome(decode_outcome(kept)) == kept


def test_that_it_is_done_is_kept_as_shortly_as_can_be() -> None:
    assert encode_outcome(DONE) == b"1"
    assert decode_outcome(b"1") is DONE


def test_an_unknown_kind_of_reply_is_a_defect() -> None:
    with pytest.raises(ValueError, match="Nonsense"):
        decode_outcome(b'["Nonsense",{}]')


def types_in(value: object) -> object:
    """The types of a value and of all that it is made of: 1 is no True, a list no tuple."""
    match value:
        case Quantity():
            return (Quantity, [type(part) for part in value])
        case tuple():
            return (tuple, [types_in(part) for part in value])
        case dict():
            return (dict, {key: types_in(part) for key, part in value.items()})
        case datetime():
            return type(value).__mro__[-2]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            parts = [getattr(value, f.name) for f in dataclasses.fields(value)]
            return (type(value), [types_in(part) for part in parts])
        case _:
            return type(value)
