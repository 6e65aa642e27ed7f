"""Joining a pool by a link: whoever tries secrets that lead nowhere has to wait."""

from collections.abc import Callable

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import InvitationId
from yuzuri.runtime.opening import opening
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.pools import JoinPool, PoolOutcome
from yuzuri.sharing.throttle import Trier


async def join_by_link(
    yuzuri: Yuzuri, trier: Trier, text: str, key: str, join: Callable[[InvitationId], JoinPool]
) -> PoolOutcome:
    """Join the pool that a secret, or an address with one, invites to.

    Raises `LINK_UNKNOWN`, for what has ended too, and `TOO_MANY_TRIES`.
    """
    async with opening(yuzuri, trier, text, SecretKind.INVITATION) as opened:
        command = join(InvitationId(opened.target.id))
        outcome = await yuzuri.submit(command.person, key, command)
        if isinstance(outcome, Refusal) and outcome.code is Code.INVITATION_UNKNOWN:
            raise DomainError(Code.LINK_UNKNOWN)
        return outcome
