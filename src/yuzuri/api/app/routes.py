"""Every route of the API under one router, with what holds for all of them."""

from litestar import HttpMethod, Response, Router, route

from yuzuri.api.app import (
    contacts,
    delegations,
    gifts,
    health,
    invitations,
    lines,
    links,
    opening,
    operators,
    pools,
    requests,
    sessions,
    tanks,
    use,
)
from yuzuri.api.app.bodies import StrictRequest
from yuzuri.api.app.callers import signed_in
from yuzuri.api.app.openapi import SESSION_SCHEME
from yuzuri.api.app.problems import BODY_BYTES_MAX
from yuzuri.kernel.errors import Code, DomainError


async def _keep_private(response: Response[object]) -> Response[object]:
    """Let nobody on the way keep an answer, or take it for anything but what it says it is."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


@route(
    ["/v1", "/v1/{path:path}", "/health/{path:path}"],
    http_method=list(HttpMethod),
    include_in_schema=False,
    status_code=200,
)
async def show_nothing() -> None:
    """Answer for what is under the API's paths and is no route, whoever else has a catch-all."""
    raise DomainError(Code.PATH_UNKNOWN)


_open_to_all = Router(
    path="/v1",
    route_handlers=[
        sessions.sign_in,
        sessions.show_people,
        operators.show_operators,
        operators.show_operator,
        operators.show_feasibility,
        opening.open_link,
    ],
)

_for_people = Router(
    path="/v1",
    guards=[signed_in],
    security=[{SESSION_SCHEME: []}],
    route_handlers=[
        sessions.sign_out,
        sessions.show_me,
        lines.show_lines,
        lines.show_line,
        use.show_use,
        use.show_notices,
        use.see_notice,
        gifts.preview_gift,
        gifts.offer_gift,
        gifts.show_gifts,
        gifts.show_gift,
        gifts.accept_gift,
        gifts.decline_gift,
        gifts.cancel_gift,
        gifts.thank_for_gift,
        links.post_link,
        links.show_links,
        links.show_link,
        links.show_link_again,
        links.revoke_link,
        links.judge_takers,
        links.take_from_link,
        opening.draw_poster,
        requests.ask_for_gift,
        requests.show_requests,
        requests.show_request,
        requests.show_request_again,
        requests.close_request,
        requests.give_to_request,
        contacts.show_contacts,
        contacts.add_to_contacts,
        contacts.remove_from_contacts,
        pools.show_pools,
        pools.open_pool,
        pools.show_pool,
        pools.fill_pool,
        pools.close_pool,
        pools.hand_over_pool,
        pools.take_over_pool,
        pools.change_member,
        pools.remove_member,
        invitations.invite,
        invitations.show_invitation_again,
        invitations.withdraw_invitation,
        invitations.show_invitations,
        invitations.accept_invitation,
        invitations.decline_invitation,
        invitations.join_pool,
        tanks.show_tanks,
        tanks.give_to_tank,
        tanks.draw_from_tank,
        delegations.show_delegation_terms,
        delegations.offer_delegation,
        delegations.show_delegation_link,
        delegations.show_delegations,
        delegations.show_delegation,
        delegations.show_agreement,
        delegations.export_agreement,
        delegations.accept_delegation_link,
        delegations.accept_delegation,
        delegations.decline_delegation,
        delegations.end_delegation,
    ],
)

api_router = Router(
    path="/",
    route_handlers=[_open_to_all, _for_people, health.show_health, show_nothing],
    request_class=StrictRequest,
    request_max_body_size=BODY_BYTES_MAX,
    after_request=_keep_private,
)
