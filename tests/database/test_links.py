"""Posted links and requests on a real database: at once, by several processes, in several homes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import LiteralString

import msgspec
import pytest
from psycopg import AsyncConnection
from tests.crowds import add_crowd
from tests.model.world import (
    ISSUED,
    OPEN_RULES,
    World,
    breaches,
    choose,
    known,
    offered,
    open_world,
    operator,
)

from yuzuri.db.connect import Database
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import LinkId, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.account import load_accounts, load_gift_list
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_views import (
    load_left,
    load_link_list,
    load_open_link,
    load_own_link,
    load_shares,
    load_take_previews,
)
from yuzuri.sharing.links import (
    TAKES_PER_DAY_MAX,
    Audience,
    Link,
    LinkDone,
    LinkState,
    PostLink,
    RevokeLink,
    Split,
    TakeShare,
)
from yuzuri.sharing.request_views import (
    load_fills,
    load_open_request,
    load_own_request,
    load_request_list,
)
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    Request,
    RequestDone,
    RequestState,
)
from yuzuri.sharing.thanks import thank
from yuzuri.subscribers.contacts import add_contact
from yuzuri.subscribers.lines import Line

STRICT = msgspec.structs.replace(
    OPEN_RULES, pending_max=known(4), received_per_month=known((Quantity(60, Unit.DATA),))
)
PROFILES = Profiles({"open": operator(), "strict": operator("strict", STRICT)})


in_homes = pytest.mark.parametrize("homes", [1, 16], ids=["1 home", "16 homes"], indirect=True)


@pytest.fixture
def homes(request: pytest.FixtureRequest) -> int:
    """How many homes there are: one, where a test does not say it."""
    chosen: int = getattr(request, "param", 1)
    return chosen


@pytest.fixture
async def world(
    settings: Settings, database_url: str, database: Database, homes: int
) -> AsyncIterator[World]:
    await choose(database_url, homes)
    async with open_world(settings, database, PROFILES) as world:
        yield world


@pytest.fixture
async def other_process(world: World) -> AsyncIterator[Yuzuri]:
    """A second Yuzuri on the same database."""
    yuzuri = world.yuzuri
    async with run_yuzuri(
        yuzuri.settings, yuzuri.database, clock=world.clock, profiles=PROFILES
    ) as other:
        yield other


async def posted(world: World, giver: Line, **terms: object) -> Link:
    post = PostLink(person=giver.person, line=giver.id, unit=Unit.DATA, amount=100, shares=2)
    outcome = await world.submit(msgspec.structs.replace(post, **terms), who=giver)
    assert isinstance(outcome, LinkDone), outcome
    return outcome.link


def take(link: Link, taker: Line, **terms: object) -> TakeShare:
    command = TakeShare(person=taker.person, line=taker.id, link=link.id)
    return msgspec.structs.replace(command, **terms)


def codes(outcome: object) -> list[Code]:
    assert isinstance(outcome, GiftRefused), outcome
    return [reason.code for reason in outcome.reasons]


def sizes(outcomes: Sequence[Outcome]) -> list[int]:
    return [outcome.gift.amount for outcome in outcomes if isinstance(outcome, GiftDone)]


# ---------------------------------------------------------------- at once


@in_homes
async def test_a_link_is_revoked_while_a_thousand_take(
    world: World, other_process: Yuzuri, homes: int
) -> None:
    """Nobody gets two, nobody's is lost, and what is not taken is back to the byte."""
    [giver] = await world.new_lines(1)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        takers = await add_crowd(connection, 1_000, world.at, homes=homes)
    link = await posted(world, giver, amount=ISSUED, shares=1_000)
    revoke = RevokeLink(person=giver.person, link=link.id)

    async def take_all() -> list[Outcome]:
        ways = [world.yuzuri, other_process]
        return await asyncio.gather(
            *(
                ways[number % 2].submit(taker.person, "take", take(link, taker))
                for number, taker in enumerate(takers[:500])
            ),
            world.yuzuri.submit(giver.person, "revoke", revoke),
            *(
                ways[number % 2].submit(taker.person, "take", take(link, taker))
                for number, taker in enumerate(takers[500:])
            ),
        )

    answers = await take_all()
    revoked, outcomes = answers[500], answers[:500] + answers[501:]
    assert isinstance(revoked, LinkDone)
    refused = [outcome for outcome in outcomes if not isinstance(outcome, GiftDone)]
    assert all(codes(outcome) == [Code.LINK_UNKNOWN] for outcome in refused)
    assert refused, "it was revoked in the midst of it"
    got = sizes(outcomes)
    assert (revoked.link.taken, revoked.link.taken_amount) == (len(got), sum(got))
    assert await world.left(giver) == ISSUED - sum(got)
    assert await take_all() == answers, "the same key again gives the same answer"


