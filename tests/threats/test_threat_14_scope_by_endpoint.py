"""Threat 14, delegation creeps: every operation of the API, tried with each single scope.

Control: a scope opens what it names, and nothing else. The list of operations is the API's own
description, so that one that is new fails here until it is said what it opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.journeys.served import Customer, keyed, new_uuid, table_digests
from tests.journeys.test_api_delegations import end, let, offer, read_terms
from tests.journeys.test_api_pools import done, join, open_pool
from tests.threats.conftest import NewCustomer, Street, coming_from, post_link

MB, GB = 10**6, 10**9

TABLES = (
    "allowance", "bucket", "transfer", "journal_page", "hold", "in_transit", "gift", "link",
    "link_secret", "gift_request", "pool", "pool_member", "pool_invitation", "pool_contribution",
    "tank_account", "delegation", "delegation_agreement", "delegation_action", "line", "person",
    "phone_number", "use_notice",
)  # fmt: skip
"""What nobody may change who has not the scope for it."""

SCOPES = ("see", "use", "give", "pool")


@dataclass(frozen=True)
class House:
    """An owner, and all that they have by name; a delegate with one scope on it; a friend."""

    owner: Customer
    delegate: Customer
    friend: Customer
    names: Mapping[str, str]

    def fill(self, plan: Any) -> Any:
        """Put the names of things into a path or a body."""
        if isinstance(plan, dict):
            return {key: self.fill(value) for key, value in plan.items()}
        if isinstance(plan, list):
            return [self.fill(value) for value in plan]
        return plan.format_map(self.names) if isinstance(plan, str) else plan


def furnish(owner: Customer, delegate: Customer, friend: Customer, scope: str) -> House:
    """Let the owner have one of each thing, and the delegate act on it by one scope."""
    line = str(owner.line)
    pool = open_pool(owner)
    join(owner, friend, pool)
    asking = {"unit": "data", "amount": 10 * MB}
    terms = read_terms(owner, [{"may": "see"}])
    scopes: Mapping[str, dict[str, Any]] = {
        "see": {"may": "see"},
        "use": {"may": "use", "in_all": GB},
        "give": {"may": "give", "unit": "data", "in_all": GB},
        "pool": {"may": "pool", "pool": pool},
    }
    uses = {"line": str(delegate.line)} if scope == "use" else {}
    an_offer = offer(friend, {"may": "use", "in_all": GB})["secret"]["secret"]
    opened = friend.api.post("/v1/links/open", json={"secret": an_offer}).json()
    names = {
        "line": line,
        "friend": str(friend.line),
        "number": friend.number,
        "pool": pool,
        "invitation": done(owner, "POST", f"/pools/{pool}/invitations", {})["id"],
        "gift": owner.give(friend, 10 * MB).json()["id"],
        "gift_in": friend.give(owner, 10 * MB).json()["id"],
        "link": post_link(owner, amount=20 * MB)["id"],
        "request": done(owner, "POST", "/requests", asking | {"line": line})["id"],
        "nothing": str(new_uuid()),
        "delegation": let(owner, friend, {"may": "see"}),
        "a_link": post_link(friend, amount=20 * MB)["secret"],
        "a_request": done(friend, "POST", "/requests", asking | {"line": str(friend.line)})[
            "secret"
        ],
        "a_pool": done(friend, "POST", f"/pools/{open_pool(friend)}/invitations", {})["secret"],
        "an_offer": an_offer,
        "offer_hash": opened["terms"]["text_hash"],
        "since": terms["since"],
        "until": terms["until"],
        "text_hash": terms["text_hash"],
    }
    mine = let(owner, delegate, scopes[scope], **uses)
    return House(owner, delegate, friend, names | {"mine": mine})


@dataclass(frozen=True)
class Denied:
    """What is asked for with things of the owner's: refused with this code but for these scopes."""

    code: str
    path: str
    body: Any = None
    but_for: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Silent:
    """A list of one's own: it says nothing of a thing of the owner's but for these scopes."""

    of: str
    but_for: frozenset[str] = frozenset()
    body: Any = None


