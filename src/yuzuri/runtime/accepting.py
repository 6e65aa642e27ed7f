"""Accepting to help by a link: whoever tries secrets that lead nowhere has to wait."""

from collections.abc import Callable

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import DelegationId
from yuzuri.runtime.opening import opening
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.delegations import AcceptDelegation, DelegationOutcome
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.throttle import Trier


async def accept_by_link(
    yuzuri: Yuzuri,
    trier: Trier,
    text: str,
    key: str,
    accept: Callable[[DelegationId], AcceptDelegation],
) -> DelegationOutcome:
    """Accept what a secret, or an address with one, leads to.

    Raises `LINK_UNKNOWN`, for what has ended too, and `TOO_MANY_TRIES`.
    """
    async with opening(yuzuri, trier, text, SecretKind.DELEGATION) as opened:
        command = accept(DelegationId(opened.target.id))
        outcome = await yuzuri.submit(command.person, key, command)
        if isinstance(outcome, Refusal) and outcome.code is Code.DELEGATION_UNKNOWN:
            raise DomainError(Code.LINK_UNKNOWN)
        return outcome