@in_homes
async def test_two_links_of_two_homes_do_not_let_a_person_pass_the_limit_of_a_day(
    world: World,
) -> None:
    givers = await world.new_lines(7)
    [taker] = await world.new_lines(1)
    links: list[Link] = []
    for number in range(TAKES_PER_DAY_MAX + 1):
        giver = givers[number % 7]
        await world.buy(giver)
        links.append(await posted(world, giver))
    for link in links[: TAKES_PER_DAY_MAX - 1]:
        assert isinstance(await world.submit(take(link, taker)), GiftDone)
    last = await asyncio.gather(*(world.submit(take(link, taker)) for link in links[-2:]))
    assert len(sizes(last)) == 1
    [refused] = [outcome for outcome in last if isinstance(outcome, GiftRefused)]
    assert codes(refused) == [Code.LINK_SHARES_PER_DAY]
    world.clock.move(timedelta(hours=24))
    [left] = [link for link, one in zip(links[-2:], last, strict=True) if one is refused]
    assert isinstance(await world.submit(take(left, taker)), GiftDone)


# ---------------------------------------------------------------- limits


@in_homes
async def test_limits_count_what_was_posted_and_what_was_taken(world: World) -> None:
    giver, one, other = await world.new_lines(3, "strict")
    await world.buy(giver)
    link = await posted(world, giver, shares=4)
    gift = offered(giver, one, 10)
    assert codes(await world.submit(gift)) == [Code.GIFT_PENDING]
    assert isinstance(await world.submit(take(link, one)), GiftDone)
    assert isinstance(await world.submit(gift), GiftDone), "three wait, and may be four"
    assert codes(await world.submit(gift)) == [Code.GIFT_PENDING]
    await world.submit(RevokeLink(person=giver.person, link=link.id))
    assert isinstance(await world.submit(gift), GiftDone)
    large = await posted(world, giver, amount=120)
    assert codes(await world.submit(take(large, one))) == [Code.GIFT_RECEIVED_PER_MONTH]
    assert isinstance(await world.submit(take(large, other)), GiftDone)


async def test_only_whose_number_the_giver_knows_takes_a_share_for_contacts(world: World) -> None:
    giver, friend, stranger = await world.new_lines(3)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        await add_contact(connection, giver.person, friend.number, "a friend", world.at)
    link = await posted(world, giver, audience=Audience.CONTACTS)
    assert codes(await world.submit(take(link, stranger))) == [Code.LINK_CONTACTS_ONLY]
    assert isinstance(await world.submit(take(link, friend)), GiftDone)


async def test_a_wrong_passcode_is_counted_though_it_is_refused(world: World) -> None:
    giver, taker = await world.new_lines(2)
    await world.buy(giver)
    link = await posted(world, giver, audience=Audience.PASSCODE, passcode="yuzu")
    for left in (4, 3, 2, 1):
        missed = await world.submit(take(link, taker, passcode="no"))
        assert isinstance(missed, GiftRefused)
        assert missed.reasons[0].fields == {"left": left}
    assert codes(await world.submit(take(link, taker, passcode="no"))) == [Code.PASSCODE_CLOSED]
    assert codes(await world.submit(take(link, taker, passcode="yuzu"))) == [Code.PASSCODE_CLOSED]


# ---------------------------------------------------------------- time


async def test_at_its_deadline_a_link_is_over_and_what_it_held_is_free_unswept(
    world: World,
) -> None:
    giver, one, other = await world.new_lines(3)
    await world.buy(giver)
    link = await posted(world, giver)
    world.clock.now = link.deadline - timedelta(microseconds=1)
    assert isinstance(await world.submit(take(link, one)), GiftDone)
    world.clock.now = link.deadline
    assert codes(await world.submit(take(link, other))) == [Code.LINK_UNKNOWN]
    assert await world.left(giver) == ISSUED - 50
    assert await sweep(world.yuzuri) >= 1
    async with world.yuzuri.database.connection() as connection:
        ended = (await load_own_link(connection, giver.person, link.id)).link
    assert (ended.state, ended.taken, ended.ended_at) == (LinkState.EXPIRED, 1, link.deadline)


