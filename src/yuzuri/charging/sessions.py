"""Charging sessions, what a network asks of one, and what it is answered with.

A session is one use of the network by a line: a PDU session, a call. In it each rating group has a
quota: so much is granted ahead, set aside by holds on the buckets that will pay for it, and what
the network reports as used is captured from them (TS 32.290, charging with quota management).
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HolderId, Id, SessionId
from yuzuri.kernel.quantities import Unit


class Session(msgspec.Struct, kw_only=True):
    """One use of the network by a line; only charging's decisions change it.

    `country` is where the phone is (ISO 3166). `network_function` names who opened it, and nobody
    else may report to it. `first_sequence` is the number of the message that opened it.
    """

    id: SessionId
    line: HolderId
    operator: str
    network_function: str
    notify_uri: str | None
    country: str
    first_sequence: int
    opened_at: datetime
    ended_at: datetime | None = None


class Quota(msgspec.Struct, kw_only=True):
    """What one rating group of a session was granted and has used, in base units since it began.

    `granted` = `used` + `returned` + what its holds set aside, always (I12). Every unit that was
    reported is in `used` or `unpaid`. `overrun` is how much of what was reported went beyond the
    grant of its moment; `unpaid` the part of it for which nothing was left. `is_waiting` says that
    the line has less than it asked for, so that what arrives matters to it at once.
    """

    id: Id
    session: SessionId
    rating_group: int
    line: HolderId
    unit: Unit
    reported_at: datetime
    granted: int = 0
    used: int = 0
    returned: int = 0
    overrun: int = 0
    unpaid: int = 0
    from_pool: int = 0
    """How much of what is set aside is a pool's."""
    pool: HolderId | None = None
    """The pool that it was last granted from."""
    sequence: int = 0
    """The highest number of a message that has reported here."""
    seen: int = 0
    """Which of the 63 numbers up to it have reported: bit n for `sequence` - n."""
    is_waiting: bool = False
    is_new: bool = False

    @property
    def outstanding(self) -> int:
        """What was granted and neither used nor returned so far."""
        return self.granted - self.used - self.returned


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """So much of a rating group was used, the last of it at `until` and the first at `since`.

    `country` says where, if it was not where the session has been (ISO 3166).
    """

    rating_group: int
    amount: int
    until: datetime
    since: datetime | None = None
    country: str | None = None


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """A quota of a rating group is asked for: at least `amount`, 0 where the network leaves it."""

    rating_group: int
    amount: int = 0


# ---------------------------------------------------------------- commands


class OpenSession(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Begin a session of a line; `session` follows from what the network sent, and is of its home.

    `country` None: where the line's operator is at home.
    """

    session: SessionId
    line: HolderId
    network_function: str
    notify_uri: str | None
    country: str | None
    sequence: int
    wanted: tuple[Wanted, ...] = ()


class UpdateSession(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Report what was used and ask for more; `country`: where the phone is from now on, if known.

    Of a rating group that is reported or wanted, what was granted before is replaced: all that is
    not wanted again is returned.
    """

    session: SessionId
    line: HolderId
    network_function: str
    sequence: int
    used: tuple[Usage, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    country: str | None = None


class EndSession(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Report the last that was used, and give back all that was granted and not used."""

    session: SessionId
    line: HolderId
    network_function: str
    sequence: int
    used: tuple[Usage, ...] = ()


class ChargeEvent(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Charge something that happens at once, such as a message: whole, or not at all.

    With `has_happened` it is over (post-event charging): then what cannot be paid is `unpaid`.
    """

    event: SessionId
    line: HolderId
    network_function: str
    rating_group: int
    amount: int
    country: str | None
    has_happened: bool = False


ChargingCommand = OpenSession | UpdateSession | EndSession | ChargeEvent


# ---------------------------------------------------------------- outcomes


class GrantResult(StrEnum):
    """What became of a wanted quota; the value is what is kept."""

    GRANTED = "g"
    LIMIT_REACHED = "l"
    """Nothing is left that may be used here and now."""
    NOT_COUNTED = "n"
    """The rating group is not charged: no quota is needed."""
    UNRATED = "u"
    """No rating group of this number is known."""


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """The answer for one rating group: `amount` base units may be used in `validity_s` seconds.

    `is_final`: nothing would be left after it. An amount of 0 was only reported, not wanted, or
    refused.
    """

    rating_group: int
    result: GrantResult
    amount: int = 0
    validity_s: int = 0
    is_final: bool = False


class Charged(msgspec.Struct, frozen=True, array_like=True):
    """The command was carried out; one grant for each rating group that was wanted."""

    grants: tuple[Grant, ...] = ()


ChargingOutcome = Charged | Refusal
"""Refusals: `CHARGING_SESSION_UNKNOWN`, `LINE_UNKNOWN`, `BALANCE_NOT_ENOUGH` (of an event)."""
