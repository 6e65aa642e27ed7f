"""What stands on the poster of a link, a request or an invitation, in the reader's language."""

from urllib.parse import urlsplit

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import Profile
from yuzuri.pictures.colours import quiet_colour
from yuzuri.pictures.glyphs import drawable
from yuzuri.pictures.posters import Poster
from yuzuri.runtime.pool_words import say_allotment
from yuzuri.sharing.links import Audience, Link, Split
from yuzuri.sharing.pools import Invitation, Pool
from yuzuri.sharing.requests import Request
from yuzuri.words.formats import say_instant, say_number, say_quantity
from yuzuri.words.translations import translate


def link_poster(
    link: Link, nickname: str, profile: Profile, url: str, language: Language
) -> Poster:
    """Say what is given; `profile` is that of the giver's operator, `url` ends in a secret."""
    giver = "" if link.is_giver_hidden else drawable(nickname)
    notes = (translate(language, "Not for resale"), _say_audience(link, profile, language))
    return Poster(
        brand=profile.name.in_language(language),
        title=translate(language, "A gift from {giver}", giver=giver)
        if giver
        else translate(language, "A gift"),
        amount=say_quantity(Quantity(link.amount, link.unit), language),
        about=say_shares(link, language),
        until=translate(
            language, "Until {end}", end=say_instant(link.deadline, profile.zone, language)
        ),
        note=" · ".join(filter(None, notes)),
        place=urlsplit(url).netloc,
        url=url,
        colour=_colour(profile),
        language=language,
    )


def request_poster(
    request: Request, nickname: str, profile: Profile, url: str, language: Language
) -> Poster:
    """Say what is asked for; `profile` is that of the operator of whoever asks."""
    asker = drawable(nickname)
    return Poster(
        brand=profile.name.in_language(language),
        title=translate(language, "{asker} asks for", asker=asker)
        if asker
        else translate(language, "Asked for"),
        amount=say_quantity(Quantity(request.amount, request.unit), language),
        about=translate(language, "Can you spare some of it?"),
        until=translate(
            language, "Until {end}", end=say_instant(request.deadline, profile.zone, language)
        ),
        note=translate(language, "A present, never a sale"),
        place=urlsplit(url).netloc,
        url=url,
        colour=_colour(profile),
        language=language,
    )


def invitation_poster(
    invitation: Invitation,
    pool: Pool,
    nickname: str,
    profile: Profile,
    url: str,
    language: Language,
) -> Poster:
    """Say what one is invited to; `profile` is that of the pool's operator."""
    inviter = drawable(nickname)
    terms = say_allotment(invitation.allotment, language)
    return Poster(
        brand=profile.name.in_language(language),
        title=translate(language, "{name} invites you to", name=inviter)
        if inviter
        else translate(language, "You are invited to"),
        amount=drawable(pool.name) or translate(language, "Pool"),
        about=" · ".join(terms[:2]),
        until=translate(
            language, "Until {end}", end=say_instant(invitation.until, profile.zone, language)
        ),
        note=translate(language, "One pool for several lines"),
        place=urlsplit(url).netloc,
        url=url,
        colour=_colour(profile),
        language=language,
    )


def say_shares(link: Link, language: Language) -> str:
    """Say into how many shares an amount is divided, and how large they are."""
    if link.shares == 1:
        return translate(language, "For one person")
    count = say_number(link.shares, language)
    each, uneven = divmod(link.amount // link.step, link.shares)
    is_equal = link.split is Split.EQUAL
    least = Quantity(each * link.step if is_equal else link.least, link.unit)
    said = say_quantity(least, language)
    if is_equal and not uneven:
        return translate(language, "{count} shares of {share}", count=count, share=said)
    return translate(language, "{count} shares of {share} or more", count=count, share=said)


def _say_audience(link: Link, profile: Profile, language: Language) -> str:
    match link.audience:
        case Audience.ANYONE:
            return ""
        case Audience.OPERATOR:
            operator = profile.name.in_language(language)
            return translate(language, "for lines of {operator}", operator=operator)
        case Audience.CONTACTS:
            return translate(language, "for contacts of the giver")
        case Audience.PASSCODE:
            return translate(language, "with a passcode")


def _colour(profile: Profile) -> str:
    return quiet_colour(profile.id) if profile.colour is None else profile.colour.value
