"""Opening what a secret leads to, and acting on it; whoever fails too often has to wait."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import assert_never

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import LinkId, RequestId
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_secrets import SecretKind, Target, find_secret, read_secret
from yuzuri.sharing.links import LinkDone, LinkOutcome, TakeShare
from yuzuri.sharing.requests import FillRequest, RequestDone, RequestOutcome
from yuzuri.sharing.throttle import Attempt, Trier, check_target, counting_failures


@dataclass(frozen=True, slots=True)
class Opened:
    """What a secret has led to."""

    target: Target
    attempt: Attempt


@contextlib.asynccontextmanager
async def opening(
    yuzuri: Yuzuri, trier: Trier, text: str, kind: SecretKind | None = None
) -> AsyncIterator[Opened]:
    """Find what a secret, or an address of ours with one, leads to; it takes nothing.

    `kind` is what it has to be, where only one will do. Raises `TOO_MANY_TRIES`; `LINK_UNKNOWN`,
    as whoever uses this does for what has ended.
    """
    secret = read_secret(text, yuzuri.settings.origin)
    async with counting_failures(yuzuri.database, trier, yuzuri.clock) as attempt:
        async with yuzuri.database.connection() as connection:
            target = await find_secret(connection, secret)
            if target is None or kind not in {None, target.kind}:
                raise DomainError(Code.LINK_UNKNOWN)
            attempt.target = target.id
            await check_target(connection, target.id, yuzuri.clock())
        yield Opened(target, attempt)


async def take_share(
    yuzuri: Yuzuri, trier: Trier, text: str, key: str, take: Callable[[LinkId], TakeShare]
) -> GiftDone | GiftRefused:
    """Take a share of the link that a secret leads to; raises what `opening` raises."""
    async with opening(yuzuri, trier, text, SecretKind.LINK) as opened:
        command = take(LinkId(opened.target.id))
        return _answered(opened, await yuzuri.submit(command.person, key, command))


async def fill_request(
    yuzuri: Yuzuri, trier: Trier, text: str, key: str, fill: Callable[[RequestId], FillRequest]
) -> GiftDone | GiftRefused:
    """Give to the request that a secret leads to; raises what `opening` raises."""
    async with opening(yuzuri, trier, text, SecretKind.REQUEST) as opened:
        command = fill(RequestId(opened.target.id))
        return _answered(opened, await yuzuri.submit(command.person, key, command))


def _answered(opened: Opened, outcome: LinkOutcome | RequestOutcome) -> GiftDone | GiftRefused:
    """Count what was refused as a wrong try; what has ended is as unknown as what never was."""
    match outcome:
        case GiftDone():
            return outcome
        case GiftRefused():
            code = outcome.reasons[0].code
            if code in {Code.LINK_UNKNOWN, Code.GIFT_REQUEST_UNKNOWN}:
                raise DomainError(Code.LINK_UNKNOWN)
            opened.attempt.answered(code)
            return outcome
        case LinkDone() | RequestDone():
            raise AssertionError("what is taken or given is a gift")
        case _:
            assert_never(outcome)
