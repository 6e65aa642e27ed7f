"""Pools over HTTP: opened, joined by number and by link, drawn on, left, closed and handed over."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, ServedYuzuri, broken_invariants, keyed, new_uuid

from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Id, PoolId, new_id
from yuzuri.ledger.commands import DONE, Release, Reserve
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.pools import PoolDone, SettlePool

MB, GB = 10**6, 10**9
NO_LIMITS = {
    "cap_per_day": None, "cap_per_month": None, "share": None, "share_percent": None,
    "pool_first": False, "paused": False, "slowed": False,
}  # fmt: skip


def send(who: Customer, method: str, path: str, body: Any = None, key: str = "") -> httpx.Response:
    return who.api.request(method, f"/v1{path}", json=body, headers=keyed(key))


def done(who: Customer, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = send(who, method, path, body)
    assert answer.status_code in {200, 201}, answer.text
    told: dict[str, Any] = answer.json()
    return told


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def open_pool(owner: Customer, **more: Any) -> str:
    body = {"name": "Family", "line": str(owner.line)} | more
    return str(done(owner, "POST", "/pools", body)["id"])


def join(owner: Customer, other: Customer, pool: str, **more: Any) -> dict[str, Any]:
    """Let somebody join by their number."""
    body = {"number": other.number} | more
    invitation = done(owner, "POST", f"/pools/{pool}/invitations", body)["id"]
    return done(other, "POST", f"/invitations/{invitation}/accept", {"line": str(other.line)})


def fill(who: Customer, pool: str, amount: int, unit: str = "data") -> dict[str, Any]:
    body = {"line": str(who.line), "amount": amount, "unit": unit}
    return done(who, "POST", f"/pools/{pool}/contributions", body)


def shown(who: Customer, pool: str) -> dict[str, Any]:
    answer = who.api.get(f"/v1/pools/{pool}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_pool_from_its_opening_to_its_closing(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    pool = open_pool(mai)
    assert [one["id"] for one in mai.api.get("/v1/pools").json()["pools"]] == [pool]

    # He is invited by number, as people write it there, and reads what he agrees to.
    national = f"0{ken.number[3:5]}-{ken.number[5:9]}-{ken.number[9:]}"
    allotment = {"cap_per_day": 500 * MB, "share_percent": 20}
    body = {"number": national, "allotment": allotment}
    invited = done(mai, "POST", f"/pools/{pool}/invitations", body)
    assert (invited["secret"], invited["url"]) == (None, None)
    assert shown(mai, pool)["invitations"][0]["number"] == ken.number
    [invitation] = ken.api.get("/v1/invitations").json()["invitations"]
    assert invitation["id"] == invited["id"]
    assert (invitation["pool"], invitation["invited_by"]) == ("Family", "Mai")
    assert invitation["allotment"] == NO_LIMITS | allotment
    assert any("stays yours" in term for term in invitation["terms"])
    accepting = f"/invitations/{invited['id']}/accept", {"line": str(ken.line)}
    assert done(ken, "POST", *accepting)["role"] == "member"
    assert ken.api.get("/v1/invitations").json() == {"invitations": []}

    # Both put something in, and the owner sees who gets what back.
    fill(mai, pool, 3 * GB)
    fill(mai, pool, 600, "voice")
    seen_by_ken = fill(ken, pool, 1 * GB)
    assert seen_by_ken["size"] == sum(
        part["amount"] for part in seen_by_ken["left"] if part["unit"] == "data"
    )
    assert seen_by_ken["size"] == 4 * GB
    [of_ken] = seen_by_ken["members"]
    assert (of_ken["mine"], of_ken["may_take"]) == (True, 500 * MB)
    assert [one["amount"] for one in seen_by_ken["contributions"]] == [1 * GB]
    seen = shown(mai, pool)
    amounts = {(one["nickname"], one["unit"]): one["amount"] for one in seen["contributions"]}
    assert amounts == {
        ("Mai", "data"): 3 * GB, ("Mai", "voice"): 600, ("Ken", "data"): GB,
    }  # fmt: skip
    assert seen["members"][0]["number"] == f"•••{ken.number[-2:]}"

    # What she changes holds from now on.
    path = f"/pools/{pool}/members/{ken.line}"
    changed = done(mai, "PUT", path, {"allotment": {"paused": True, "pool_first": True}})
    assert changed["members"][0]["allotment"] == NO_LIMITS | {"paused": True, "pool_first": True}
    assert changed["members"][0]["may_take"] == 0

    # He leaves and has back what was his; she closes it and has the rest.
    assert send(ken, "DELETE", path).status_code == 204
    assert ken.balances() == (5 * GB, 0)
    assert code(ken.api.get(f"/v1/pools/{pool}")) == (404, "pool.unknown")
    closed = done(mai, "POST", f"/pools/{pool}/close")
    assert closed["closed_at"] is not None
    assert (closed["left"], closed["contributions"]) == ([], [])
    assert (mai.balances(), mai.balances("voice")) == ((5 * GB, 0), (1_800, 0))
    assert await broken_invariants(beside_served) == []


async def test_a_link_lets_so_many_lines_join_and_then_leads_nowhere(
    new_customer: AddCustomer, served: ServedYuzuri
) -> None:
    mai, ken, ann = [await new_customer(name) for name in ("Mai", "Ken", "Ann")]
    pool = open_pool(mai)
    made = done(mai, "POST", f"/pools/{pool}/invitations", {"lines_max": 1})
    assert made["url"].endswith(f"/l#{made['secret']}")

    def joining(who: Customer, secret: str) -> httpx.Response:
        return send(who, "POST", "/invitations/join", {"line": str(who.line), "secret": secret})

    with served.client() as nobody:
        opened = nobody.post("/v1/links/open", json={"secret": made["secret"]}).json()
    assert (opened["kind"], opened["invitation"]["pool"]) == ("invitation", "Family")
    assert any("stays yours" in term for term in opened["invitation"]["terms"])
    picture = {"secret": made["secret"], "format": "svg", "language": "ja"}
    poster = mai.api.post("/v1/posters", json=picture)
    assert poster.headers["content-type"].startswith("image/svg+xml"), poster.text

    by_id = send(ken, "POST", f"/invitations/{made['id']}/accept", {"line": str(ken.line)})
    assert code(by_id) == (404, "invitation.unknown"), "its id alone lets nobody in"
    again = done(mai, "POST", f"/invitations/{made['id']}/secret")
    assert joining(ken, made["url"]).json()["name"] == "Family"
    spent = joining(ann, again["secret"])
    withdrawn = done(mai, "POST", f"/pools/{pool}/invitations", {})
    done(mai, "POST", f"/invitations/{withdrawn['id']}/withdraw")
    answers = [spent, joining(ann, withdrawn["secret"]), joining(ann, "x" * 22)]
    assert {code(answer) for answer in answers} == {(404, "link.unknown")}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_what_a_phone_holds_is_owed_to_who_has_left_until_it_has_reported(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    pool = open_pool(mai)
    join(mai, ken, pool)
    fill(mai, pool, 3 * GB)
    part = fill(ken, pool, 1 * GB)["contributions"][0]
    hold, holder = HoldId(new_id()), HolderId(Id(UUID(pool).bytes))
    reserve = Reserve(
        id=hold,
        holder=holder,
        allowance=AllowanceId(Id(UUID(part["allowance"]).bytes)),
        amount=400 * MB,
        cause=new_id(),
        expires_at=utc_now() + timedelta(hours=1),
    )
    assert await beside_served.submit(HOUSE_CLIENT, str(hold), reserve) is DONE
    assert sum(one["held"] for one in shown(ken, pool)["left"]) == 400 * MB

    assert send(ken, "DELETE", f"/pools/{pool}/members/{ken.line}").status_code == 204
    assert ken.balances() == (5 * GB - 400 * MB, 0)
    seen = shown(ken, pool)
    owed = [(one["amount"], one["owed"]) for one in seen["contributions"]]
    assert owed == [(400 * MB, True)]
    assert (seen["left"], seen["members"]) == ([], []), "the rest is no longer theirs to see"
    assert [one["owed"] for one in shown(mai, pool)["contributions"]].count(True) == 1

    release = Release(hold=hold, holder=holder)
    assert await beside_served.submit(HOUSE_CLIENT, f"end {hold}", release) is DONE
    settle = SettlePool(pool=PoolId(holder))
    assert isinstance(await beside_served.submit(HOUSE_CLIENT, f"settle {hold}", settle), PoolDone)
    assert ken.balances() == (5 * GB, 0)
    assert code(ken.api.get(f"/v1/pools/{pool}")) == (404, "pool.unknown")


async def test_an_invitation_is_declined_by_the_line_that_was_invited_alone(
    new_customer: AddCustomer,
) -> None:
    mai, ken, eve = [await new_customer(name) for name in ("Mai", "Ken", "Eve")]
    pool = open_pool(mai)
    invitation = done(mai, "POST", f"/pools/{pool}/invitations", {"number": ken.number})["id"]
    path = f"/invitations/{invitation}/decline"
    theirs = send(eve, "POST", path, {"line": str(eve.line)})
    assert code(theirs) == (404, "invitation.unknown")
    assert code(send(eve, "POST", path, {"line": str(ken.line)})) == (403, "line.not_yours")
    assert len(ken.api.get("/v1/invitations").json()["invitations"]) == 1
    assert send(ken, "POST", path, {"line": str(ken.line)}).status_code == 204
    assert ken.api.get("/v1/invitations").json() == {"invitations": []}
    assert shown(mai, pool)["invitations"] == []


async def test_the_same_key_opens_one_pool_and_invites_once(new_customer: AddCustomer) -> None:
    mai = await new_customer("Mai")
    body = {"name": "Family", "line": str(mai.line)}
    first, second = (send(mai, "POST", "/pools", body, key="once") for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["Location"] == f"/v1/pools/{first.json()['id']}"
    other = send(mai, "POST", "/pools", body | {"name": "Friends"}, key="once")
    assert code(other) == (422, "idempotency_key.reused")
    path = f"/pools/{first.json()['id']}/invitations"
    made = [send(mai, "POST", path, {}, key="invite-once").json() for _ in range(2)]
    assert made[0]["id"] == made[1]["id"]
    assert made[0]["secret"] != made[1]["secret"]
    assert len(shown(mai, first.json()["id"])["invitations"]) == 1


async def test_a_manager_decides_on_members_and_on_nothing_else(
    new_customer: AddCustomer,
) -> None:
    mai, ken, ann = [await new_customer(name) for name in ("Mai", "Ken", "Ann")]
    pool = open_pool(mai)
    assert join(mai, ken, pool, role="manager")["role"] == "manager"
    join(ken, ann, pool)
    seen = shown(ken, pool)
    assert {one["nickname"] for one in seen["members"]} == {"Ken", "Ann"}
    path = f"/pools/{pool}/members/{ann.line}"
    done(ken, "PUT", path, {"allotment": {"cap_per_day": GB}})
    assert shown(ann, pool)["members"][0]["allotment"]["cap_per_day"] == GB
    promoted = send(ken, "PUT", path, {"allotment": {}, "role": "manager"})
    assert code(promoted) == (403, "pool.not_yours")
    for method, owners in (("POST", "close"), ("POST", "hand-over")):
        body = {"line": str(ken.line)} if owners == "hand-over" else None
        assert code(send(ken, method, f"/pools/{pool}/{owners}", body)) == (403, "pool.not_yours")
    assert send(ken, "DELETE", path).status_code == 204
    assert code(ann.api.get(f"/v1/pools/{pool}")) == (404, "pool.unknown")


async def test_a_pool_is_handed_over_by_both(new_customer: AddCustomer) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    pool = open_pool(mai)
    join(mai, ken, pool)
    join(mai, mai, pool)
    assert code(send(ken, "POST", f"/pools/{pool}/take-over")) == (403, "pool.not_handed_over")
    leaving = send(mai, "DELETE", f"/pools/{pool}/members/{mai.line}")
    assert code(leaving) == (409, "pool.owner_stays")
    offer = {"line": str(ken.line)}
    assert done(mai, "POST", f"/pools/{pool}/hand-over", offer)["offered_to"] == "Ken"
    assert shown(ken, pool)["offered_to_me"] is True
    assert done(mai, "POST", f"/pools/{pool}/hand-over", {"line": None})["offered_to"] is None
    done(mai, "POST", f"/pools/{pool}/hand-over", offer)
    assert done(ken, "POST", f"/pools/{pool}/take-over")["role"] == "owner"
    assert shown(mai, pool)["role"] == "member"
    assert send(mai, "DELETE", f"/pools/{pool}/members/{mai.line}").status_code == 204


async def test_what_the_operator_does_not_let_one_share_is_refused_in_its_words(
    new_customer: AddCustomer,
) -> None:
    mai = await new_customer("Mai", operator="mineo", plan="mypita-10gb")
    ken = await new_customer("Ken")
    pool = open_pool(mai)
    new = send(
        mai, "POST", f"/pools/{pool}/contributions",
        {"line": str(mai.line), "amount": GB, "unit": "data"},
    )  # fmt: skip
    assert code(new) == (422, "pool.source")
    assert "carried-over data" in new.json()["detail"]
    done(mai, "POST", f"/pools/{pool}/invitations", {"number": ken.number})
    [invitation] = ken.api.get("/v1/invitations").json()["invitations"]
    assert any("what was carried over" in term for term in invitation["terms"])
    accepting = f"/invitations/{invitation['id']}/accept"
    refused = send(ken, "POST", accepting, {"line": str(ken.line)})
    assert code(refused) == (422, "pool.other_operator")
    assert refused.json()["next_step"]
    theirs = send(ken, "POST", accepting, {"line": str(mai.line)})
    assert code(theirs) == (403, "line.not_yours")
    elsewhere = await new_customer("Eva", operator="kddi", plan="povo")
    opening = send(elsewhere, "POST", "/pools", {"name": "Ours", "line": str(elsewhere.line)})
    assert code(opening) == (422, "pool.not_offered")


async def test_a_pool_of_strangers_is_unknown_whatever_is_asked_of_it(
    new_customer: AddCustomer,
) -> None:
    mai, ken, eve = [await new_customer(name) for name in ("Mai", "Ken", "Eve")]
    pool = open_pool(mai)
    join(mai, ken, pool)
    made = done(mai, "POST", f"/pools/{pool}/invitations", {})["id"]
    line = {"line": str(eve.line)}
    asked: list[tuple[str, str, Any, str]] = [
        ("GET", f"/pools/{pool}", None, "pool.unknown"),
        ("POST", f"/pools/{pool}/close", None, "pool.unknown"),
        ("POST", f"/pools/{pool}/take-over", None, "pool.unknown"),
        ("POST", f"/pools/{pool}/hand-over", line, "pool.unknown"),
        ("POST", f"/pools/{pool}/invitations", {}, "pool.unknown"),
        ("POST", f"/invitations/{made}/secret", None, "invitation.unknown"),
        ("POST", f"/invitations/{made}/withdraw", None, "invitation.unknown"),
        ("POST", f"/invitations/{made}/accept", line, "invitation.unknown"),
        ("PUT", f"/pools/{pool}/members/{ken.line}", {"allotment": {}}, "pool.unknown"),
        ("DELETE", f"/pools/{pool}/members/{ken.line}", None, "pool.unknown"),
        (
            "POST", f"/pools/{pool}/contributions",
            line | {"amount": MB, "unit": "data"}, "pool.unknown",
        ),
    ]  # fmt: skip
    for method, path, body, unknown in asked:
        answer = send(eve, method, path, body)
        assert code(answer) == (404, unknown), (method, path)
        nothing = path.replace(pool, str(new_uuid())).replace(made, str(new_uuid()))
        assert code(send(eve, method, nothing, body)) == (404, unknown), (method, nothing)
    assert eve.api.get("/v1/pools").json() == {"pools": []}
    assert len(shown(mai, pool)["members"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/pools", {"name": "", "line": "x"}, "name"),
        ("/pools", {"name": "x" * 41, "line": "x"}, "name"),
        ("/pools", {"name": "Family"}, "line"),
        ("/pools/{pool}/invitations", {"lines_max": 0}, "lines_max"),
        ("/pools/{pool}/invitations", {"lines_max": 101}, "lines_max"),
        ("/pools/{pool}/invitations", {"role": "owner"}, "role"),
        ("/pools/{pool}/invitations", {"until": "2020-01-01T00:00:00Z"}, "until"),
        ("/pools/{pool}/invitations", {"until": "2030-01-01T00:00:00"}, "until"),
        ("/pools/{pool}/invitations", {"allotment": {"share": 0}}, "allotment.share"),
        (
            "/pools/{pool}/invitations",
            {"allotment": {"share_percent": 101}},
            "allotment.share_percent",
        ),
        ("/pools/{pool}/invitations", {"allotment": {"cap": 5}}, "allotment"),
        ("/pools/{pool}/hand-over", {}, "line"),
    ],
)
async def test_a_body_that_cannot_be_meant_is_refused_by_its_field(
    new_customer: AddCustomer, path: str, body: dict[str, Any], field: str
) -> None:
    mai = await new_customer("Mai", filled=False)
    answer = send(mai, "POST", path.format(pool=open_pool(mai)), body)
    assert code(answer) == (400, "request.invalid"), answer.text
    assert answer.json()["fields"]["field"] == field


async def test_terms_are_said_in_the_readers_language(
    new_customer: AddCustomer, served: ServedYuzuri
) -> None:
    mai, ken = await new_customer("Mai", filled=False), await new_customer("Ken", filled=False)
    pool = open_pool(mai, members_fill=False)
    done(mai, "POST", f"/pools/{pool}/invitations", {"number": ken.number})
    said = set()
    for language in ("en", "ja", "zh"):
        ken.api.headers["Accept-Language"] = language
        [invitation] = ken.api.get("/v1/invitations").json()["invitations"]
        said |= set(invitation["terms"])
    assert len(said) == 3 * len(invitation["terms"])
    assert "Only the owner puts something in." in said
