"""Where each page is found, and what holds for all of them."""

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.static_files import create_static_files_router

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.web.error_pages import error_handlers
from yuzuri.web.forms import read_form
from yuzuri.web.gift_pages import answer_gift, show_gift, show_gifts
from yuzuri.web.giving_pages import offer_gift, preview_gift, review_gift, show_give
from yuzuri.web.landing import open_link, show_landing
from yuzuri.web.line_pages import put_notice_away, show_lines
from yuzuri.web.rendering import STATIC, STATIC_HEADERS
from yuzuri.web.signing_in import choose_page_language, show_sign_in, sign_in, sign_out
from yuzuri.web.tank_pages import show_tanks, use_tank
from yuzuri.web.visits import open_visit, signed_in

FORM_BYTES_MAX = 64 * 1024


@get("/{unknown:path}")
async def show_nothing(unknown: str) -> Response[str]:  # noqa: ARG001
    """Say that there is no such page."""
    raise DomainError(Code.PATH_UNKNOWN)


def _with_static_headers(response: Response[bytes]) -> Response[bytes]:
    response.headers.update(STATIC_HEADERS)
    return response


web_router = Router(
    path="/",
    route_handlers=[
        show_lines,
        put_notice_away,
        show_sign_in,
        sign_in,
        sign_out,
        choose_page_language,
        show_give,
        preview_gift,
        review_gift,
        offer_gift,
        show_gifts,
        show_gift,
        answer_gift,
        show_landing,
        open_link,
        show_tanks,
        use_tank,
        show_nothing,
    ],
    dependencies={
        "visit": Provide(open_visit),
        "person": Provide(signed_in),
        "form": Provide(read_form),
    },
    exception_handlers=error_handlers,
    include_in_schema=False,
    request_max_body_size=FORM_BYTES_MAX,
)
static_router = create_static_files_router(
    path="/static",
    directories=[STATIC],
    name="static",
    after_request=_with_static_headers,
)
