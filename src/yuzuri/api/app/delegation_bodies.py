"""What clients send about delegations; scopes are shown as they are sent."""

from datetime import datetime
from typing import Annotated, assert_never

import msgspec

from yuzuri.api.app.bodies import JSON_INTEGER_MAX, Text
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import HolderId, PoolId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.delegations import Give, ManagePool, Scope, See, Use

Amount = Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


# ---------------------------------------------------------------- scopes


class _Scope(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="may"
):
    pass


class SeeScope(_Scope, frozen=True, tag="see"):
    """See what is left on the line, and how much of it was used this month."""


class UseScope(_Scope, frozen=True, tag="use"):
    """Use data of the line with one's own, in bytes; at least one of the two is given."""

    in_all: Amount | None = None
    per_day: Amount | None = None


class GiveScope(_Scope, frozen=True, tag="give"):
    """Give from the line, so many bytes, seconds or messages in all."""

    unit: Unit
    in_all: Amount


class PoolScope(_Scope, frozen=True, tag="pool"):
    """Do with a pool of the owner's what a manager of it may."""

    pool: Text


ScopeBody = SeeScope | UseScope | GiveScope | PoolScope


def read_scope(body: ScopeBody) -> Scope:
    """Return the scope that a body asks for."""
    match body:
        case SeeScope():
            return See()
        case UseScope():
            return Use(in_all=body.in_all, per_day=body.per_day)
        case GiveScope():
            return Give(unit=body.unit, in_all=body.in_all)
        case PoolScope():
            return ManagePool(pool=PoolId(HolderId(parse_id(body.pool, Code.POOL_UNKNOWN))))
        case _:
            assert_never(body)


def show_scope(scope: Scope) -> ScopeBody:
    """Show a scope as it is asked for."""
    match scope:
        case See():
            return SeeScope()
        case Use():
            return UseScope(in_all=scope.in_all, per_day=scope.per_day)
        case Give():
            return GiveScope(unit=scope.unit, in_all=scope.in_all)
        case ManagePool():
            return PoolScope(pool=str(scope.pool))
        case _:
            assert_never(scope)


# ---------------------------------------------------------------- bodies


class TermsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody shall be let do with a line of mine, from when (null: now) until when."""

    line: Text
    scopes: list[ScopeBody]
    until: Instant
    since: Instant | None = None


class DelegationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same as the terms say, to whoever has a number (null: who first opens a link).

    `text_hash` is that of the terms as they were shown, in `language`.
    """

    line: Text
    scopes: list[ScopeBody]
    since: Instant
    until: Instant
    language: Language
    text_hash: Hash
    to_number: Text | None = None


class AgreeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That one agrees to the terms as they were shown, in `language`.

    `line` is that of one's own that shall use data, where a scope lets one.
    """

    language: Language
    text_hash: Hash
    line: Text | None = None


class AgreeLinkBody(AgreeBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same by a secret, or an address with one."""

    secret: Text
