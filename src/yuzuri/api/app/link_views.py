"""Links and requests as the API shows them: to whom they belong, and to whoever has a secret."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.api.app.gift_views import OtherView, OwnLineView, view_other
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profile import Profile
from yuzuri.runtime.verdict_json import (
    SaidArrival,
    SaidInstead,
    SaidReason,
    say_arrival,
    say_instead,
    say_reasons,
)
from yuzuri.sharing.link_decisions import TakePreview
from yuzuri.sharing.link_draws import commitment
from yuzuri.sharing.link_views import LinkInView, ShareInView
from yuzuri.sharing.links import Audience, Link, LinkState, Split
from yuzuri.sharing.request_views import RequestInView
from yuzuri.sharing.requests import Request, RequestState
from yuzuri.subscribers.lines import Person


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its giver sees it; amounts in bytes, seconds or messages.

    Each share is a multiple of `step` and at least `least`. `commitment` is the SHA-256 of `seed`,
    from which all sizes follow; `seed` is told when the link has ended.
    """

    id: UUID
    state: LinkState
    line: OwnLineView
    unit: Unit
    amount: int
    shares: int
    split: Split
    least: int
    step: int
    audience: Audience
    line_age_days_min: int
    message: str
    giver_hidden: bool
    posted_at: datetime
    deadline: datetime
    ended_at: datetime | None
    taken: int
    taken_amount: int
    commitment: str
    seed: str | None


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that opens it, and the address to pass on, which has the secret behind its #."""

    secret: str
    url: str


class LinkAnswer(LinkView, frozen=True, kw_only=True):
    """A link as it was posted, what one should know, and the secret that opens it."""

    secret: str
    url: str
    notes: tuple[SaidReason, ...]


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """A share that was taken; `other` is null where its taker stays hidden."""

    gift: UUID
    amount: int
    taken_at: datetime
    other: OtherView | None
    thanks: str


class LinkDetails(LinkView, frozen=True, kw_only=True):
    """A link with the newest shares that were taken."""

    taken_by: list[ShareView]


class LinksView(msgspec.Struct, frozen=True, kw_only=True):
    """Links that are open or were posted in the last 32 days, newest first."""

    links: list[LinkView]


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request as whoever asks sees it; amounts in bytes, seconds or messages."""

    id: UUID
    state: RequestState
    line: OwnLineView
    unit: Unit
    amount: int
    filled: int
    message: str
    asked_at: datetime
    deadline: datetime
    ended_at: datetime | None


class RequestAnswer(RequestView, frozen=True, kw_only=True):
    """A request as it was made, and the secret that opens it."""

    secret: str
    url: str


class RequestsView(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that are open or were made in the last 32 days, newest first."""

    requests: list[RequestView]


class OpenedLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a link offers; `giver` is null where the giver stays hidden."""

    kind: Literal["link"] = "link"
    giver: str | None
    operator: str
    operator_name: str
    unit: Unit
    amount: int
    shares: int
    shares_left: int
    split: Split
    least: int
    audience: Audience
    line_age_days_min: int
    message: str
    deadline: datetime
    commitment: str


class OpenedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, and what of it is missing still."""

    kind: Literal["request"] = "request"
    asker: str
    operator: str
    operator_name: str
    unit: Unit
    amount: int
    missing: int
    message: str
    deadline: datetime


