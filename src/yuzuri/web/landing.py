"""Where every link leads: one page for all of them, and behind it what the secret opens.

`GET /l` is the same bytes for everyone; the secret stands in the fragment, which no browser sends.
The page's script posts it to `/l/open`, which shows what is there and takes nothing; in this tab it
is kept for the way through signing in (`/sign-in?then=/l`).

To let another kind of secret open something, write `async def show_…(opened) -> Response[str]` that
renders a template on "base.html" with `{% block then %}/l{% endblock %}`, let it raise
`LINK_UNKNOWN` for what has ended, and put it into `RENDERERS`. Its forms post to a route of their
own, carry `opened.secret`, and find the target again with `async with opening(request, visit, …)`.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from litestar import MediaType, Response, get, post

from yuzuri.kernel.errors import DomainError
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.web.forms import read_unbound_form
from yuzuri.web.helping_pages import show_opened_delegation
from yuzuri.web.invitation_pages import show_opened_invitation
from yuzuri.web.link_landing import show_opened_link
from yuzuri.web.opening import Opened, nothing_opened, opening
from yuzuri.web.rendering import PAGE_HEADERS, render
from yuzuri.web.request_landing import show_opened_request
from yuzuri.web.visits import AnyRequest, Visit

RENDERERS: Mapping[SecretKind, Callable[[Opened], Awaitable[Response[str]]]] = {
    SecretKind.LINK: show_opened_link,
    SecretKind.REQUEST: show_opened_request,
    SecretKind.INVITATION: show_opened_invitation,
    SecretKind.DELEGATION: show_opened_delegation,
}
"""What shows each kind of target."""


@get("/l")
async def show_landing() -> Response[str]:
    """Show the page that every link leads to."""
    return Response(_landing(), media_type=MediaType.HTML, headers=PAGE_HEADERS)


@cache
def _landing() -> str:
    return render("landing.html")


@post("/l/open", status_code=200)
async def open_link(request: AnyRequest, visit: Visit) -> Response[str]:
    """Show what a secret leads to; without one, ask for it."""
    form = await read_unbound_form(request)
    secret = form.text("secret")
    if not secret:
        return nothing_opened(request, visit, None)
    try:
        async with opening(request, visit, secret) as opened:
            return await RENDERERS[opened.target.kind](opened)
    except DomainError as error:
        return nothing_opened(request, visit, error.refusal)
