"""How a line comes to draw on a pool: it is invited, and its person accepts."""

from collections.abc import Awaitable, Callable

from yuzuri.kernel.ids import PersonId, PoolId
from yuzuri.runtime.replies import Outcome
from yuzuri.sharing.pools import Allotment, Invite, Invited, JoinPool, PoolCommand, Role
from yuzuri.subscribers.lines import Line

FREELY = Allotment()
"""As much as there is."""


async def let_in(
    submit: Callable[[PoolCommand], Awaitable[Outcome]],
    by: PersonId,
    pool: PoolId,
    line: Line,
    allotment: Allotment = FREELY,
    role: Role = Role.MEMBER,
) -> Outcome:
    """Invite to a pool, and let a line join by that."""
    invited = await submit(Invite(person=by, pool=pool, allotment=allotment, role=role))
    assert isinstance(invited, Invited), invited
    return await submit(JoinPool(person=line.person, line=line.id, invitation=invited.invitation))
