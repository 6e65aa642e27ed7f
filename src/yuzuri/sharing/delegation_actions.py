"""What was done on a delegation, with the people and pools that it was about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.ids import DelegationId, HolderId, PersonId
from yuzuri.sharing.delegation_views import load_done
from yuzuri.sharing.delegations import Action
from yuzuri.sharing.gift_store import load_gifts
from yuzuri.sharing.pool_store import load_pools
from yuzuri.subscribers.lines import load_lines, load_people


@dataclass(frozen=True, slots=True)
class ActionInView:
    """Something that was done: whom it was about, and which pool; empty where it is no such."""

    action: Action
    whom: str
    pool: str


async def load_actions_in_view(
    connection: Connection, person: PersonId, delegation: DelegationId, at: datetime
) -> Sequence[ActionInView]:
    """Return what was done on a delegation that a person has part in, newest first."""
    actions = await load_done(connection, person, delegation, at)
    named = {a.gift for a in actions if a.gift is not None}
    gifts = {gift.id: gift for gift in await load_gifts(connection, named)}
    about = {a.id: a.line if a.gift is None else gifts[a.gift].to_line for a in actions}
    lines = await load_lines(connection, {line for line in about.values() if line is not None})
    people = await load_people(connection, {line.person for line in lines.values()})
    pools = await load_pools(connection, {a.pool for a in actions if a.pool is not None})

    def whom(line: HolderId | None) -> str:
        known = None if line is None else lines[line]
        return "" if known is None else f"{people[known.person].nickname} {known.masked_number}"

    return [
        ActionInView(a, whom(about[a.id]), "" if a.pool is None else pools[a.pool].name)
        for a in actions
    ]
