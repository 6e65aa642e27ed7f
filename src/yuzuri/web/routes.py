"""Where each page is found, and what holds for all of them."""

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.static_files import create_static_files_router

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.web.contact_pages import forget_contact, keep_contact, show_contacts
from yuzuri.web.delegation_pages import (
    offer_delegation,
    show_delegation_form,
    show_delegation_terms,
)
from yuzuri.web.error_pages import error_handlers
from yuzuri.web.forms import read_form
from yuzuri.web.gift_pages import answer_gift, show_gift, show_gifts, thank_giver
from yuzuri.web.giving_pages import offer_gift, preview_gift, review_gift, show_give
from yuzuri.web.helping_pages import (
    accept_by_secret,
    accept_delegation,
    decline_delegation,
    download_agreement,
    end_delegation,
    show_delegation,
    show_delegation_link_again,
    show_delegations,
)
from yuzuri.web.invitation_pages import (
    decline_invitation,
    join_by_number,
    join_by_secret,
    show_invitation,
    show_invitations,
)
from yuzuri.web.landing import open_link, show_landing
from yuzuri.web.line_pages import put_notice_away, show_lines
from yuzuri.web.link_landing import take_from_link
from yuzuri.web.link_pages import revoke_link, show_link, show_links
from yuzuri.web.pool_filling_pages import fill_pool, show_filling
from yuzuri.web.pool_member_pages import (
    change_member,
    invite,
    remove_member,
    review_removal,
    save_invitation_poster,
    show_invitation_link,
    show_inviting,
    show_member,
    withdraw_invitation,
)
from yuzuri.web.pool_pages import (
    close_pool,
    hand_over_pool,
    join_own_pool,
    open_pool,
    review_closing,
    show_opening,
    show_pool,
    show_pools,
    take_over_pool,
)
from yuzuri.web.poster_pages import (
    save_link_poster,
    save_request_poster,
    show_link_again,
    show_request_again,
)
from yuzuri.web.posting_pages import post_link, preview_link, review_link, show_posting
from yuzuri.web.rendering import STATIC, STATIC_HEADERS
from yuzuri.web.request_landing import fill_from_link
from yuzuri.web.request_pages import ask_friends, close_request, show_asking, show_request
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
        thank_giver,
        show_delegation_form,
        show_delegation_terms,
        offer_delegation,
        show_delegations,
        show_delegation,
        show_delegation_link_again,
        accept_delegation,
        accept_by_secret,
        decline_delegation,
        end_delegation,
        download_agreement,
        show_landing,
        open_link,
        take_from_link,
        fill_from_link,
        show_links,
        show_posting,
        preview_link,
        review_link,
        post_link,
        show_link_again,
        save_link_poster,
        show_request_again,
        save_request_poster,
        show_link,
        revoke_link,
        show_asking,
        ask_friends,
        show_request,
        close_request,
        show_contacts,
        keep_contact,
        forget_contact,
        show_tanks,
        use_tank,
        show_pools,
        show_opening,
        open_pool,
        show_pool,
        show_filling,
        fill_pool,
        review_closing,
        close_pool,
        hand_over_pool,
        take_over_pool,
        join_own_pool,
        show_member,
        change_member,
        review_removal,
        remove_member,
        show_inviting,
        invite,
        show_invitation_link,
        save_invitation_poster,
        withdraw_invitation,
        show_invitations,
        show_invitation,
        join_by_number,
        decline_invitation,
        join_by_secret,
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
