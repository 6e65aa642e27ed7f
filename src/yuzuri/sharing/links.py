"""Posted gifts: an amount behind a link, of which whoever comes may take a share.

While a link is open its amount is set aside by holds on the giver's own buckets (their cause is the
link). A share that is taken is a gift that was accepted at once (`Gift.via`), so that histories and
limits know one kind of gift only. What nobody takes is back where it was, with its own expiry.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from yuzuri.feasibility.verdict import Reason
from yuzuri.kernel.ids import GiftId, HolderId, LinkId, PersonId
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.gifts import GiftDone, GiftRefused

SHARES_MAX = 100_000
"""Shares that one link may have."""

TAKES_PER_DAY_MAX = 20
"""Shares of whatever links that one person may take in 24 hours."""

PASSCODE_TRIES_MAX = 5
"""Wrong passcodes after which a link is closed to a person."""


class Audience(StrEnum):
    """Who may take a share; every one needs a line, and nobody gets two."""

    ANYONE = "anyone"
    OPERATOR = "operator"
    """Lines of the giver's operator."""
    CONTACTS = "contacts"
    """People with a number that stands among the giver's contacts."""
    PASSCODE = "passcode"


class Split(StrEnum):
    """How the amount is divided into shares."""

    EQUAL = "equal"
    RANDOM = "random"
    """Every division into shares of at least `least` is as likely as any other."""


class LinkState(StrEnum):
    """Where a link stands."""

    OPEN = "open"
    SPENT = "spent"
    """Every share is taken."""
    REVOKED = "revoked"
    EXPIRED = "expired"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An amount (base units) in shares behind a link; it lives in the home of its giver.

    The k-th share to be taken has the k-th size of the draw, which follows from `seed` alone. What
    `seed` is stays secret until the link has ended; `SHA-256(seed)` is told from the beginning.
    """

    id: LinkId
    line: HolderId
    unit: Unit
    amount: int
    shares: int
    split: Split
    least: int
    """No share is smaller."""
    step: int
    """Each share is a multiple of it, as the operator of the giver asks for its gifts."""
    seed: bytes
    audience: Audience
    passcode: bytes | None = None
    """A digest of it."""
    line_age_days_min: int = 0
    """Younger lines cannot take."""
    message: str = ""
    is_giver_hidden: bool = False
    state: LinkState = LinkState.OPEN
    posted_at: datetime
    deadline: datetime
    ended_at: datetime | None = None
    taken: int = 0
    """Shares that are taken."""
    taken_amount: int = 0

    def is_open(self, at: datetime) -> bool:
        """Tell whether a share can still be taken; at its deadline it is too late."""
        return self.state is LinkState.OPEN and at < self.deadline


class Taker(msgspec.Struct, frozen=True, kw_only=True):
    """What one person has had of one link: wrong passcodes, then at most one share."""

    link: LinkId
    person: PersonId
    wrong_passcodes: int = 0
    gift: GiftId | None = None
    number: int | None = None
    """Which share it was, from 0."""
    taken_at: datetime | None = None


# ---------------------------------------------------------------- commands


class PostLink(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Put an amount of a line that the person has behind a link.

    `least` None: the smallest that the operator lets one give. `deadline` None: as long as a gift
    may wait.
    """

    person: PersonId
    line: HolderId
    unit: Unit
    amount: int
    shares: int
    split: Split = Split.EQUAL
    least: int | None = None
    audience: Audience = Audience.ANYONE
    passcode: str = ""
    line_age_days_min: int = 0
    message: str = ""
    is_giver_hidden: bool = False
    deadline: datetime | None = None


class TakeShare(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take a share of a link to a line that the person has."""

    person: PersonId
    line: HolderId
    link: LinkId
    passcode: str = ""
    hides_name: bool = False
    """The giver does not see who took it."""


class RevokeLink(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take back what is left behind a link of a line that the person has."""

    person: PersonId
    link: LinkId


class ExpireLink(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Mark a link as expired whose deadline has passed; what it held has been free since then."""

    link: LinkId


LinkCommand = PostLink | TakeShare | RevokeLink | ExpireLink


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class LinkDone:
    """The link as the command has left it, and what one should know."""

    link: Link
    notes: tuple[Reason, ...] = ()


LinkOutcome = LinkDone | GiftDone | GiftRefused
"""Taking is answered with the gift that the share is."""
