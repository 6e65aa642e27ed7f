"""Nchf_SpendingLimitControl (TS 29.594): counters of what a line has used, for a PCF to act on.

A subscription is no balance: it is written here, in one transaction with what is read for it.
"""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar.types import HTTPScope, Receive, Send
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from yuzuri.api.asgi import (
    IS_JSON,
    Answer,
    NotJson,
    TooLarge,
    own_root,
    read_json,
)
from yuzuri.api.nchf import problems
from yuzuri.api.nchf.problems import NotServed
from yuzuri.api.nchf.serving import serve_known
from yuzuri.api.nchf.wire import Instant, Name, Uri
from yuzuri.api.network.authentication import (
    NetworkCaller,
    may_notify,
)
from yuzuri.charging.spending_limit_store import (
    add_subscription,
    change_subscription,
    find_subscription,
    read_counters,
    remove_subscription,
)
from yuzuri.charging.spending_limits import (
    COUNTERS,
    LIFE_MAX,
    CounterStatus,
    LineCounters,
    Subscription,
)
from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Id, home_of, new_id, parse_id
from yuzuri.runtime.counter_messages import tell_statuses
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.network_identities import find_line_of

SERVICE = "nchf-spendinglimitcontrol"
BASE_PATH = f"/{SERVICE}/v1/"
BODY_BYTES_MAX = 16 * 1024

_NO_FEATURES = "0"
"""The answer to whoever asks which optional features are supported."""


class SpendingLimitContext(Struct, frozen=True, rename="camel"):
    """What a network function asks for; a list of counters that is left out names all."""

    supi: Name | UnsetType = UNSET
    gpsi: Name | UnsetType = UNSET
    policy_counter_ids: Annotated[tuple[Name, ...], Meta(min_length=1)] | UnsetType = UNSET
    notif_uri: Uri | UnsetType = UNSET
    expiry: Instant | UnsetType = UNSET
    supported_features: Annotated[str, Meta(pattern=r"^[A-Fa-f0-9]*$")] | UnsetType = UNSET
    notif_id: Name | UnsetType = UNSET


_decode = msgspec.json.Decoder(SpendingLimitContext).decode
_encode = msgspec.json.Encoder().encode


async def serve_spending_limits(
    yuzuri: Yuzuri, scope: HTTPScope, receive: Receive, send: Send
) -> None:
    """Answer one request under `BASE_PATH`."""
    await serve_known(yuzuri, scope, receive, send, SERVICE, _serve)


async def _serve(
    yuzuri: Yuzuri, caller: NetworkCaller, scope: HTTPScope, receive: Receive
) -> Answer:
    match scope["path"].removeprefix(BASE_PATH).split("/"):
        case ["subscriptions"]:
            if scope["method"] != "POST":
                raise _other_methods(b"POST")
            return await _subscribe(yuzuri, caller, scope, await _read_context(scope, receive))
        case ["subscriptions", name]:
            if scope["method"] not in {"PUT", "DELETE"}:
                raise _other_methods(b"PUT, DELETE")
            if scope["method"] == "DELETE":
                return await _unsubscribe(yuzuri, caller, _parse_name(name))
            context = await _read_context(scope, receive)
            return await _change(yuzuri, caller, _parse_name(name), context)
        case _:
            raise problems.unknown_path()


# ---------------------------------------------------------------- what is asked


async def _subscribe(
    yuzuri: Yuzuri, caller: NetworkCaller, scope: HTTPScope, context: SpendingLimitContext
) -> Answer:
    at = yuzuri.clock()
    supi, gpsi = context.supi or None, context.gpsi or None
    if supi is None and gpsi is None:
        raise problems.invalid("/supi", "is missing", cause="MANDATORY_IE_MISSING")
    if not context.notif_uri:
        raise problems.invalid("/notifUri", "is missing", cause="MANDATORY_IE_MISSING")
    asked = _checked(context, caller, at)
    async with yuzuri.database.connection() as connection:
        line = await find_line_of(connection, supi, gpsi)
        if line is None:
            raise _unknown_user()
        counters = await read_counters(connection, yuzuri.profiles, line, at)
        subscription = Subscription(
            id=new_id(home_of(line)),
            line=line,
            network_function=caller.id,
            supi=supi,
            notify_uri=context.notif_uri,
            notify_id=context.notif_id or None,
            counters=asked,
            told=_statuses(counters, asked),
            expires_at=_expiry(context, at) or at + LIFE_MAX,
        )
        await add_subscription(connection, subscription, at)
    place = f"{own_root(scope)}{BASE_PATH}subscriptions/{subscription.id}"
    body = _said(subscription, context)
    return Answer(HTTPStatus.CREATED, (IS_JSON, (b"location", place.encode("latin-1"))), body)


