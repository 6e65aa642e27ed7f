"""What of posted links is decided without a database, one case a line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from tests.ids import numbered
from tests.model.world import CLAIM_LIFETIME, ISSUED, OPEN_RULES, START, known, operator

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, LinkId, PersonId, PurchaseId, new_id
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.ledger.book import Book
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.gift_decisions import decide_gift
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import GiftDone, GiftRefused, OfferGift
from yuzuri.sharing.link_decisions import (
    apply_link_decision,
    checked_post,
    decide_link,
    preview_take,
)
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.links import (
    PASSCODE_TRIES_MAX,
    SHARES_MAX,
    TAKES_PER_DAY_MAX,
    Audience,
    ExpireLink,
    Link,
    LinkCommand,
    LinkDone,
    LinkOutcome,
    LinkState,
    PostLink,
    RevokeLink,
    Split,
    TakeShare,
)
from yuzuri.subscribers.lines import Line


def of_data(amount: int) -> tuple[Quantity, ...]:
    return (Quantity(amount, Unit.DATA),)


STRICT = msgspec.structs.replace(
    OPEN_RULES,
    step=known(of_data(10)),
    minimum=known(of_data(50)),
    maximum=known(of_data(300)),
    count_per_day=known(5),
    pending_max=known(4),
    volume_per_day=known(of_data(800)),
    received_per_month=known(of_data(250)),
)

PROFILES = Profiles(
    {
        "open": operator(),
        "strict": operator("strict", STRICT),
        "sizes": operator(
            "sizes",
            msgspec.structs.replace(
                OPEN_RULES, sizes=known((*of_data(100), *of_data(200), *of_data(300)))
            ),
        ),
        "none": operator("none", msgspec.structs.replace(OPEN_RULES, offered=known(False))),
        "family": operator(
            "family", msgspec.structs.replace(OPEN_RULES, recipients=known(Recipients.SAME_ACCOUNT))
        ),
    }
)


def line(name: str = "open", person: PersonId | None = None, age_days: int = 400) -> Line:
    return Line(
        id=HolderId(new_id()),
        person=person or PersonId(new_id()),
        operator=name,
        plan="plan",
        number=f"+8190{int.from_bytes(new_id()[8:]) % 10**8:08}",
        label="a line",
        activated_at=START - timedelta(days=age_days),
    )


@dataclass
class Told:
    """A story of one giver's links; every command is decided, and what it changes is applied."""

    giver: Line
    others: Sequence[Line] = ()
    top_ups: Sequence[str] = ("month",)
    facts: LinkFacts = field(init=False)

    def __post_init__(self) -> None:
        book = Book(START)
        lines = {one.id: one for one in (self.giver, *self.others)}
        for top_up in self.top_ups:
            bought = Purchase(id=PurchaseId(new_id()), line=self.giver.id, top_up=top_up)
            book.apply(decide_purchase(book, lines, PROFILES, bought)[1])
        self.facts = LinkFacts(GiftFacts(book, PROFILES, lines))

    def tell(self, command: LinkCommand) -> LinkOutcome:
        decision = decide_link(self.facts, command)
        apply_link_decision(self.facts, decision)
        return decision.outcome

    def post(self, **terms: object) -> LinkOutcome:
        return self.tell(post(self.giver, **terms))

    def posted(self, **terms: object) -> Link:
        outcome = self.post(**terms)
        assert isinstance(outcome, LinkDone), outcome
        return outcome.link

    def take(self, link: Link, taker: Line, **terms: object) -> LinkOutcome:
        return self.tell(take(link, taker, **terms))

    def taken(self, link: Link, taker: Line, **terms: object) -> int:
        outcome = self.take(link, taker, **terms)
        assert isinstance(outcome, GiftDone), outcome
        return outcome.gift.amount

    def link(self, link: Link) -> Link:
        return self.facts.links[link.id]

    @property
    def left(self) -> int:
        return sum(b.available for b in self.facts.gifts.book.buckets_of(self.giver.id))


def post(giver: Line, **terms: object) -> PostLink:
    command = PostLink(person=giver.person, line=giver.id, unit=Unit.DATA, amount=100, shares=2)
    return msgspec.structs.replace(command, **terms)