@dataclass(frozen=True)
class Free:
    """It is about nobody's line."""

    why: str


def only(*scopes: str) -> frozenset[str]:
    return frozenset(scopes)


FOREIGN, LINE = "line.not_yours", "{line}"
SOME = {"line": LINE, "amount": 10 * MB}
GIFT = {"from_line": LINE, "to_line": "{friend}", "unit": "data", "amount": 10 * MB}
OFFER = {
    "line": LINE, "scopes": [{"may": "see"}], "since": "{since}", "until": "{until}",
    "language": "en", "text_hash": "{text_hash}", "to_number": "{number}",
}  # fmt: skip

OPERATIONS: Mapping[str, Denied | Silent | Free] = {
    "GET /health": Free("whether the server is well"),
    "POST /v1/sessions": Free("signs in with a code that its owner has"),
    "DELETE /v1/sessions": Free("ends one's own session"),
    "GET /v1/people": Free("whom one may be, in the demo only"),
    "GET /v1/me": Free("oneself"),
    "GET /v1/operators": Free("what operators publish"),
    "GET /v1/operators/{operator_id}": Free("what an operator publishes"),
    "GET /v1/feasibility": Free("what operators publish"),
    "POST /v1/links/open": Free("what whoever has a secret may see"),
    "POST /v1/posters": Free("what whoever has a secret may see"),
    "GET /v1/contacts": Free("one's own list"),
    "POST /v1/contacts": Free("one's own list"),
    "POST /v1/contacts/remove": Free("one's own list"),
    # Lines: what is left, and how much was used, to whoever may see it; never the contract.
    "GET /v1/lines": Silent(LINE, only("see")),
    "GET /v1/lines/{line_id}": Denied(FOREIGN, "/lines/{line}"),
    "GET /v1/lines/{line_id}/use": Denied(FOREIGN, "/lines/{line}/use"),
    "GET /v1/notices": Silent(LINE),
    "POST /v1/notices/{notice_id}/seen": Denied("notice.unknown", "/notices/{mine}/seen"),
    # Gifts: from the line, to whoever may give; the owner's others are nobody's matter.
    "POST /v1/gifts/preview": Denied(FOREIGN, "/gifts/preview", GIFT, only("give")),
    "POST /v1/gifts": Denied(FOREIGN, "/gifts", GIFT, only("give")),
    "GET /v1/gifts": Silent("{gift}"),
    "GET /v1/gifts/{gift_id}": Denied("gift.unknown", "/gifts/{gift}"),
    "POST /v1/gifts/{gift_id}/accept": Denied("gift.unknown", "/gifts/{gift_in}/accept"),
    "POST /v1/gifts/{gift_id}/decline": Denied("gift.unknown", "/gifts/{gift_in}/decline"),
    "POST /v1/gifts/{gift_id}/cancel": Denied("gift.unknown", "/gifts/{gift}/cancel"),
    "POST /v1/gifts/{gift_id}/thanks": Denied(
        "gift.unknown", "/gifts/{gift_in}/thanks", {"message": "thanks"}
    ),
    # Links and requests: the owner's alone, and nothing of the line goes through others'.
    "GET /v1/links": Silent("{link}"),
    "POST /v1/links": Denied(FOREIGN, "/links", SOME | {"unit": "data", "shares": 1}),
    "GET /v1/links/{link_id}": Denied("link.unknown", "/links/{link}"),
    "POST /v1/links/{link_id}/secret": Denied("link.unknown", "/links/{link}/secret"),
    "POST /v1/links/{link_id}/revoke": Denied("link.unknown", "/links/{link}/revoke"),
    "POST /v1/links/verdict": Silent(LINE, body={"secret": "{a_link}"}),
    "POST /v1/links/take": Denied(FOREIGN, "/links/take", {"secret": "{a_link}", "line": LINE}),
    "GET /v1/requests": Silent("{request}"),
    "POST /v1/requests": Denied(FOREIGN, "/requests", SOME | {"unit": "data"}),
    "GET /v1/requests/{request_id}": Denied("gift_request.unknown", "/requests/{request}"),
    "POST /v1/requests/{request_id}/secret": Denied(
        "gift_request.unknown", "/requests/{request}/secret"
    ),
    "POST /v1/requests/{request_id}/close": Denied(
        "gift_request.unknown", "/requests/{request}/close"
    ),
    "POST /v1/requests/fill": Denied(FOREIGN, "/requests/fill", SOME | {"secret": "{a_request}"}),
    # Pools: what a manager may, to whoever manages it; never what is the owner's alone.
    "GET /v1/pools": Silent("{pool}", only("pool")),
    "POST /v1/pools": Denied(FOREIGN, "/pools", {"name": "Mine", "line": LINE}),
    "GET /v1/pools/{pool_id}": Denied("pool.unknown", "/pools/{pool}", None, only("pool")),
    "POST /v1/pools/{pool_id}/contributions": Denied(
        FOREIGN, "/pools/{pool}/contributions", SOME | {"unit": "data"}
    ),
    "POST /v1/pools/{pool_id}/close": Denied("pool.unknown", "/pools/{pool}/close"),
    "POST /v1/pools/{pool_id}/hand-over": Denied(
        "pool.unknown", "/pools/{pool}/hand-over", {"line": "{friend}"}
    ),
    "POST /v1/pools/{pool_id}/take-over": Denied("pool.unknown", "/pools/{pool}/take-over"),
    "PUT /v1/pools/{pool_id}/members/{line_id}": Denied(
        "pool.unknown", "/pools/{pool}/members/{friend}", {"allotment": {}}, only("pool")
    ),
    "POST /v1/pools/{pool_id}/invitations": Denied(
        "pool.unknown", "/pools/{pool}/invitations", {}, only("pool")
    ),
    "POST /v1/invitations/{invitation_id}/secret": Denied(
        "invitation.unknown", "/invitations/{invitation}/secret", None, only("pool")
    ),
    "POST /v1/invitations/{invitation_id}/withdraw": Denied(
        "invitation.unknown", "/invitations/{invitation}/withdraw", None, only("pool")
    ),
    "DELETE /v1/pools/{pool_id}/members/{line_id}": Denied(
        "pool.unknown", "/pools/{pool}/members/{friend}", None, only("pool")
    ),
    "GET /v1/invitations": Silent("{invitation}"),
    "POST /v1/invitations/{invitation_id}/accept": Denied(
        FOREIGN, "/invitations/{invitation}/accept", {"line": LINE}
    ),
    "POST /v1/invitations/{invitation_id}/decline": Denied(
        FOREIGN, "/invitations/{invitation}/decline", {"line": LINE}
    ),
    "POST /v1/invitations/join": Denied(
        FOREIGN, "/invitations/join", {"secret": "{a_pool}", "line": LINE}
    ),
    # Tanks: nothing of the line goes in, and nothing comes out for it.
    "GET /v1/tanks": Silent(LINE),
    "POST /v1/tanks/{tank_id}/donations": Denied(FOREIGN, "/tanks/{nothing}/donations", SOME),
    "POST /v1/tanks/{tank_id}/draws": Denied(FOREIGN, "/tanks/{nothing}/draws", SOME),
    # Delegations: what is mine is mine, and none of it can be passed on.
    "POST /v1/delegations/terms": Denied(
        FOREIGN,
        "/delegations/terms",
        {name: OFFER[name] for name in ("line", "scopes", "until")},
    ),
    "GET /v1/delegations": Silent("{delegation}"),
    "POST /v1/delegations": Denied(FOREIGN, "/delegations", OFFER),
    "POST /v1/delegations/{delegation_id}/secret": Denied(
        "delegation.unknown", "/delegations/{mine}/secret"
    ),
    "GET /v1/delegations/{delegation_id}": Denied(
        "delegation.unknown", "/delegations/{delegation}"
    ),
    "GET /v1/delegations/{delegation_id}/agreement": Denied(
        "delegation.unknown", "/delegations/{delegation}/agreement"
    ),
    "GET /v1/delegations/{delegation_id}/agreement.txt": Denied(
        "delegation.unknown", "/delegations/{delegation}/agreement.txt"
    ),
    "POST /v1/delegations/accept": Denied(
        FOREIGN,
        "/delegations/accept",
        {"secret": "{an_offer}", "line": LINE, "language": "en", "text_hash": "{offer_hash}"},
    ),
    "POST /v1/delegations/{delegation_id}/accept": Denied(
        "delegation.unknown",
        "/delegations/{delegation}/accept",
        {"language": "en", "text_hash": "{text_hash}"},
    ),
    "POST /v1/delegations/{delegation_id}/decline": Denied(
        "delegation.unknown", "/delegations/{delegation}/decline"
    ),
    "POST /v1/delegations/{delegation_id}/end": Denied(
        "delegation.unknown", "/delegations/{delegation}/end"
    ),
}


