"""People who let each other act on their lines, on a running Yuzuri."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from tests.conftest import Server
from tests.model.world import World, choose, hurry, known, named, new_line, open_world, operator

from yuzuri.db.connect import open_database
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HOME, DelegationId, HolderId, Home, PoolId, home_of, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.delegation_rules import DelegationRules
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.operators.services import Tank as TankService
from yuzuri.runtime.replies import Outcome
from yuzuri.settings import Settings
from yuzuri.sharing.delegation_store import load_delegations
from yuzuri.sharing.delegation_terms import render_terms
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    Delegation,
    DelegationDone,
    EndDelegation,
    Give,
    ManagePool,
    OfferDelegation,
    Scope,
    Use,
)
from yuzuri.sharing.gifts import GiftRefused, OfferGift
from yuzuri.sharing.pool_store import load_pools
from yuzuri.sharing.pools import OpenPool, PoolDone
from yuzuri.subscribers.lines import Line, load_lines

CONSENTING = msgspec.structs.replace(
    operator(country="JP"),
    delegation=DelegationRules(offered=known(True)),
    services=(
        PoolService(name=named("pool"), source="s"),
        TankService(name=named("tank"), source="s"),
    ),
)
PROFILES = Profiles(
    {
        "open": CONSENTING,
        "silent": operator("silent"),
        "silent-jp": operator("silent-jp", country="JP"),
    }
)

MONTH = timedelta(days=30)


@contextlib.asynccontextmanager
async def open_delegated_world(
    server: Server, template: str, data: Path, homes: int
) -> AsyncIterator[World]:
    """Run on a database of its own; when it ends, all that must hold is checked."""
    name = f"yuzuri_test_{uuid.uuid4().hex}"
    server.create(name, template)
    try:
        url = server.url(name)
        hurry(url)
        await choose(url, homes)
        settings = Settings(data=data, database_url=url, demo=True)
        async with (
            open_database(settings, migrating=False) as database,
            open_world(settings, database, PROFILES) as world,
        ):
            yield world
    finally:
        server.drop(name)


@dataclass(frozen=True)
class People:
    """An owner, who has something; a delegate; and a stranger. Each has a line."""

    owner: Line
    delegate: Line
    stranger: Line


async def meet(world: World, *, home: Home = HOME) -> People:
    """Let three people come; with more than one home, each lives in another."""
    homes = [Home((home + n) % world.yuzuri.homes) for n in range(3)]
    async with world.yuzuri.database.connection() as connection:
        lines = [await new_line(connection, world.at, "open", "plan", one) for one in homes]
    await world.buy(lines[0])
    return People(*lines)


def letting(
    us: People,
    *scopes: Scope,
    at: datetime,
    lasts: timedelta = MONTH,
    to_anybody: bool = False,
) -> OfferDelegation:
    """What the owner offers to the delegate; the terms are not agreed to yet."""
    return OfferDelegation(
        person=us.owner.person,
        line=us.owner.id,
        delegate=None if to_anybody else us.delegate.person,
        scopes=scopes,
        since=at,
        until=at + lasts,
        language=Language.EN,
        text_hash=b"",
    )


async def read_terms(
    world: World, about: Delegation | OfferDelegation, language: Language = Language.EN
) -> bytes:
    """The hash of the text that somebody reads."""
    pools = [scope.pool for scope in about.scopes if isinstance(scope, ManagePool)]
    async with world.yuzuri.database.connection() as connection:
        line = (await load_lines(connection, [about.line]))[about.line]
        of_pools = await load_pools(connection, pools) if pools else {}
    profile = world.yuzuri.profiles[line.operator]
    return render_terms(about, line, profile, of_pools, language).text_hash


async def agreed(world: World, offer: OfferDelegation) -> OfferDelegation:
    """The offer of somebody who has read its terms."""
    return msgspec.structs.replace(offer, text_hash=await read_terms(world, offer))


async def offer(world: World, us: People, *scopes: Scope, **terms: object) -> DelegationId:
    """Let the owner offer something, and return what it is called."""
    offered = letting(us, *scopes, at=world.at, **terms)  # type: ignore[arg-type]
    outcome = await world.submit(await agreed(world, offered))
    assert isinstance(outcome, DelegationDone), outcome
    return outcome.delegation


async def accepting(
    world: World,
    delegation: DelegationId,
    by: Line,
    line: HolderId | None = None,
    language: Language = Language.JA,
) -> AcceptDelegation:
    """What somebody sends who has read the terms and agrees."""
    return AcceptDelegation(
        person=by.person,
        delegation=delegation,
        line=line,
        language=language,
        text_hash=await read_terms(world, await look(world, delegation), language),
    )


async def let(world: World, us: People, *scopes: Scope, **terms: object) -> DelegationId:
    """Let the delegate act: offered, and accepted; a line uses data where that is a scope."""
    delegation = await offer(world, us, *scopes, **terms)
    uses = any(isinstance(scope, Use) for scope in scopes)
    line = us.delegate.id if uses else None
    outcome = await world.submit(await accepting(world, delegation, us.delegate, line))
    assert outcome == DelegationDone(delegation), outcome
    return delegation


async def revoke(world: World, us: People, delegation: DelegationId) -> Outcome:
    return await world.submit(EndDelegation(person=us.owner.person, delegation=delegation))


async def look(world: World, delegation: DelegationId) -> Delegation:
    """How a delegation stands."""
    async with world.yuzuri.database.connection() as connection:
        return (await load_delegations(connection, [delegation], world.at))[delegation]


async def open_pool(world: World, owner: Line, name: str = "us") -> PoolId:
    pool = PoolId(HolderId(new_id(home_of(owner.person))))
    command = OpenPool(person=owner.person, pool=pool, name=name, line=owner.id)
    assert await world.submit(command) == PoolDone(pool)
    return pool


def giving(by: Line, from_line: Line, to_line: Line, amount: int) -> OfferGift:
    """A gift from a line that may be another's."""
    return OfferGift(
        person=by.person,
        from_line=from_line.id,
        to_line=to_line.id,
        unit=Unit.DATA,
        amount=amount,
    )


def gives(amount: int) -> Give:
    return Give(unit=Unit.DATA, in_all=amount)


def code_of(outcome: object) -> Code:
    """Why something was not done."""
    match outcome:
        case Refusal():
            return outcome.code
        case GiftRefused():
            return outcome.reasons[0].code
        case _:
            raise AssertionError(outcome)
