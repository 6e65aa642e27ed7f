"""Delegated use over HTTP: terms, offers by number and by link, acting, what the owner sees."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, ServedYuzuri, broken_invariants, keyed

from yuzuri.kernel.calendar import utc_now
from yuzuri.runtime.running import Yuzuri

MB, GB = 10**6, 10**9
SEE = {"may": "see"}
ONE_GB = {"may": "give", "unit": "data", "in_all": GB}
SOME_DATA = {"may": "use", "in_all": 2 * GB, "per_day": 500 * MB}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def read_terms(
    owner: Customer, scopes: list[dict[str, Any]], language: str = "en"
) -> dict[str, Any]:
    """Ask for the terms of letting somebody do this for a month."""
    until = (utc_now() + timedelta(days=30)).isoformat()
    answer = owner.api.post(
        "/v1/delegations/terms",
        json={"line": str(owner.line), "scopes": scopes, "until": until},
        headers={"Accept-Language": language},
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def offering(
    owner: Customer, scopes: list[dict[str, Any]], terms: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """Return what somebody sends who has read the terms."""
    read = {name: terms[name] for name in ("since", "until", "language", "text_hash")}
    return {"line": str(owner.line), "scopes": scopes} | read | more


def offer(owner: Customer, *scopes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Offer it, having read the terms, and return the answer."""
    body = offering(owner, list(scopes), read_terms(owner, list(scopes)), **more)
    answer = owner.api.post("/v1/delegations", json=body, headers=keyed())
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def accept(delegate: Customer, delegation: str, **more: Any) -> httpx.Response:
    """Read the terms in Japanese, and agree to them."""
    japanese = {"Accept-Language": "ja"}
    shown = delegate.api.get(f"/v1/delegations/{delegation}", headers=japanese).json()["terms"]
    body = {"language": shown["language"], "text_hash": shown["text_hash"]} | more
    return delegate.api.post(f"/v1/delegations/{delegation}/accept", json=body, headers=keyed())


def let(owner: Customer, delegate: Customer, *scopes: dict[str, Any], **more: Any) -> str:
    """Let somebody act who has accepted."""
    delegation = str(offer(owner, *scopes, to_number=delegate.number)["id"])
    answer = accept(delegate, delegation, **more)
    assert answer.status_code == 200, answer.text
    return delegation


def end(who: Customer, delegation: str) -> httpx.Response:
    return who.api.post(f"/v1/delegations/{delegation}/end", headers=keyed())