# ---------------------------------------------------------------- what people see


@in_homes
async def test_the_giver_watches_the_shares_go(world: World) -> None:
    giver, one, other = await world.new_lines(3)
    await world.buy(giver, "week")
    await world.buy(giver, "month")
    link = await posted(world, giver, amount=1_500, shares=3, is_giver_hidden=True)
    for taker, hides in ((one, False), (other, True)):
        world.clock.move(timedelta(minutes=1))
        await world.submit(take(link, taker, hides_name=hides))
    async with world.yuzuri.database.connection() as connection:
        [seen] = await load_link_list(connection, giver.person, world.at)
        assert seen == await load_own_link(connection, giver.person, link.id)
        shares = await load_shares(connection, seen.link)
        left = await load_left(connection, seen.link, world.at)
        opened = await load_open_link(connection, link.id, world.at)
        [account] = await load_accounts(connection, giver.person, world.at)
        sent = await load_gift_list(connection, giver.person, world.at)
        [received] = await load_gift_list(connection, one.person, world.at)
        with pytest.raises(DomainError) as raised:
            await load_own_link(connection, one.person, link.id)
    assert raised.value.refusal.code is Code.LINK_UNKNOWN
    assert [(x.gift.amount, x.other and x.other.id, x.other_number) for x in shares] == [
        (500, None, ""),
        (500, one.person, one.masked_number),
    ]
    assert [(part.quantity.amount, part.expires_at) for part in left] == [
        (500, link.posted_at + timedelta(days=30))
    ]
    assert sum(balance.in_gifts for balance in account.balances) == 500
    assert opened is not None
    assert opened.giver is None
    assert sent == [], "for the giver the link is one matter"
    assert (received.other, received.other_number) == (None, "")


async def test_a_preview_says_for_each_line_what_taking_is_answered_with(world: World) -> None:
    giver, taker = await world.new_lines(2)
    await world.buy(giver)
    for terms in ({}, {"line_age_days_min": 500}, {"audience": Audience.CONTACTS}):
        link = await posted(world, giver, **terms)
        async with world.yuzuri.database.connection() as connection:
            [preview] = await load_take_previews(
                connection, PROFILES, taker.person, link.id, world.at
            )
        outcome = await world.submit(take(link, taker))
        if isinstance(outcome, GiftDone):
            assert (preview.refused, preview.arrives) == (None, outcome.arrives)
        else:
            assert preview.refused == outcome
    async with world.yuzuri.database.connection() as connection:
        unknown = LinkId(new_id())
        assert not await load_take_previews(connection, PROFILES, taker.person, unknown, world.at)
        assert await load_open_link(connection, unknown, world.at) is None


async def test_a_preview_does_not_tell_how_large_the_next_drawn_share_is(world: World) -> None:
    giver, taker = await world.new_lines(2)
    await world.buy(giver)
    link = await posted(world, giver, amount=ISSUED, split=Split.RANDOM, least=7)
    async with world.yuzuri.database.connection() as connection:
        [preview] = await load_take_previews(connection, PROFILES, taker.person, link.id, world.at)
    assert [arrival.quantity.amount for arrival in preview.arrives] == [7]


async def test_whoever_has_received_a_gift_says_thank_you_once(world: World) -> None:
    giver, taker = await world.new_lines(2)
    await world.buy(giver)
    link = await posted(world, giver)
    done = await world.submit(take(link, taker))
    assert isinstance(done, GiftDone)
    async with world.yuzuri.database.connection() as connection:
        for person, text, code in (
            (giver.person, "thanks to me", Code.GIFT_UNKNOWN),
            (taker.person, "  ", Code.REQUEST_INVALID),
            (taker.person, "x" * 201, Code.MESSAGE_TOO_LONG),
        ):
            with pytest.raises(DomainError) as raised:
                await thank(connection, person, done.gift.id, text)
            assert raised.value.refusal.code is code
        await thank(connection, taker.person, done.gift.id, "ありがとう")
        with pytest.raises(DomainError) as raised:
            await thank(connection, taker.person, done.gift.id, "and again")
        assert raised.value.refusal.code is Code.GIFT_THANKED
        [share] = await load_shares(connection, link)
    assert share.gift.thanks == "ありがとう"


