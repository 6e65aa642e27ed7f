"""What stands on a poster: how much for whom, until when, and nobody's name who hides it."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from tests.ids import numbered

from yuzuri.kernel.ids import HolderId, LinkId, RequestId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.posters import link_poster, request_poster, say_shares
from yuzuri.sharing.links import Audience, Link, Split
from yuzuri.sharing.requests import Request

PROFILES = read_profiles()
MINEO = PROFILES["mineo"]
URL = "https://yuzuri.example/l#secret"
MB = 10**6
DEADLINE = datetime(2026, 12, 31, 14, 30, tzinfo=UTC)
EN, JA, ZH = Language.EN, Language.JA, Language.ZH

LINK = Link(
    id=LinkId(numbered(1)),
    line=HolderId(numbered(2)),
    unit=Unit.DATA,
    amount=100 * MB,
    shares=5,
    split=Split.EQUAL,
    least=20 * MB,
    step=10 * MB,
    seed=bytes(32),
    audience=Audience.ANYONE,
    posted_at=DEADLINE,
    deadline=DEADLINE,
)


def test_a_poster_says_all_that_one_wants_to_know() -> None:
    poster = link_poster(LINK, "Mai", MINEO, URL, EN)
    assert (poster.brand, poster.title, poster.amount) == ("mineo", "A gift from Mai", "100 MB")
    assert poster.about == "5 shares of 20 MB"
    assert poster.until == "Until Thu 31 December 2026, 23:30 JST"
    assert (poster.note, poster.place) == ("Not for resale", "yuzuri.example")


@pytest.mark.parametrize(
    ("language", "title", "about", "until"),
    [
        (JA, "Maiさんからの贈り物", "20MBずつ5人分", "2026年12月31日(木) 23:30 JSTまで"),
        (ZH, "来自Mai的礼物", "共5份，每份20MB", "截至2026年12月31日 周四 23:30 JST"),
    ],
    ids=["ja", "zh"],
)
def test_it_says_so_in_the_readers_language(
    language: Language, title: str, about: str, until: str
) -> None:
    poster = link_poster(LINK, "Mai", MINEO, URL, language)
    assert (poster.title, poster.about.replace(" ", ""), poster.until) == (title, about, until)
    assert poster.language is language


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (replace(LINK, shares=1), "For one person"),
        (replace(LINK, shares=3), "3 shares of 30 MB or more"),
        (replace(LINK, split=Split.RANDOM, least=10 * MB), "5 shares of 10 MB or more"),
        (replace(LINK, amount=50, shares=50, unit=Unit.SMS, step=1), "50 shares of 1 SMS"),
    ],
    ids=["one", "uneven", "drawn", "sms"],
)
def test_shares_are_said_as_they_are(link: Link, said: str) -> None:
    assert say_shares(link, EN) == said


@pytest.mark.parametrize(
    ("audience", "said"),
    [
        (Audience.OPERATOR, "Not for resale · for lines of mineo"),
        (Audience.CONTACTS, "Not for resale · for contacts of the giver"),
        (Audience.PASSCODE, "Not for resale · with a passcode"),
    ],
    ids=lambda value: value.value if isinstance(value, Audience) else "",
)
def test_whoever_it_is_not_for_is_told_on_the_poster(audience: Audience, said: str) -> None:
    assert link_poster(replace(LINK, audience=audience), "Mai", MINEO, URL, EN).note == said


def test_nobody_is_named_who_hides_or_whose_name_cannot_be_drawn() -> None:
    hidden = replace(LINK, is_giver_hidden=True)
    assert link_poster(hidden, "Mai", MINEO, URL, EN).title == "A gift"
    assert link_poster(LINK, "🍋🍋", MINEO, URL, EN).title == "A gift"
    assert link_poster(LINK, "Mai 🍋", MINEO, URL, EN).title == "A gift from Mai"


def test_it_wears_the_colour_of_the_operator() -> None:
    rakuten = link_poster(LINK, "Mai", PROFILES["rakuten-mobile"], URL, EN)
    assert rakuten.colour == "#bf0000"
    mineo, docomo = (link_poster(LINK, "", PROFILES[o], URL, EN) for o in ("mineo", "docomo"))
    assert mineo.colour != docomo.colour


def test_a_request_asks() -> None:
    request = Request(
        id=RequestId(numbered(3)),
        line=HolderId(numbered(2)),
        unit=Unit.VOICE,
        amount=600,
        asked_at=DEADLINE,
        deadline=DEADLINE,
    )
    poster = request_poster(request, "Mai", MINEO, URL, EN)
    assert (poster.title, poster.amount) == ("Mai asks for", "10 min")
    assert poster.about == "Can you spare some of it?"
    assert request_poster(request, "🍋", MINEO, URL, EN).title == "Asked for"