def take(link: Link, taker: Line, **terms: object) -> TakeShare:
    command = TakeShare(person=taker.person, line=taker.id, link=link.id)
    return msgspec.structs.replace(command, **terms)


def codes(outcome: object) -> list[Code]:
    assert isinstance(outcome, GiftRefused), outcome
    return [reason.code for reason in outcome.reasons]


RANDOM = Split.RANDOM

# ---------------------------------------------------------------- posting


@pytest.mark.parametrize(
    ("operator", "terms", "code"),
    [
        ("open", {}, None),
        ("open", {"amount": ISSUED}, None),
        ("open", {"amount": ISSUED + 1}, Code.BALANCE_NOT_ENOUGH),
        ("open", {"amount": 3, "shares": 4}, Code.LINK_TOO_MANY_SHARES),
        ("open", {"amount": 4, "shares": 4}, None),
        ("open", {"split": RANDOM, "least": 60}, Code.LINK_TOO_MANY_SHARES),
        ("open", {"split": RANDOM, "least": 50}, None),
        ("none", {}, Code.GIFT_NOT_OFFERED),
        ("strict", {}, None),
        ("strict", {"amount": 105}, Code.GIFT_STEP),
        ("strict", {"amount": 105, "split": RANDOM}, Code.GIFT_STEP),
        ("strict", {"amount": 90}, Code.GIFT_MINIMUM),
        ("strict", {"amount": 90, "split": RANDOM}, Code.LINK_TOO_MANY_SHARES),
        ("strict", {"amount": 620}, Code.GIFT_MAXIMUM),
        ("strict", {"amount": 360, "split": RANDOM}, Code.GIFT_MAXIMUM),
        ("strict", {"amount": 350, "split": RANDOM}, None),
        ("strict", {"amount": 810, "shares": 3}, Code.GIFT_VOLUME_PER_DAY),
        ("strict", {"amount": 250, "shares": 5}, Code.GIFT_PENDING),
        ("strict", {"amount": 300, "shares": 6}, Code.GIFT_COUNT_PER_DAY),
        ("sizes", {"amount": 400}, None),
        ("sizes", {"amount": 300}, Code.GIFT_SIZE),
        ("sizes", {"amount": 300, "split": RANDOM, "least": 100}, Code.GIFT_SIZE),
        ("family", {}, None),
    ],
    ids=str,
)
def test_posting_is_judged_as_so_many_gifts_to_nobody_in_particular(
    operator: str, terms: dict[str, object], code: Code | None
) -> None:
    story = Told(line(operator))
    outcome = story.post(**terms)
    if code is None:
        assert isinstance(outcome, LinkDone), outcome
        assert story.left == ISSUED - outcome.link.amount
    else:
        assert codes(outcome)[0] is code
        assert story.left == ISSUED


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"amount": 0}, Code.AMOUNT_NOT_POSITIVE),
        ({"amount": AMOUNT_MAX + 1}, Code.AMOUNT_TOO_LARGE),
        ({"shares": 0}, Code.REQUEST_INVALID),
        ({"shares": SHARES_MAX + 1}, Code.LINK_TOO_MANY_SHARES),
        ({"least": 0}, Code.REQUEST_INVALID),
        ({"line_age_days_min": -1}, Code.REQUEST_INVALID),
        ({"message": "x" * 201}, Code.MESSAGE_TOO_LONG),
        ({"audience": Audience.PASSCODE}, Code.PASSCODE_MISSING),
        ({"audience": Audience.PASSCODE, "passcode": "\u3000"}, Code.PASSCODE_MISSING),
    ],
    ids=str,
)
def test_a_post_that_cannot_be_understood_is_not_let_through(
    terms: dict[str, object], code: Code
) -> None:
    giver = line()
    for look in (checked_post, Told(giver).tell):
        with pytest.raises(DomainError) as raised:
            look(post(giver, **terms))
        assert raised.value.refusal.code is code


