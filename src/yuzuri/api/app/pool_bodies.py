"""What clients send about pools; amounts of data in bytes."""

from datetime import datetime
from typing import Annotated

import msgspec

from yuzuri.api.app.bodies import JSON_INTEGER_MAX, Text
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.pools import NAME_LENGTH_MAX, USES_MAX, Allotment, Role

Bytes = Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]


class PoolBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool to open, with the operator of a line of mine.

    `members_fill`: members, too, may put something in.
    """

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX, pattern="^[^\\x00]*$")
    ]
    line: Text
    members_fill: bool = True


class AllotmentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a line may draw: caps in bytes of data; null or left out: as much as there is.

    `share`: so much in all since it joined. `share_percent`: such a part of the pool's size, each
    month. `slowed`: the network is told to slow the line down.
    """

    cap_per_day: Bytes | None = None
    cap_per_month: Bytes | None = None
    share: Bytes | None = None
    share_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    pool_first: bool = False
    paused: bool = False
    slowed: bool = False

    def allotment(self) -> Allotment:
        """Return what it asks for."""
        return Allotment(
            cap_per_day=self.cap_per_day,
            cap_per_month=self.cap_per_month,
            share=self.share,
            share_percent=self.share_percent,
            pool_first=self.pool_first,
            is_paused=self.paused,
            is_slowed=self.slowed,
        )


class MemberBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a member draws from now on; what it has drawn still counts."""

    allotment: AllotmentBody
    role: Role = Role.MEMBER


class InvitationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to invite: a number, or else whoever has the link, so many lines.

    `until` left out: seven days.
    """

    number: Text | None = None
    lines_max: Annotated[int, msgspec.Meta(ge=1, le=USES_MAX)] = 1
    allotment: AllotmentBody = AllotmentBody()
    role: Role = Role.MEMBER
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class AcceptBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line of mine that was invited."""

    line: Text


class JoinBody(AcceptBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line of mine that joins, and the secret of the link, or the whole link."""

    secret: Text


class FillBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one of my lines; `amount` in bytes, seconds or messages."""

    line: Text
    amount: Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]
    unit: Unit


class HandOverBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member's line whose person it is offered to; null: nobody any more."""

    line: Text | None
