"""Sending a person's command down the road: once, however often the button is tapped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload
from uuid import UUID

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import new_id
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftCommand, GiftOutcome
from yuzuri.sharing.links import LinkCommand, LinkOutcome
from yuzuri.sharing.pools import PoolCommand, PoolOutcome
from yuzuri.sharing.requests import RequestCommand, RequestOutcome
from yuzuri.sharing.tanks import TankCommand, TankOutcome
from yuzuri.subscribers.lines import Person

T = TypeVar("T")

_WAIT_S = 0.1
_TRIES = 50


def new_key() -> str:
    """Make the key that a form carries: the same form sent twice has one effect."""
    return str(new_id())


@overload
async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: GiftCommand
) -> GiftOutcome: ...
@overload
async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: LinkCommand
) -> LinkOutcome: ...
@overload
async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: RequestCommand
) -> RequestOutcome: ...
@overload
async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: PoolCommand
) -> PoolOutcome: ...
@overload
async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: TankCommand
) -> TankOutcome: ...
async def submit(
    yuzuri: Yuzuri,
    person: Person,
    form: str,
    key: str,
    command: GiftCommand | LinkCommand | RequestCommand | PoolCommand | TankCommand,
) -> GiftOutcome | LinkOutcome | RequestOutcome | PoolOutcome | TankOutcome:
    """Return the outcome; where the same form is being worked on already, wait for its outcome.

    `form` names the form, so that several forms of one page can carry one key. Raises what
    `Yuzuri.submit` raises, and `KEY_INVALID` for a key that is not of our making.
    """
    name = form_key(form, key)
    return await answered(lambda: yuzuri.submit(person.id, name, command))


def form_key(form: str, key: str) -> str:
    """Return under which key a form's command is sent; raises `KEY_INVALID`."""
    try:
        return f"web-{form}-{UUID(key)}"
    except ValueError:
        raise DomainError(Code.KEY_INVALID) from None


async def answered(send: Callable[[], Awaitable[T]]) -> T:
    """Send, and where the same is being worked on already, wait for its outcome."""
    for _ in range(_TRIES):
        try:
            return await send()
        except DomainError as error:
            if error.refusal.code is not Code.REQUEST_IN_FLIGHT:
                raise
        await asyncio.sleep(_WAIT_S)
    raise DomainError(Code.REQUEST_IN_FLIGHT)