def test_an_end_is_in_the_future_and_never_later_than_a_gift_may_wait() -> None:
    giver = line()
    with pytest.raises(DomainError) as raised:
        Told(giver).post(deadline=START)
    assert raised.value.refusal.code is Code.DEADLINE_PAST
    soon, late = START + timedelta(hours=1), START + timedelta(days=400)
    assert Told(giver).posted(deadline=soon).deadline == soon
    assert Told(giver).posted(deadline=late).deadline == START + CLAIM_LIFETIME
    assert Told(giver).posted().deadline == START + CLAIM_LIFETIME
    assert Told(giver, top_ups=["day"]).posted().deadline == START + timedelta(days=1)


def test_a_line_of_somebody_else_posts_nothing() -> None:
    giver, other = line(), line()
    story = Told(giver, [other])
    assert codes(story.post(line=other.id)) == [Code.LINE_NOT_YOURS]
    assert codes(story.post(line=HolderId(new_id()))) == [Code.LINE_UNKNOWN]


def test_what_would_work_instead_of_a_post_does() -> None:
    giver = line("strict")
    refused = Told(giver).post(amount=905, shares=3)
    assert isinstance(refused, GiftRefused)
    amounts = [instead.amount for instead in refused.instead if instead.amount]
    assert amounts == [800]
    assert isinstance(Told(giver).post(amount=800, shares=3), LinkDone)


def test_an_open_link_counts_as_all_its_shares_and_an_ended_one_as_what_was_taken() -> None:
    giver, taker = line("strict"), line("strict")
    story = Told(giver, [taker])
    link = story.posted(amount=200, shares=4)
    offer = OfferGift(
        person=giver.person, from_line=giver.id, to_line=taker.id, unit=Unit.DATA, amount=50
    )
    assert codes(decide_gift(story.facts.gifts, offer).outcome) == [Code.GIFT_PENDING]
    assert codes(story.post()) == [Code.GIFT_COUNT_PER_DAY, Code.GIFT_PENDING]
    story.taken(link, taker)
    assert Code.GIFT_COUNT_PER_DAY in codes(story.post()), "one was taken, three can be"
    story.tell(RevokeLink(person=giver.person, link=link.id))
    assert isinstance(story.post(amount=200, shares=4), LinkDone), "one of five a day"
    assert Code.GIFT_COUNT_PER_DAY in codes(decide_gift(story.facts.gifts, offer).outcome)


# ---------------------------------------------------------------- taking


def test_shares_go_in_the_order_of_the_draw_from_what_ends_soonest_to_the_last_byte() -> None:
    giver, *takers = line(), *(line() for _ in range(7))
    story = Told(giver, takers, ["never", "day", "week"])
    link = story.posted(amount=2 * ISSUED + 3, shares=7, split=RANDOM, least=10)
    got = [story.taken(link, taker) for taker in takers]
    assert sum(got) == link.amount
    assert min(got) >= 10
    book, ended = story.facts.gifts.book, story.link(link)
    ends = [[a.expires_at for _, a in book.holdings(t.id, Unit.DATA)] for t in takers]
    assert ends[0][0] == START + timedelta(days=1)
    assert ends[-1][-1] is None
    assert (ended.state, ended.taken, ended.taken_amount) == (LinkState.SPENT, 7, link.amount)
    assert ended.ended_at == START
    assert book.open_holds(link.id) == []
    assert codes(story.take(link, line())) == [Code.LINE_UNKNOWN]


def test_a_person_takes_one_share_whatever_lines_they_have() -> None:
    giver, first = line(), line()
    second = line(person=first.person)
    story = Told(giver, [first, second])
    link = story.posted(shares=4)
    story.taken(link, first)
    for again in (first, second):
        assert codes(story.take(link, again)) == [Code.LINK_TAKEN]
    assert story.link(link).taken == 1


def spend(story: Told, link: Link) -> None:
    for other in story.others[1:]:
        story.taken(link, other)


def revoke(story: Told, link: Link) -> None:
    story.tell(RevokeLink(person=story.giver.person, link=link.id))


def run_out(story: Told, link: Link) -> None:
    story.facts.gifts.book.at = link.deadline


