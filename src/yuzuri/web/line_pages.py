"""The first page: my lines, what is left on each, and what waits for me."""

from litestar import Response, get

from yuzuri.sharing.account import load_accounts, load_gift_list
from yuzuri.subscribers.lines import Person
from yuzuri.web.gift_views import view_gift
from yuzuri.web.line_views import view_line
from yuzuri.web.rendering import page
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of


@get("/")
async def show_lines(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show a person's lines."""
    yuzuri = yuzuri_of(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        accounts = await load_accounts(connection, person.id, at)
        gifts = await load_gift_list(connection, person.id)
    waiting = [
        view_gift(seen, yuzuri.profiles, visit.language, at)
        for seen in gifts
        if not seen.is_mine and seen.gift.is_open(at)
    ]
    return page(
        visit,
        "lines.html",
        lines=[view_line(account, yuzuri.profiles, visit.language, at) for account in accounts],
        waiting=waiting,
    )
