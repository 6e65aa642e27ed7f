"""Saying thank you for a gift: once, by whoever has received it."""

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import GiftId, PersonId, home_of
from yuzuri.sharing.gift_store import load_gifts
from yuzuri.sharing.gifts import GiftState, checked_message
from yuzuri.subscribers.lines import load_line

_THANK = "UPDATE gift SET thanks = %s WHERE home = %s AND id = %s AND thanks = ''"


async def thank(connection: Connection, person: PersonId, gift_id: GiftId, text: str) -> None:
    """Let the giver read a few words of whoever has received a gift; they cannot be changed.

    Raises `GIFT_UNKNOWN` for a gift that was not received by this person, `GIFT_THANKED`, and what
    `checked_message` raises.
    """
    if not checked_message(text).strip():
        raise DomainError(Code.REQUEST_INVALID, field="text", problem="there must be some")
    for gift in await load_gifts(connection, [gift_id]):
        receiver = await load_line(connection, gift.to_line)
        if receiver.person == person and gift.state is GiftState.ACCEPTED:
            done = await connection.execute(_THANK, (text.strip(), home_of(gift_id), gift_id))
            if not done.rowcount:
                raise DomainError(Code.GIFT_THANKED)
            return
    raise DomainError(Code.GIFT_UNKNOWN)
