"""Delegated use decided without a database: scopes, moments, terms, and who may do what when."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delegated import PROFILES, code_of
from tests.ids import numbered
from tests.model.world import START

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, GiftId, HolderId, PersonId, PoolId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import AMOUNT_MAX, Unit
from yuzuri.ledger.book import Book
from yuzuri.sharing.authority import authority_to_give, authority_to_manage, may_see
from yuzuri.sharing.delegation_decisions import decide_delegation
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegation_terms import TERMS_VERSION, render_terms
from yuzuri.sharing.delegations import (
    LIFE_MAX,
    OFFER_LIFE,
    AcceptDelegation,
    DeclineDelegation,
    Delegation,
    DelegationCommand,
    DelegationDone,
    DelegationState,
    EndDelegation,
    ExpireDelegation,
    Give,
    ManagePool,
    OfferDelegation,
    Scope,
    See,
    Use,
    checked_scopes,
)
from yuzuri.sharing.gifts import Gift, GiftState, OfferGift
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import Pool
from yuzuri.subscribers.lines import Line
from yuzuri.words.agreement_texts import read_terms

OWNER, DELEGATE, STRANGER = (PersonId(numbered(n)) for n in (1, 2, 3))
ONE = DelegationId(numbered(9))
POOL = PoolId(HolderId(numbered(20)))
SECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def line_of(person: PersonId, number: int) -> Line:
    return Line(
        id=HolderId(numbered(number)),
        person=person,
        operator="open",
        plan="plan",
        number="+819012345678",
        label="a line",
        activated_at=START,
    )


LINE, OTHER = line_of(OWNER, 11), line_of(DELEGATE, 12)
POOLS = {
    POOL: Pool(id=POOL, owner=OWNER, name="family", operator="open", opened_at=START, month=START)
}
GIVES = Give(unit=Unit.DATA, in_all=300)


def delegation(*scopes: Scope, state: str = "active", **terms: Any) -> Delegation:
    """What the owner lets the delegate do, from a day ago until a day from now."""
    is_offered = state == "offered"
    known = {
        "id": ONE,
        "owner": OWNER,
        "line": LINE.id,
        "delegate": DELEGATE,
        "scopes": scopes or (GIVES,),
        "since": START - DAY,
        "until": START + DAY,
        "terms": TERMS_VERSION,
        "state": DelegationState(state),
        "offered_at": START - DAY,
        "answered_at": None if is_offered else START - DAY,
        "ended_at": START if state == "ended" else None,
    }
    return Delegation(**{**known, **terms})


def facts_of(*known: Delegation, at: datetime = START) -> DelegationFacts:
    book = Book(at)
    facts = DelegationFacts(book, PROFILES, PoolFacts(book, PROFILES, pools=dict(POOLS)))
    facts.lines = {LINE.id: LINE, OTHER.id: OTHER}
    facts.known = {one.id: one for one in known}
    return facts


# ---------------------------------------------------------------- what can be said


@pytest.mark.parametrize(
    "scopes",
    [
        (See(),),
        (Use(in_all=1),),
        (Use(per_day=AMOUNT_MAX),),
        (Give(unit=Unit.DATA, in_all=1), Give(unit=Unit.SMS, in_all=1)),
        (See(), Use(in_all=1, per_day=1), GIVES, ManagePool(pool=POOL)),
    ],
    ids=["see", "use in all", "use a day", "give two units", "everything"],
)
def test_scopes_that_can_be_understood_are_let_through(scopes: tuple[Scope, ...]) -> None:
    assert checked_scopes(scopes) is scopes


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        ((), Code.REQUEST_INVALID),
        ((Use(),), Code.REQUEST_INVALID),
        ((See(), See()), Code.REQUEST_INVALID),
        ((Use(in_all=1), Use(per_day=1)), Code.REQUEST_INVALID),
        ((GIVES, Give(unit=Unit.DATA, in_all=1)), Code.REQUEST_INVALID),
        ((ManagePool(pool=POOL), ManagePool(pool=POOL)), Code.REQUEST_INVALID),
        ((Use(in_all=0),), Code.AMOUNT_NOT_POSITIVE),
        ((Use(per_day=-1),), Code.AMOUNT_NOT_POSITIVE),
        ((Give(unit=Unit.SMS, in_all=AMOUNT_MAX + 1),), Code.AMOUNT_TOO_LARGE),
    ],
    ids=[
        "none", "use without a cap", "see twice", "use twice", "give one unit twice",
        "one pool twice", "nothing", "less than nothing", "too much",
    ],
)  # fmt: skip
def test_scopes_that_can_not_are_not(scopes: tuple[Scope, ...], code: Code) -> None:
    offered = OfferDelegation(
        person=OWNER, line=LINE.id, delegate=DELEGATE, scopes=scopes, since=START,
        until=START + DAY, language=Language.EN, text_hash=b"",
    )  # fmt: skip
    for look in (checked_scopes, lambda _: decide_delegation(facts_of(), offered)):
        with pytest.raises(DomainError) as raised:
            look(scopes)
        assert raised.value.refusal.code is code


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("known", "after", "is_active"),
    [
        (delegation(), timedelta(0), True),
        (delegation(), DAY - SECOND, True),
        (delegation(), DAY, False),
        (delegation(since=START), -SECOND, False),
        (delegation(answered_at=START), -SECOND, False),
        (delegation(state="offered"), timedelta(0), False),
        (delegation(state="declined"), timedelta(0), False),
        (delegation(state="ended"), timedelta(0), False),
    ],
    ids=[
        "now", "at the last moment", "at its end", "before it begins", "before it was accepted",
        "offered", "declined", "ended",
    ],
)  # fmt: skip
def test_somebody_may_act_while_it_stands(
    known: Delegation, after: timedelta, is_active: bool
) -> None:
    at = START + after
    assert known.is_active(at) is is_active
    known = msgspec.structs.replace(known, scopes=(See(), GIVES, ManagePool(pool=POOL)))
    offer = OfferGift(
        person=DELEGATE, from_line=LINE.id, to_line=OTHER.id, unit=Unit.DATA, amount=1
    )
    assert (authority_to_give([known], offer, at) is known) is is_active
    assert (authority_to_manage([known], POOLS[POOL], DELEGATE, at) is known) is is_active
    assert may_see([known], LINE.id, DELEGATE, at) is is_active


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"amount": 300}, None),
        ({"amount": 301}, Code.DELEGATION_CAP),
        ({"person": STRANGER}, Code.LINE_NOT_YOURS),
        ({"from_line": OTHER.id}, Code.LINE_NOT_YOURS),
        ({"unit": Unit.VOICE}, Code.LINE_NOT_YOURS),
    ],
    ids=["all right", "all of it", "more", "another person", "another line", "another unit"],
)
def test_somebody_gives_what_they_may(change: dict[str, Any], code: Code | None) -> None:
    offer = OfferGift(
        person=DELEGATE, from_line=LINE.id, to_line=OTHER.id, unit=Unit.DATA, amount=1
    )
    known = delegation()
    found = authority_to_give([known], msgspec.structs.replace(offer, **change), START)
    if code is None:
        assert found is known
    else:
        assert code_of(found) is code


def test_a_scope_is_for_one_person_and_one_thing() -> None:
    known = delegation(See(), ManagePool(pool=POOL))
    another = msgspec.structs.replace(POOLS[POOL], id=PoolId(HolderId(numbered(21))))
    handed_over = msgspec.structs.replace(POOLS[POOL], owner=STRANGER)
    for pool, person in (
        (POOLS[POOL], STRANGER),
        (another, DELEGATE),
        (handed_over, DELEGATE),
    ):
        assert authority_to_manage([known], pool, person, START) is None
    for line, person in ((LINE, STRANGER), (OTHER, DELEGATE)):
        assert not may_see([known], line.id, person, START)
    blind = delegation(GIVES, Use(in_all=1))
    assert not may_see([blind], LINE.id, DELEGATE, START)


def test_what_was_given_makes_room_again_when_it_ends() -> None:
    facts = facts_of(delegation())
    gift = Gift(
        id=GiftId(numbered(30)),
        from_line=LINE.id,
        to_line=OTHER.id,
        unit=Unit.DATA,
        amount=200,
        message="",
        state=GiftState.OPEN,
        offered_at=START,
        deadline=START + DAY,
        authority=ONE,
    )
    facts.count_gift(None, gift)
    assert facts.known[ONE].given == {Unit.DATA: 200}
    accepted, declined = (
        dataclasses.replace(gift, state=state, ended_at=START)
        for state in (GiftState.ACCEPTED, GiftState.DECLINED)
    )
    facts.count_gift(gift, accepted)
    assert facts.known[ONE].given == {Unit.DATA: 200}
    facts.count_gift(gift, declined)
    assert facts.known[ONE].given == {Unit.DATA: 0}


# ---------------------------------------------------------------- who may do what


def accepting(by: PersonId, **change: Any) -> AcceptDelegation:
    terms = render_terms(delegation(state="offered"), LINE, PROFILES["open"], POOLS, Language.EN)
    asked = AcceptDelegation(
        person=by, delegation=ONE, language=Language.EN, text_hash=terms.text_hash
    )
    return msgspec.structs.replace(asked, **change)


COMMANDS: dict[str, Callable[[PersonId], DelegationCommand]] = {
    "accept": accepting,
    "decline": lambda by: DeclineDelegation(person=by, delegation=ONE),
    "end": lambda by: EndDelegation(person=by, delegation=ONE),
}
UNKNOWN, ENDED = Code.DELEGATION_UNKNOWN, Code.DELEGATION_ENDED


@pytest.mark.parametrize("state", ["offered", "active", "declined", "ended"])
@pytest.mark.parametrize("by", [OWNER, DELEGATE, STRANGER], ids=["owner", "delegate", "stranger"])
@pytest.mark.parametrize("what", COMMANDS)
def test_who_may_do_what_in_which_state(what: str, by: PersonId, state: str) -> None:
    expected: dict[tuple[str, PersonId, str], Code | DelegationState] = {
        ("accept", DELEGATE, "offered"): DelegationState.ACTIVE,
        ("decline", DELEGATE, "offered"): DelegationState.DECLINED,
        ("end", OWNER, "offered"): DelegationState.ENDED,
        ("end", OWNER, "active"): DelegationState.ENDED,
        ("end", OWNER, "declined"): ENDED,
        ("end", OWNER, "ended"): ENDED,
        ("end", DELEGATE, "active"): DelegationState.ENDED,
    }
    decision = decide_delegation(facts_of(delegation(state=state)), COMMANDS[what](by))
    becomes = expected.get((what, by, state), UNKNOWN)
    if isinstance(becomes, Code):
        assert code_of(decision.outcome) is becomes
        assert decision.delegation is None
    else:
        assert decision.outcome == DelegationDone(ONE)
        assert decision.delegation is not None
        assert decision.delegation.state is becomes


@pytest.mark.parametrize(
    ("known", "after", "is_over"),
    [
        (delegation(), DAY - SECOND, False),
        (delegation(), DAY, True),
        (delegation(state="offered", until=START + 30 * DAY), OFFER_LIFE - DAY - SECOND, False),
        (delegation(state="offered", until=START + 30 * DAY), OFFER_LIFE - DAY, True),
        (delegation(state="offered"), DAY, True),
        (delegation(state="ended"), DAY, False),
        (delegation(state="declined"), DAY, False),
    ],
    ids=[
        "before",
        "over",
        "still offered",
        "too long",
        "offered till its end",
        "ended",
        "declined",
    ],
)
def test_a_sweep_ends_what_time_has_ended(
    known: Delegation, after: timedelta, is_over: bool
) -> None:
    facts = facts_of(known, at=START + after)
    decision = decide_delegation(facts, ExpireDelegation(delegation=ONE))
    if is_over:
        assert decision.outcome == DelegationDone(ONE)
    else:
        assert code_of(decision.outcome) is ENDED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"until": START + LIFE_MAX}, None),
        ({"until": START + LIFE_MAX + SECOND}, Code.DELEGATION_TIME),
        ({"since": START - 2 * DAY, "until": START}, Code.DELEGATION_TIME),
        ({"since": START + DAY}, Code.DELEGATION_TIME),
        ({"person": DELEGATE, "delegate": STRANGER}, Code.LINE_NOT_YOURS),
        ({"delegate": OWNER}, Code.DELEGATION_TO_ONESELF),
        ({"delegate": None}, None),
        ({"line": HolderId(numbered(99))}, Code.LINE_UNKNOWN),
        ({"scopes": (ManagePool(pool=POOL),)}, None),
        ({"scopes": (ManagePool(pool=PoolId(HolderId(numbered(21)))),)}, Code.POOL_UNKNOWN),
    ],
    ids=[
        "all right", "as long as can be", "longer", "over already", "no time at all",
        "on another's line", "to oneself", "to anybody", "no line", "own pool", "another's pool",
    ],
)  # fmt: skip
def test_what_may_be_offered(change: dict[str, Any], code: Code | None) -> None:
    offer = OfferDelegation(
        person=OWNER, line=LINE.id, delegate=DELEGATE, scopes=(GIVES,), since=START,
        until=START + DAY, language=Language.ZH, text_hash=b"",
    )  # fmt: skip
    offer = msgspec.structs.replace(offer, **change)
    if code is None:
        terms = render_terms(offer, LINE, PROFILES["open"], POOLS, Language.ZH)
        offer = msgspec.structs.replace(offer, text_hash=terms.text_hash)
    decision = decide_delegation(facts_of(), offer)
    if code is None:
        assert isinstance(decision.outcome, DelegationDone)
    else:
        assert code_of(decision.outcome) is code


def test_a_pool_of_somebody_else_is_nothing_that_one_may_let_others_manage() -> None:
    facts = facts_of(delegation(ManagePool(pool=POOL), state="offered"))
    for change in ({"owner": STRANGER}, {"closed_at": START}):
        facts.pools.pools[POOL] = msgspec.structs.replace(POOLS[POOL], **change)
        decision = decide_delegation(facts, accepting(DELEGATE))
        assert code_of(decision.outcome) is Code.POOL_UNKNOWN


def test_it_ended_after_all_that_was_done_on_it_whatever_the_clock_says() -> None:
    known = delegation(last_used_at=START + DAY / 2)
    decision = decide_delegation(facts_of(known), EndDelegation(person=OWNER, delegation=ONE))
    assert decision.delegation is not None
    assert decision.delegation.ended_at == START + DAY / 2


# ---------------------------------------------------------------- terms


amounts = st.integers(1, AMOUNT_MAX)
scopes = st.one_of(
    st.just(See()),
    st.builds(Use, in_all=amounts),
    st.builds(Use, per_day=amounts),
    st.builds(Use, in_all=amounts, per_day=amounts),
    st.builds(Give, unit=st.sampled_from(Unit), in_all=amounts),
    st.just(ManagePool(pool=POOL)),
)


@given(scopes, st.sampled_from(Language))
def test_what_is_let_is_written_out_and_says_what_it_is(scope: Scope, language: Language) -> None:
    def render(*of: Scope) -> str:
        return render_terms(delegation(*of), LINE, PROFILES["open"], POOLS, language).text

    text = render(scope)
    assert text == render(scope)
    assert not set(text) & set("{}")
    assert LINE.masked_number in text
    assert LINE.number[3:] not in text
    if isinstance(scope, ManagePool):
        assert "family" in text
    if isinstance(scope, Give):
        assert text != render(msgspec.structs.replace(scope, in_all=scope.in_all - 1 or 2))
    assert len(render(scope, GIVES).splitlines()) == len(text.splitlines()) + 1


def test_an_amount_in_the_terms_is_exact() -> None:
    text = render_terms(
        delegation(Use(in_all=1_500_000_001)), LINE, PROFILES["open"], POOLS, Language.EN
    ).text
    assert "1,500,000.001 kB" in text


@pytest.mark.parametrize("language", Language)
def test_each_language_says_every_clause_of_every_version(language: Language) -> None:
    assert (
        read_terms(TERMS_VERSION, language).keys() == read_terms(TERMS_VERSION, Language.EN).keys()
    )
    for name, text in read_terms(TERMS_VERSION, language).items():
        english = read_terms(TERMS_VERSION, Language.EN)[name]
        assert _places(text) == _places(english), name


def test_times_are_those_of_the_operator_s_clocks() -> None:
    tokyo = msgspec.structs.replace(PROFILES["open"], timezone="Asia/Tokyo")
    until = datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Tokyo"))
    about = delegation(until=until)
    said = {
        language: render_terms(about, LINE, tokyo, POOLS, language).text for language in Language
    }
    assert "until end of 30 November 2026" in said[Language.EN]
    assert "JST" in said[Language.JA]


def _places(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:]}