@pytest.mark.parametrize("end", [spend, revoke, run_out])
def test_what_has_ended_is_as_unknown_as_what_never_was(end: object) -> None:
    taker = line()
    story = Told(line(), [taker, line(), line()])
    link = story.posted()
    assert callable(end)
    end(story, link)
    never = msgspec.structs.replace(link, id=LinkId(new_id()))
    assert story.take(link, taker) == story.take(never, taker)
    assert codes(story.take(link, taker)) == [Code.LINK_UNKNOWN]
    assert preview_take(story.facts, story.link(link), taker).refused == story.take(link, taker)


@pytest.mark.parametrize(
    ("giver", "taker", "terms", "known", "code"),
    [
        ("open", line(), {}, "", None),
        ("open", line("strict"), {}, "", Code.GIFT_OTHER_OPERATOR),
        ("open", line("none"), {}, "", Code.GIFT_NOT_OFFERED),
        ("family", line("family"), {}, "", Code.GIFT_OTHER_ACCOUNT),
        ("strict", line("strict"), {"amount": 260, "shares": 1}, "", Code.GIFT_RECEIVED_PER_MONTH),
        ("strict", line("strict"), {"amount": 250, "shares": 1}, "", None),
        ("open", line(), {"audience": Audience.OPERATOR}, "", None),
        ("open", line(), {"audience": Audience.CONTACTS}, "", Code.LINK_CONTACTS_ONLY),
        ("open", line(), {"audience": Audience.CONTACTS}, "it", None),
        ("open", line(age_days=29), {"line_age_days_min": 30}, "", Code.LINK_LINE_TOO_YOUNG),
        ("open", line(age_days=30), {"line_age_days_min": 30}, "", None),
    ],
    ids=lambda one: one.operator if isinstance(one, Line) else str(one),
)
def test_taking_is_judged_by_what_depends_on_the_taker(
    giver: str, taker: Line, terms: dict[str, object], known: str, code: Code | None
) -> None:
    story = Told(line(giver), [taker])
    link = story.posted(**terms)
    if known:
        story.facts.contacts = {story.giver.person: frozenset([taker.number])}
    preview = preview_take(story.facts, link, taker)
    outcome = story.take(link, taker)
    if code is None:
        assert isinstance(outcome, GiftDone), outcome
        assert preview.refused is None
        assert preview.arrives == outcome.arrives
    else:
        assert codes(outcome)[0] is code
        assert preview.refused == outcome
        assert story.link(link) == link


def test_who_is_with_another_operator_hears_which_of_their_lines_can_take_it() -> None:
    taker = line("strict")
    fitting = line(person=taker.person)
    story = Told(line(), [taker, fitting])
    link = story.posted()
    refused = story.take(link, taker)
    assert isinstance(refused, GiftRefused)
    assert [instead.code for instead in refused.instead] == [Code.INSTEAD_NEW_LINE]
    story.facts.own = {taker.person: [taker, fitting]}
    refused = story.take(link, taker)
    assert isinstance(refused, GiftRefused)
    assert [(i.code, i.line) for i in refused.instead] == [(Code.INSTEAD_LINE, fitting.id)]
    story.taken(link, fitting)


def test_a_link_for_one_operator_is_for_no_other_where_gifts_go_to_anyone() -> None:
    rules = msgspec.structs.replace(OPEN_RULES, recipients=known(Recipients.ANYONE))
    profiles = Profiles({name: operator(name, rules) for name in ("open", "other")})
    taker = line("other")
    story = Told(line(), [taker])
    story.facts.gifts.profiles = profiles
    link = story.posted(audience=Audience.OPERATOR, shares=1)
    assert codes(story.take(link, taker)) == [Code.LINK_OTHER_OPERATOR]
    story.taken(story.posted(), taker)


def test_a_line_takes_no_share_of_its_own_link() -> None:
    story = Told(line())
    assert codes(story.take(story.posted(), story.giver)) == [Code.GIFT_TO_ONESELF]


def test_the_name_of_a_line_is_its_persons_to_use() -> None:
    taker, thief = line(), line()
    story = Told(line(), [taker])
    link = story.posted()
    assert codes(story.take(link, taker, person=thief.person)) == [Code.LINE_NOT_YOURS]