async def _change(
    yuzuri: Yuzuri, caller: NetworkCaller, name: Id, context: SpendingLimitContext
) -> Answer:
    """Replace the counters; where and until when to tell stay as they are where nothing is said."""
    at = yuzuri.clock()
    asked = _checked(context, caller, at)
    async with yuzuri.database.connection() as connection:
        known = await find_subscription(connection, name, caller.id, at)
        if known is None:
            raise _unknown_subscription()
        await _check_line(connection, known, context)
        counters = await read_counters(connection, yuzuri.profiles, known.line, at)
        changed = replace(
            known,
            notify_uri=context.notif_uri or known.notify_uri,
            notify_id=context.notif_id or known.notify_id,
            counters=asked,
            told=_statuses(counters, asked),
            expires_at=_expiry(context, at) or known.expires_at,
        )
        await change_subscription(connection, changed, at)
    return Answer(HTTPStatus.OK, (IS_JSON,), _said(changed, context))


async def _unsubscribe(yuzuri: Yuzuri, caller: NetworkCaller, name: Id) -> Answer:
    async with yuzuri.database.connection() as connection:
        if not await remove_subscription(connection, name, caller.id, yuzuri.clock()):
            raise _unknown_subscription()
    return Answer(HTTPStatus.NO_CONTENT)


def _checked(context: SpendingLimitContext, caller: NetworkCaller, at: datetime) -> tuple[str, ...]:
    """Return the counters that are asked for; raises `NotServed` for what cannot be."""
    if context.notif_uri and not may_notify(caller, context.notif_uri):
        raise problems.invalid("/notifUri", "is at no address that its sender has registered")
    if context.expiry and context.expiry <= at:
        raise problems.invalid("/expiry", "has passed")
    asked = tuple(dict.fromkeys(context.policy_counter_ids or COUNTERS))
    unknown = [counter for counter in asked if counter not in COUNTERS]
    if unknown:
        raise NotServed(
            HTTPStatus.BAD_REQUEST,
            "UNKNOWN_POLICY_COUNTERS",
            f"These counters are known: {', '.join(COUNTERS)}.",
            invalid=(problems.InvalidParam("/policyCounterIds", "has one that is not known"),),
        )
    return asked


def _expiry(context: SpendingLimitContext, at: datetime) -> datetime | None:
    """Return until when a subscription is to last, but no longer than one can."""
    return min(context.expiry, at + LIFE_MAX) if context.expiry else None


async def _check_line(
    connection: Connection, known: Subscription, context: SpendingLimitContext
) -> None:
    """Refuse a change that names another subscriber than the subscription is of."""
    supi, gpsi = context.supi or None, context.gpsi or None
    if supi is None and gpsi is None:
        return
    if await find_line_of(connection, supi, gpsi) != known.line:
        raise _unknown_user()


def _statuses(counters: LineCounters, asked: tuple[str, ...]) -> dict[str, CounterStatus]:
    return {counter: counters.statuses[counter] for counter in asked}


def _said(subscription: Subscription, context: SpendingLimitContext) -> bytes:
    status = tell_statuses(subscription, subscription.told)
    if context.supported_features is not UNSET:
        status = structs.replace(status, supported_features=_NO_FEATURES)
    return _encode(status)


# ---------------------------------------------------------------- what is not served


def _unknown_user() -> NotServed:
    return NotServed(HTTPStatus.BAD_REQUEST, "USER_UNKNOWN", "No subscriber of this name is known.")


def _unknown_subscription() -> NotServed:
    return NotServed(
        HTTPStatus.NOT_FOUND,
        "SUBSCRIPTION_NOT_FOUND",
        "No subscription of this name is known, or its time is over.",
    )


def _other_methods(allowed: bytes) -> NotServed:
    return NotServed(
        HTTPStatus.METHOD_NOT_ALLOWED,
        None,
        f"What can be sent here: {allowed.decode()}.",
        headers=((b"allow", allowed),),
    )


# ---------------------------------------------------------------- bytes


def _parse_name(text: str) -> Id:
    try:
        return parse_id(text, Code.PATH_UNKNOWN)
    except DomainError:
        raise _unknown_subscription() from None


async def _read_context(scope: HTTPScope, receive: Receive) -> SpendingLimitContext:
    try:
        return _decode(await read_json(scope, receive, BODY_BYTES_MAX))
    except NotJson:
        raise problems.not_json() from None
    except TooLarge:
        raise problems.too_large() from None
    except (ValueError, RecursionError) as error:
        raise problems.unreadable(error) from error