async def test_from_the_terms_to_a_gift_on_anothers_authority_and_the_end(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    aki, hina, ben = [await new_customer(name) for name in ("Aki", "Hina", "Ben")]
    terms = read_terms(aki, [SEE, ONE_GB], "zh")
    assert terms["text_hash"] == sha256(terms["text"].encode()).hexdigest()
    assert (terms["language"], "委托他人操作线路的条款" in terms["text"]) == ("zh", True)

    body = offering(aki, [SEE, ONE_GB], terms, to_number=hina.number)
    key = keyed()
    first, again = (aki.api.post("/v1/delegations", json=body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    delegation = first.json()["id"]
    assert (again.json()["id"], first.json()["secret"]) == (delegation, None)
    assert first.headers["Location"] == f"/v1/delegations/{delegation}"

    # Nobody may do anything before it is accepted.
    assert code(hina.give(ben, 100 * MB, from_line=str(aki.line))) == (403, "line.not_yours")
    [asked] = hina.api.get("/v1/delegations").json()["received"]
    assert (asked["side"], asked["other"], asked["state"]) == ("delegate", "Aki", "offered")
    assert asked["number"] == f"•••{aki.number[-2:]}"
    assert accept(hina, delegation).json()["active"] is True

    # A line that one may see has neither label nor contract nor number.
    mine, [seen] = (hina.api.get("/v1/lines").json()[name] for name in ("lines", "delegated"))
    assert [line["id"] for line in mine] == [str(hina.line)]
    assert (seen["id"], seen["owner"]) == (str(aki.line), "Aki")
    assert seen.keys() == {
        "id", "owner", "number", "operator", "operator_name", "balances", "used_this_month",
    }  # fmt: skip
    assert sum(b["amount"] for b in seen["balances"] if b["unit"] == "data") == 5 * GB
    assert code(hina.api.get(f"/v1/lines/{aki.line}")) == (403, "line.not_yours")
    assert code(hina.api.get(f"/v1/lines/{aki.line}/use")) == (403, "line.not_yours")

    given = hina.give(ben, 100 * MB, from_line=str(aki.line), message="from both of us")
    assert given.status_code == 201, given.text
    gift = given.json()
    assert gift["authority"] == {"delegate": "Hina", "owner": "Aki"}
    assert gift["line"]["label"] == f"Aki •••{aki.number[-2:]}"
    for reader in (aki, hina, ben):
        shown = reader.api.get(f"/v1/gifts/{gift['id']}").json()
        assert shown["authority"] == {"delegate": "Hina", "owner": "Aki"}
        assert gift["id"] in [one["id"] for one in reader.api.get("/v1/gifts").json()["gifts"]]
    too_much = hina.give(ben, GB, from_line=str(aki.line))
    assert code(too_much) == (422, "delegation.cap")
    assert too_much.json()["fields"]["available"] == {"quantity": [900 * MB, "data"]}

    # The owner sees each action, and is told of the first.
    whole = aki.api.get(f"/v1/delegations/{delegation}").json()
    assert (whole["given"], whole["terms"]) == ({"data": 100 * MB}, None)
    [action] = whole["actions"]
    assert (action["what"], action["amount"], action["gift"]) == ("give", 100 * MB, gift["id"])
    [notice] = aki.api.get("/v1/notices").json()["delegations"]
    assert (notice["id"], notice["delegate"], notice["seen_at"]) == (delegation, "Hina", None)

    assert end(aki, delegation).status_code == 204
    assert code(hina.give(ben, MB, from_line=str(aki.line))) == (403, "line.not_yours")
    assert code(hina.api.get(f"/v1/delegations/{delegation}")) == (404, "delegation.unknown")
    assert code(hina.end(gift["id"], "cancel")) == (404, "gift.unknown")
    assert hina.api.get("/v1/delegations").json()["received"] == []
    assert hina.api.get("/v1/lines").json()["delegated"] == []
    assert hina.api.get("/v1/gifts").json()["gifts"] == []
    assert aki.end(gift["id"], "cancel").status_code == 200
    assert await broken_invariants(beside_served) == []


async def test_what_was_agreed_to_is_kept_word_for_word_for_both(
    new_customer: AddCustomer,
) -> None:
    aki, hina, ben = [await new_customer(name) for name in ("Aki", "Hina", "Ben")]
    delegation = let(aki, hina, ONE_GB)
    end(aki, delegation)
    for reader in (aki, hina):
        agreed = reader.api.get(f"/v1/delegations/{delegation}/agreement").json()["agreements"]
        assert [one["side"] for one in agreed] == ["owner", "delegate"]
        assert [one["language"] for one in agreed] == ["en", "ja"]
        for one in agreed:
            assert one["text_hash"] == sha256(one["text"].encode()).hexdigest()
        text = reader.api.get(f"/v1/delegations/{delegation}/agreement.txt")
        assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert text.headers["Content-Disposition"].startswith("attachment")
        assert all(one["text"] in text.text and one["text_hash"] in text.text for one in agreed)
    for export in ("agreement", "agreement.txt"):
        refused = ben.api.get(f"/v1/delegations/{delegation}/{export}")
        assert code(refused) == (404, "delegation.unknown")


async def test_whoever_opens_the_link_first_may_act_and_nobody_else(
    served: ServedYuzuri, new_customer: AddCustomer
) -> None:
    aki, hina, ben = [await new_customer(name) for name in ("Aki", "Hina", "Ben")]
    offered = offer(aki, SOME_DATA)
    secret = offered["secret"]["secret"]
    assert offered["secret"]["url"].endswith(f"/l#{secret}")
    with served.client(**{"Accept-Language": "ja"}) as stranger:
        opened = stranger.post("/v1/links/open", json={"secret": secret}).json()
    assert (opened["kind"], opened["owner"], opened["scopes"]) == ("delegation", "Aki", [SOME_DATA])
    terms = {name: opened["terms"][name] for name in ("language", "text_hash")}

    # An id alone gives nobody a right to ask.
    assert code(hina.api.get(f"/v1/delegations/{offered['id']}")) == (404, "delegation.unknown")
    by_id = hina.api.post(f"/v1/delegations/{offered['id']}/accept", json=terms, headers=keyed())
    assert code(by_id) == (404, "delegation.unknown")

    again = aki.api.post(f"/v1/delegations/{offered['id']}/secret").json()["secret"]
    body = {"secret": again, "line": str(hina.line)} | terms
    key = keyed()
    first, second = (
        hina.api.post("/v1/delegations/accept", json=body, headers=key) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert (first.json()["state"], second.json()["id"]) == ("active", offered["id"])

    late = {"secret": secret, "line": str(ben.line)} | terms
    too_late = ben.api.post("/v1/delegations/accept", json=late, headers=keyed())
    assert code(too_late) == (404, "link.unknown")
    no_link = aki.api.post(f"/v1/delegations/{offered['id']}/secret")
    assert code(no_link) == (404, "delegation.unknown")
    assert aki.api.get("/v1/delegations").json()["given"][0]["other"] == "Hina"


async def test_what_is_offered_can_be_declined_taken_back_and_given_up(
    new_customer: AddCustomer,
) -> None:
    aki, hina = await new_customer("Aki"), await new_customer("Hina")
    declined = offer(aki, SEE, to_number=hina.number)["id"]
    answer = hina.api.post(f"/v1/delegations/{declined}/decline", headers=keyed())
    assert answer.status_code == 204
    assert aki.api.get(f"/v1/delegations/{declined}").json()["state"] == "declined"

    taken_back = offer(aki, SEE, to_number=hina.number)["id"]
    assert end(aki, taken_back).status_code == 204
    assert code(accept_anyhow(hina, taken_back)) == (404, "delegation.unknown")

    given_up = let(aki, hina, SEE)
    assert end(hina, given_up).status_code == 204
    assert hina.api.get("/v1/lines").json()["delegated"] == []
    assert aki.api.get(f"/v1/delegations/{given_up}").json()["state"] == "ended"
    assert code(end(aki, given_up)) == (409, "delegation.ended")


def accept_anyhow(delegate: Customer, delegation: str) -> httpx.Response:
    body = {"language": "en", "text_hash": "0" * 64}
    return delegate.api.post(f"/v1/delegations/{delegation}/accept", json=body, headers=keyed())


async def test_what_cannot_be_offered_or_accepted_is_a_problem_with_a_code(
    new_customer: AddCustomer,
) -> None:
    aki, hina = await new_customer("Aki"), await new_customer("Hina")
    docomo = await new_customer("Dai", operator="docomo", plan="ahamo", filled=False)
    terms = read_terms(aki, [SEE])

    def offered(owner: Customer, **more: Any) -> tuple[int, str]:
        body = offering(aki, [SEE], terms, to_number=hina.number) | {"line": str(owner.line)}
        return code(owner.api.post("/v1/delegations", json=body | more, headers=keyed()))

    assert offered(aki, text_hash="0" * 64) == (409, "terms.changed")
    assert offered(aki, language="ja") == (409, "terms.changed")
    assert offered(aki, scopes=[SEE, ONE_GB]) == (409, "terms.changed")
    assert offered(aki, scopes=[]) == (400, "request.invalid")
    assert offered(aki, scopes=[{"may": "use"}]) == (400, "request.invalid")
    assert offered(aki, scopes=[{"may": "sell"}]) == (400, "request.invalid")
    assert offered(aki, scopes=[SEE | {"password": "x"}]) == (400, "request.invalid")
    assert offered(aki, until=terms["since"]) == (422, "delegation.time")
    assert offered(aki, until="2026-12-31T00:00:00") == (400, "request.invalid")
    assert offered(aki, to_number=aki.number) == (422, "delegation.to_oneself")
    assert offered(aki, line=str(hina.line)) == (403, "line.not_yours")
    assert offered(docomo) == (422, "law.line_handing")
    pool = {"may": "pool", "pool": str(aki.line)}
    asked = {"line": str(aki.line), "scopes": [pool], "until": terms["until"]}
    assert code(aki.api.post("/v1/delegations/terms", json=asked)) == (404, "pool.unknown")
    no_key = aki.api.post("/v1/delegations", json=offering(aki, [SEE], terms))
    assert code(no_key) == (400, "idempotency_key.missing")

    delegation = offer(aki, SOME_DATA, to_number=hina.number)["id"]
    assert code(accept_anyhow(hina, delegation)) == (409, "terms.changed")
    assert code(accept(hina, delegation)) == (422, "delegation.line_needed")
    assert code(accept(hina, delegation, line=str(aki.line))) == (403, "line.not_yours")
    assert accept(hina, delegation, line=str(hina.line)).status_code == 200