def test_a_passcode_may_be_missed_so_often_and_then_never_again() -> None:
    taker, other = line(), line()
    story = Told(line(), [taker, other])
    link = story.posted(audience=Audience.PASSCODE, passcode="　ゆず１２")
    assert codes(story.take(link, taker)) == [Code.PASSCODE_MISSING]
    for left in range(PASSCODE_TRIES_MAX - 1, 0, -1):
        missed = story.take(link, taker, passcode="wrong")
        assert codes(missed) == [Code.PASSCODE_WRONG]
        assert isinstance(missed, GiftRefused)
        assert missed.reasons[0].fields == {"left": left}
    for passcode in ("wrong", "ゆず12"):
        assert codes(story.take(link, taker, passcode=passcode)) == [Code.PASSCODE_CLOSED]
    assert story.taken(link, other, passcode="ゆず12 ") == 50
    assert "ゆず" not in str(story.link(link)), "it is kept as a digest"


def test_nobody_takes_more_than_so_many_shares_a_day() -> None:
    taker = line()
    story = Told(line(), [taker], ["month"] * 3)
    for _ in range(TAKES_PER_DAY_MAX):
        story.taken(story.posted(), taker)
    assert codes(story.take(story.posted(), taker)) == [Code.LINK_SHARES_PER_DAY]


def test_names_stay_hidden_and_the_message_goes_with_the_gift() -> None:
    taker = line()
    story = Told(line(), [taker])
    link = story.posted(message="ゆずります", is_giver_hidden=True)
    done = story.take(link, taker, hides_name=True)
    assert isinstance(done, GiftDone)
    gift = done.gift
    assert (gift.is_giver_hidden, gift.is_receiver_hidden, gift.message) == (
        True,
        True,
        "ゆずります",
    )
    assert (gift.via, gift.is_share, gift.offered_at) == (link.id, True, link.posted_at)


# ---------------------------------------------------------------- ending


def test_what_nobody_took_is_back_where_it_was() -> None:
    taker = line()
    story = Told(line(), [taker], ["day", "week"])
    before = [(b.allowance, b.balance) for b in story.facts.gifts.book.buckets_of(story.giver.id)]
    link = story.posted(amount=1500, shares=3)
    assert story.left == 2 * ISSUED - 1500
    ended = story.tell(RevokeLink(person=story.giver.person, link=link.id))
    assert isinstance(ended, LinkDone)
    assert ended.link.state is LinkState.REVOKED
    book = story.facts.gifts.book
    assert [(b.allowance, b.balance) for b in book.buckets_of(story.giver.id)] == before
    assert story.left == 2 * ISSUED
    assert codes(story.tell(RevokeLink(person=story.giver.person, link=link.id))) == [
        Code.LINK_ENDED
    ]


def test_only_its_giver_revokes_a_link_and_only_time_lets_it_expire() -> None:
    story = Told(line())
    link = story.posted()
    stranger = RevokeLink(person=PersonId(new_id()), link=link.id)
    assert codes(story.tell(stranger)) == [Code.LINK_UNKNOWN]
    assert codes(story.tell(ExpireLink(link=link.id))) == [Code.LINK_ENDED]
    assert codes(story.tell(ExpireLink(link=LinkId(numbered(99))))) == [Code.LINK_UNKNOWN]
    story.facts.gifts.book.at = link.deadline
    assert codes(story.tell(RevokeLink(person=story.giver.person, link=link.id))) == [
        Code.LINK_ENDED
    ]
    story.facts.gifts.book.end_lapsed_holds()
    ended = story.tell(ExpireLink(link=link.id))
    assert isinstance(ended, LinkDone)
    assert ended.link.state is LinkState.EXPIRED


def test_what_a_clock_that_was_ahead_has_freed_is_taken_by_nobody() -> None:
    taker = line()
    story = Told(line(), [taker])
    link = story.posted()
    book = story.facts.gifts.book
    book.at = link.deadline
    book.end_lapsed_holds()
    book.at = START
    assert codes(story.take(link, taker)) == [Code.LINK_UNKNOWN]
