"""Sending a person's command down the road: once, however often the button is tapped."""

import asyncio
from uuid import UUID

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import new_id
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftCommand, GiftOutcome
from yuzuri.subscribers.lines import Person

_WAIT_S = 0.1
_TRIES = 50


def new_key() -> str:
    """Make the key that a form carries: the same form sent twice has one effect."""
    return str(new_id())


async def submit(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: GiftCommand
) -> GiftOutcome:
    """Return the outcome; where the same form is being worked on already, wait for its outcome.

    `form` names the form, so that several forms of one page can carry one key. Raises what
    `Yuzuri.submit` raises, and `KEY_INVALID` for a key that is not of our making.
    """
    try:
        key = str(UUID(key))
    except ValueError:
        raise DomainError(Code.KEY_INVALID) from None
    for _ in range(_TRIES):
        try:
            return await yuzuri.submit(person.id, f"web-{form}-{key}", command)
        except DomainError as error:
            if error.refusal.code is not Code.REQUEST_IN_FLIGHT:
                raise
        await asyncio.sleep(_WAIT_S)
    raise DomainError(Code.REQUEST_IN_FLIGHT)