# ---------------------------------------------------------------- requests


async def asked(world: World, asker: Line, amount: int) -> Request:
    ask = AskForGift(person=asker.person, line=asker.id, unit=Unit.DATA, amount=amount)
    outcome = await world.submit(ask, who=asker)
    assert isinstance(outcome, RequestDone), outcome
    return outcome.request


@in_homes
async def test_friends_who_give_at_once_never_give_more_than_is_asked_for(
    world: World, other_process: Yuzuri
) -> None:
    asker, *friends = await world.new_lines(6)
    request = await asked(world, asker, 1_000)
    for friend in friends:
        await world.buy(friend)
    fills = [
        FillRequest(person=x.person, line=x.id, request=request.id, amount=300) for x in friends
    ]
    outcomes = await asyncio.gather(
        *(
            yuzuri.submit(fill.person, "fill", fill)
            for fill, yuzuri in zip(fills, [world.yuzuri, other_process] * 3, strict=False)
        )
    )
    assert sizes(outcomes) == [300, 300, 300]
    refused = [outcome for outcome in outcomes if isinstance(outcome, GiftRefused)]
    assert [codes(outcome) for outcome in refused] == [[Code.GIFT_REQUEST_TOO_MUCH]] * 2
    async with world.yuzuri.database.connection() as connection:
        [seen] = await load_request_list(connection, asker.person, world.at)
        given = await load_fills(connection, seen.request)
        opened = await load_open_request(connection, request.id, world.at)
        late = await load_open_request(connection, request.id, request.deadline)
    assert (seen.request.filled, seen.request.state) == (900, RequestState.OPEN)
    assert [one.gift.amount for one in given] == [300, 300, 300]
    assert opened is not None
    assert opened.asker.id == asker.person
    assert late is None
    close = CloseRequest(person=asker.person, request=request.id)
    assert isinstance(await world.submit(close), RequestDone)
    async with world.yuzuri.database.connection() as connection:
        seen = await load_own_request(connection, asker.person, request.id)
        assert await load_open_request(connection, request.id, world.at) is None
    assert seen.request.state is RequestState.CLOSED
    assert await world.left(asker) == 900


# ---------------------------------------------------------------- verify


EDITS = [
    ("UPDATE link SET state = 'revoked', ended_at = posted_at", {"I6"}),
    ("UPDATE link SET taken = 0, taken_amount = 0", {"I6", "I7"}),
    ("UPDATE link SET taken = 2", {"I7"}),
    ("UPDATE link_taker SET person = gen_random_uuid()", {"I7"}),
    ("UPDATE link_taker SET number = 1", {"I7"}),
    ("UPDATE link SET seed = sha256(seed)", {"I7"}),
    ("DELETE FROM link_taker", {"I7"}),
    ("DELETE FROM link", {"I7"}),
    ("UPDATE gift SET is_share = false WHERE is_share", {"I7"}),
    ("UPDATE gift_request SET filled = filled - 1", {"I7"}),
    ("DELETE FROM command WHERE convert_from(reply, 'UTF8') LIKE '%LinkDone%'", {"I4"}),
]


@pytest.mark.parametrize(("edit", "named"), EDITS, ids=[edit for edit, _ in EDITS])
async def test_what_is_changed_behind_a_link_is_named(
    settings: Settings,
    database: Database,
    admin_connection: AsyncConnection,
    edit: LiteralString,
    named: set[str],
) -> None:
    async with open_world(settings, database, PROFILES) as world:
        giver, taker = await world.new_lines(2)
        await world.buy(giver)
        link = await posted(world, giver, amount=900, shares=9, split=Split.RANDOM)
        await world.submit(take(link, taker))
        request = await asked(world, taker, 10)
        fill = FillRequest(person=giver.person, line=giver.id, request=request.id, amount=3)
        await world.submit(fill)
    await admin_connection.execute(edit)
    found = {breach.split()[0] for breach in await breaches(database, world.at)}
    assert found >= named