def ask(house: House, operation: str, number: int) -> httpx.Response:
    """Ask as the delegate, each time from somewhere else."""
    method, _, described = operation.partition(" ")
    tried = OPERATIONS[operation]
    assert not isinstance(tried, Free)
    path = tried.path if isinstance(tried, Denied) else described.removeprefix("/v1")
    return house.delegate.api.request(
        method,
        house.fill(f"/v1{path}"),
        json=house.fill(tried.body),
        headers=keyed() | coming_from(f"192.0.2.{number}"),
    )


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_what_it_names_and_nothing_else(
    street: Street, new_customer: NewCustomer, scope: str
) -> None:
    aki, hina, ben = [await new_customer(name) for name in ("Aki", "Hina", "Ben")]
    house = furnish(aki, hina, ben, scope)
    before = table_digests(street.superuser_url, *TABLES)
    opened = []
    for number, (operation, tried) in enumerate(OPERATIONS.items()):
        if isinstance(tried, Free):
            continue
        if scope in tried.but_for:
            opened.append((number, operation))
            continue
        answer = ask(house, operation, number)
        assert house.owner.number not in answer.text, operation
        assert "Aki's phone" not in answer.text, operation
        if isinstance(tried, Silent):
            assert answer.status_code == 200, f"{operation}: {answer.text}"
            assert house.fill(tried.of) not in answer.text, operation
            continue
        assert answer.json()["code"] == tried.code, f"{operation}: {answer.text}"
        assert answer.status_code in {403, 404}, operation
    assert table_digests(street.superuser_url, *TABLES) == before
    for number, operation in opened:
        answer = ask(house, operation, number)
        tried = OPERATIONS[operation]
        assert answer.is_success, f"{operation}: {answer.text}"
        assert house.owner.number not in answer.text, operation
        assert "Aki's phone" not in answer.text, operation
        if isinstance(tried, Silent):
            assert house.fill(tried.of) in answer.text, operation


