"""A visit to a pool: whoever looks at one or changes it, and what they may see of it."""

from dataclasses import dataclass

from litestar import Response
from litestar.response import Redirect

from yuzuri.feasibility.question import Party
from yuzuri.feasibility.services import services_of
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, PoolId, parse_id
from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.operators.services import Pool as PoolService
from yuzuri.runtime.pool_words import say_terms
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.pool_views import PoolInView, load_pool_view
from yuzuri.sharing.pools import PoolCommand, PoolOutcome, Role, checked_pool_command
from yuzuri.subscribers.lines import Line, Person, lines_of
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name, show_number
from yuzuri.web.pool_member_views import MemberView
from yuzuri.web.pool_views import PoolView, view_pool
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key, submit
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True)
class LineChoice:
    """A line of the person that can be chosen."""

    id: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class PoolVisit:
    """A pool as one of its people sees it, and their request."""

    yuzuri: Yuzuri
    visit: Visit
    person: Person
    seen: PoolInView
    lines: tuple[Line, ...]
    """The person's own of the pool's operator."""
    reader: Reader

    @property
    def id(self) -> PoolId:
        """The pool's."""
        return self.seen.pool.id

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/pools/{self.id}"

    def view(self) -> PoolView:
        """Put it into words."""
        return view_pool(self.seen, self.person, self.yuzuri.profiles, self.reader)

    def member(self, line: HolderId) -> MemberView:
        """Return a member that the person may see, or raise `POOL_MEMBER_UNKNOWN`."""
        for member in self.view().members:
            if member.line == str(line):
                return member
        raise DomainError(Code.POOL_MEMBER_UNKNOWN)

    def points(self) -> tuple[str, ...]:
        """Return what every member has agreed to."""
        pool = self.seen.pool
        return say_terms(pool, self.yuzuri.profiles[pool.operator], self.reader.language)

    def fills_from(self) -> tuple[Line, ...]:
        """Return the lines from which the person may put something in, those that draw first."""
        if not self.view().may_fill:
            return ()
        drawing = {one.line.id for one in self.seen.members}
        others = [line for line in self.lines if line.id not in drawing]
        return (
            *(line for line in self.lines if line.id in drawing),
            *(others if self.seen.role is Role.OWNER else ()),
        )

    def may_join(self) -> tuple[LineChoice, ...]:
        """Return the lines that the person, who manages the pool, could let join at once."""
        if self.seen.role is Role.MEMBER or self.seen.pool.closed_at is not None:
            return ()
        drawing = {one.line.id for one in self.seen.members}
        others = [line for line in self.lines if line.id not in drawing]
        return tuple(choose_lines(others, self.yuzuri.profiles, self.reader.language))

    async def submit(self, form: str, key: str, command: PoolCommand) -> PoolOutcome:
        """Send a command of the person's; what cannot be understood is refused alike."""
        return await submit_pool(self.yuzuri, self.person, form, key, command)

    def answer(self, outcome: PoolOutcome, done: str) -> Response[str] | Redirect:
        """Show the pool again, and what a form has done or why it has done nothing."""
        if isinstance(outcome, Refusal):
            return self.show(refusal=outcome)
        return see_other(self.visit, f"{self.path}?done={done}")

    def tell(self, refusal: Refusal) -> Told:
        """Say why something was not done."""
        return tell_refusal(refusal, self.reader)

    def show(self, *, done: str = "", refusal: Refusal | None = None) -> Response[str]:
        """Show the pool's page."""
        return page(
            self.visit,
            "pool.html",
            status=200 if refusal is None else status_of(refusal.code),
            pool=self.view(),
            points=self.points(),
            may_join=self.may_join(),
            may_fill=bool(self.fills_from()),
            done=say_done(done, self.reader.language),
            problems=() if refusal is None else (self.tell(refusal),),
            key=new_key(),
        )


async def go_to_pool(request: AnyRequest, visit: Visit, person: Person, text: str) -> PoolVisit:
    """Open a pool of the person's by its id as text; raises `POOL_UNKNOWN`."""
    yuzuri = yuzuri_of(request)
    pool = PoolId(HolderId(parse_id(text, Code.POOL_UNKNOWN)))
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_pool_view(connection, yuzuri.profiles, person.id, pool, at)
        lines = await lines_of(connection, person.id)
    profile = yuzuri.profiles[seen.pool.operator]
    own = tuple(line for line in lines if line.operator == profile.id)
    return PoolVisit(yuzuri, visit, person, seen, own, Reader(visit.language, profile.zone, at))


async def submit_pool(
    yuzuri: Yuzuri, person: Person, form: str, key: str, command: PoolCommand
) -> PoolOutcome:
    """Send a command of a person's; what cannot be understood is refused alike."""
    try:
        return await submit(yuzuri, person, form, key, checked_pool_command(command))
    except DomainError as error:
        return error.refusal


def offers_pools(line: Line, profiles: Profiles) -> bool:
    """Tell whether the operator lets a line on this plan share a pool."""
    profile = profiles[line.operator]
    return bool(services_of(Party(profile, find_plan(profile, line.plan)), PoolService))


def choose_lines(lines: list[Line], profiles: Profiles, language: Language) -> list[LineChoice]:
    """Return those lines that can share a pool, by what the person calls them."""
    return [
        LineChoice(
            str(line.id),
            line_name(line, profiles[line.operator], language),
            show_number(line.number),
        )
        for line in lines
        if offers_pools(line, profiles)
    ]


def say_done(done: str, language: Language) -> str:
    """Say what a form has done; empty for what is none of ours."""
    return {
        "opened": translate(
            language, "The pool is open. Let your own line join, invite others, put something in."
        ),
        "filled": translate(language, "It is in the pool now."),
        "changed": translate(language, "Changed, and it holds from now on."),
        "removed": translate(
            language, "Removed. What remained of what was theirs is back on their line."
        ),
        "left": translate(
            language, "You have left. What remained of what you put in is back on your line."
        ),
        "invited": translate(
            language, "Invited. It waits for seven days under Pools of whoever has the number."
        ),
        "declined": translate(language, "Declined: nobody joins by it any more."),
        "withdrawn": translate(language, "Withdrawn: nobody joins by it any more."),
        "offered": translate(language, "Offered. It stays yours until they accept."),
        "kept": translate(language, "It stays yours."),
        "taken-over": translate(language, "The pool is yours now."),
        "joined": translate(language, "Welcome! The line draws on the pool from now on."),
        "closed": translate(
            language, "Closed. What remained is back with those who had put it in."
        ),
    }.get(done, "")