class TakerView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a line of mine could take a share: what would arrive, or why not and what works.

    Of shares that are drawn, `arrives` tells of the smallest. A passcode is not asked for here.
    """

    line: OwnLineView
    feasible: bool
    arrives: SaidArrival | None
    reasons: tuple[SaidReason, ...]
    instead: tuple[SaidInstead, ...]


class TakersView(msgspec.Struct, frozen=True, kw_only=True):
    """Each of my lines, oldest first."""

    lines: list[TakerView]


def view_link(seen: LinkInView, at: datetime) -> LinkView:
    """Show a link to its giver as it stands at an instant."""
    return LinkView(**_link_fields(seen, at))


def view_posted(
    seen: LinkInView, notes: Sequence[SaidReason], secret: SecretView, at: datetime
) -> LinkAnswer:
    """Show a link that was posted, with a secret that opens it."""
    return LinkAnswer(
        **_link_fields(seen, at), secret=secret.secret, url=secret.url, notes=tuple(notes)
    )


def view_details(seen: LinkInView, shares: Sequence[ShareInView], at: datetime) -> LinkDetails:
    """Show a link to its giver with who took shares of it."""
    return LinkDetails(**_link_fields(seen, at), taken_by=[_share(share) for share in shares])


def view_request(seen: RequestInView, at: datetime) -> RequestView:
    """Show a request to whoever asks."""
    return RequestView(**_request_fields(seen, at))


def view_asked(seen: RequestInView, secret: SecretView, at: datetime) -> RequestAnswer:
    """Show a request that was made, with a secret that opens it."""
    return RequestAnswer(**_request_fields(seen, at), secret=secret.secret, url=secret.url)


def view_opened_link(
    link: Link, giver: Person | None, profile: Profile, language: Language
) -> OpenedLink:
    """Show a link to whoever has its secret."""
    return OpenedLink(
        giver=giver.nickname if giver else None,
        operator=profile.id,
        operator_name=profile.name.in_language(language),
        unit=link.unit,
        amount=link.amount,
        shares=link.shares,
        shares_left=link.shares - link.taken,
        split=link.split,
        least=link.least,
        audience=link.audience,
        line_age_days_min=link.line_age_days_min,
        message=link.message,
        deadline=link.deadline,
        commitment=commitment(link.seed).hex(),
    )


def view_opened_request(
    request: Request, nickname: str, profile: Profile, language: Language
) -> OpenedRequest:
    """Show a request to whoever has its secret."""
    return OpenedRequest(
        asker=nickname,
        operator=profile.id,
        operator_name=profile.name.in_language(language),
        unit=request.unit,
        amount=request.amount,
        missing=request.missing,
        message=request.message,
        deadline=request.deadline,
    )


def view_taker(preview: TakePreview, language: Language, zone: ZoneInfo) -> TakerView:
    """Show whether a line could take a share."""
    refused = preview.refused
    return TakerView(
        line=OwnLineView(id=preview.line.id.uuid, label=preview.line.label),
        feasible=refused is None,
        arrives=say_arrival(preview.arrives),
        reasons=say_reasons(refused.reasons, language, zone) if refused else (),
        instead=say_instead(refused.instead, language, zone) if refused else (),
    )


def _link_fields(seen: LinkInView, at: datetime) -> dict[str, Any]:
    link = seen.link
    is_open = link.is_open(at)
    is_over = link.state is LinkState.OPEN and not is_open
    return {
        "id": link.id.uuid,
        "state": LinkState.EXPIRED if is_over else link.state,
        "line": OwnLineView(id=seen.line.id.uuid, label=seen.line.label),
        "unit": link.unit,
        "amount": link.amount,
        "shares": link.shares,
        "split": link.split,
        "least": link.least,
        "step": link.step,
        "audience": link.audience,
        "line_age_days_min": link.line_age_days_min,
        "message": link.message,
        "giver_hidden": link.is_giver_hidden,
        "posted_at": link.posted_at,
        "deadline": link.deadline,
        "ended_at": link.ended_at,
        "taken": link.taken,
        "taken_amount": link.taken_amount,
        "commitment": commitment(link.seed).hex(),
        "seed": None if is_open else link.seed.hex(),
    }


def _share(share: ShareInView) -> ShareView:
    return ShareView(
        gift=share.gift.id.uuid,
        amount=share.gift.amount,
        taken_at=share.gift.ended_at or share.gift.offered_at,
        other=view_other(share.other, share.other_number),
        thanks=share.gift.thanks,
    )


def _request_fields(seen: RequestInView, at: datetime) -> dict[str, Any]:
    request = seen.request
    return {
        "id": request.id.uuid,
        "state": request.state_at(at),
        "line": OwnLineView(id=seen.line.id.uuid, label=seen.line.label),
        "unit": request.unit,
        "amount": request.amount,
        "filled": request.filled,
        "message": request.message,
        "asked_at": request.asked_at,
        "deadline": request.deadline,
        "ended_at": request.ended_at,
    }
