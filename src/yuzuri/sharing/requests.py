"""Requests: "can anyone spare 500 MB?", asked behind a link that friends fill.

What a friend gives is a gift that is accepted at once (`Gift.via`): asking has said yes to it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from yuzuri.kernel.ids import HolderId, PersonId, RequestId
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.gifts import GiftDone, GiftRefused


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    FILLED = "filled"
    CLOSED = "closed"
    EXPIRED = "expired"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """So much (base units) asked for a line; it lives in the home of who asks."""

    id: RequestId
    line: HolderId
    unit: Unit
    amount: int
    filled: int = 0
    """What friends have given."""
    message: str = ""
    state: RequestState = RequestState.OPEN
    asked_at: datetime
    deadline: datetime
    ended_at: datetime | None = None

    @property
    def missing(self) -> int:
        """What nobody has given yet."""
        return self.amount - self.filled

    def state_at(self, at: datetime) -> RequestState:
        """Return where it stands at an instant; nothing is held for it, so no sweep ends it."""
        is_over = self.state is RequestState.OPEN and at >= self.deadline
        return RequestState.EXPIRED if is_over else self.state


class AskForGift(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Ask for so much to a line that the person has; `deadline` None: seven days."""

    person: PersonId
    line: HolderId
    unit: Unit
    amount: int
    message: str = ""
    deadline: datetime | None = None


class FillRequest(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Give to a request from a line that the person has, at most what is missing."""

    person: PersonId
    line: HolderId
    request: RequestId
    amount: int
    message: str = ""


class CloseRequest(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Ask no longer; what was given stays."""

    person: PersonId
    request: RequestId


RequestCommand = AskForGift | FillRequest | CloseRequest


@dataclass(frozen=True, slots=True)
class RequestDone:
    """The request as the command has left it."""

    request: Request


RequestOutcome = RequestDone | GiftDone | GiftRefused
"""Filling is answered with the gift that it is."""