async def test_after_it_was_revoked_no_scope_opens_anything(
    street: Street, new_customer: NewCustomer
) -> None:
    aki, hina, ben = [await new_customer(name) for name in ("Aki", "Hina", "Ben")]
    house = furnish(aki, hina, ben, "pool")
    let(aki, hina, {"may": "see"}, {"may": "give", "unit": "data", "in_all": GB})
    for given in aki.api.get("/v1/delegations").json()["given"]:
        assert end(aki, given["id"]).status_code == 204
    before = table_digests(street.superuser_url, *TABLES)
    for number, (operation, tried) in enumerate(OPERATIONS.items()):
        if isinstance(tried, Free) or not tried.but_for:
            continue
        answer = ask(house, operation, number)
        if isinstance(tried, Silent):
            assert house.fill(tried.of) not in answer.text, operation
        else:
            assert answer.json()["code"] == tried.code, f"{operation}: {answer.text}"
    assert table_digests(street.superuser_url, *TABLES) == before


def test_it_is_said_of_every_operation_what_it_opens(street: Street) -> None:
    with street.served.client() as client:
        paths = client.get("/schema/openapi.json").json()["paths"]
    described = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }
    assert sorted(described - OPERATIONS.keys()) == [], "new: say what it opens to a delegate"
    assert sorted(OPERATIONS.keys() - described) == [], "no longer there"
