"""How a line draws on a pool and what its person agrees to, in words: the same for every face."""

from collections.abc import Iterator

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profile import Profile
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.pools import Allotment, Pool, Role
from yuzuri.words.formats import say_list, say_quantity
from yuzuri.words.sentence_table import CLASSES
from yuzuri.words.translations import translate


def say_role(role: Role, language: Language) -> str:
    """Say what somebody is to a pool."""
    return {
        Role.OWNER: translate(language, "Owner"),
        Role.MANAGER: translate(language, "Manager"),
        Role.MEMBER: translate(language, "Member"),
    }[role]


def say_allotment(allotment: Allotment, language: Language) -> tuple[str, ...]:
    """Say every limit, or that there is none, what is used first, and what holds for now."""
    limits = tuple(_say_limits(allotment, language)) or (translate(language, "No limit"),)
    return (*limits, say_order(allotment, language), *say_pace(allotment, language))


def say_order(allotment: Allotment, language: Language) -> str:
    """Say what is used first."""
    if allotment.pool_first:
        return translate(language, "The pool first, then its own")
    return translate(language, "Its own first, then the pool")


def say_terms(pool: Pool, profile: Profile, language: Language) -> tuple[str, ...]:
    """Say what whoever joins a pool agrees to; `profile` is its operator's."""
    return (
        *say_returns(language),
        say_filling(pool, profile, language),
        translate(
            language,
            "The owner and the managers see your nickname, the last two digits of your number,"
            " how much you draw and what you have put in. Other members do not.",
        ),
        translate(
            language,
            "They can change how much you may draw, or remove you; you can leave at any time.",
        ),
    )


def say_returns(language: Language) -> tuple[str, ...]:
    """Say what becomes of what somebody puts in."""
    return (
        translate(
            language,
            "What you put in stays yours: what remains of it goes back to your line when you"
            " leave, are removed, or the pool is closed.",
        ),
        translate(
            language,
            "What is used is taken from everybody's part in proportion, and what remains is"
            " divided to the byte. It keeps the date on which it expires.",
        ),
        translate(
            language,
            "What phones at work still hold at that moment goes back when they have reported.",
        ),
    )


def say_filling(pool: Pool, profile: Profile, language: Language) -> str:
    """Say who may put in what."""
    if not pool.members_fill:
        return translate(language, "Only the owner puts something in.")
    offered = (service for service in profile.services if isinstance(service, PoolService))
    said = [translate(language, CLASSES[kind][1]) for each in offered for kind in each.sources]
    if not said:
        return translate(language, "You may put in any of what your line has.")
    return translate(
        language,
        "You may put in what {operator} lets you: {classes}.",
        operator=profile.name.in_language(language),
        classes=say_list(said, language, "or"),
    )


def _say_limits(allotment: Allotment, language: Language) -> Iterator[str]:
    if allotment.cap_per_day is not None:
        said = _say_data(allotment.cap_per_day, language)
        yield translate(language, "At most {amount} a day", amount=said)
    if allotment.cap_per_month is not None:
        said = _say_data(allotment.cap_per_month, language)
        yield translate(language, "At most {amount} a month", amount=said)
    if allotment.share_percent is not None:
        percent = allotment.share_percent
        yield translate(language, "At most {percent}% of the pool a month", percent=percent)
    if allotment.share is not None:
        yield translate(
            language, "At most {amount} in all", amount=_say_data(allotment.share, language)
        )


def say_pace(allotment: Allotment, language: Language) -> Iterator[str]:
    """Yield what holds for now, if anything does."""
    if allotment.is_paused:
        yield translate(language, "Paused for now")
    elif allotment.is_slowed:
        yield translate(language, "Slowed down for now")


def _say_data(amount: int, language: Language) -> str:
    return say_quantity(Quantity(amount, Unit.DATA), language)
