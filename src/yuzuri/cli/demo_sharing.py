"""The demo's story, its second part: posted links, requests, shared plans, tanks, delegated use."""

import asyncio
import urllib.request
from datetime import timedelta
from hashlib import sha256
from typing import Any

from yuzuri.cli.demo_client import Answer, Client
from yuzuri.cli.demo_stage import MB, Story
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.sharing.link_draws import random_shares
from yuzuri.simulator.core import open_core
from yuzuri.simulator.phones import Phone
from yuzuri.words.formats import say_quantity

_PREVIEW_BOT = "Mozilla/5.0 (compatible; Twitterbot/1.0)"


def tell_of_sharing(story: Story) -> None:
    """Play all the ways to give that need no phone number typed."""
    _tell_of_a_link(story)
    _tell_of_a_request(story)
    _tell_of_a_pool(story)
    _tell_of_a_tank(story)
    _tell_of_a_delegation(story)


# ---------------------------------------------------------------- posted links


def _tell_of_a_link(story: Story) -> None:
    title = "Aki puts 300 MB behind a link, three shares drawn at random; they are set aside"
    with story.moving(title, Unit.DATA, {"aki-yuzuri": -300 * MB}) as expect:
        body = {
            "line": story.line("aki-yuzuri"), "unit": "data", "amount": 300 * MB,
            "shares": 3, "split": "random", "message": "旅のおすそわけ",
        }  # fmt: skip
        link = expect(story.as_person("Aki").post("/v1/links", body, "post"), 201).body
    secret = {"secret": link["secret"]}
    with story.moving("a preview bot fetches the address and takes nothing", Unit.DATA, _STILL):
        page = _fetch_as_bot(story.origin + "/l")
        story.step("  and reads nothing of whom or how much", holds=_tells_nothing(page))
    opened = Client(story.origin).post("/v1/links/open", secret)
    story.step(
        f"who opens it sees {say_quantity(Quantity(300 * MB, Unit.DATA), Language.EN)} of Aki's",
        holds=opened.status == 200 and opened.body["giver"] == "Aki",
    )
    wrong = Client(story.origin).post("/v1/links/open", {"secret": "A" * 22})
    _refused(story, "a secret that was guessed", wrong, "link.unknown")
    sizes = [
        _take(story, nickname, line, secret, link["amount"])
        for nickname, line in (("Ben", "ben-travel"), ("美怡", "mei-phone"))
    ]
    _refused(story, "a second share", _ask_for_share(story, "Ben", "ben-travel", secret, "two"),
             "link.taken")  # fmt: skip
    elsewhere = _ask_for_share(story, "Haruto", "haruto-povo", secret, "povo")
    _refused(story, "a share to a line of povo", elsewhere, "gift.not_offered")
    for way in elsewhere.body.get("instead", ()):
        story.say(way["text"])
    left = link["amount"] - sum(sizes)
    with story.moving("Aki revokes it; what nobody took is back", Unit.DATA, {"aki-yuzuri": left}):
        revoked = story.as_person("Aki").post(f"/v1/links/{link['id']}/revoke", key="revoke")
    seed = bytes.fromhex(revoked.body.get("seed") or "")
    drawn = random_shares(seed, link["amount"], 3, link["least"], link["step"])
    story.step(
        "  the seed is told now: the draw was what was promised when it was posted",
        holds=sha256(seed).hexdigest() == link["commitment"] and list(drawn[:2]) == sizes,
    )
    late = Client(story.origin).post("/v1/links/open", secret)
    _refused(story, "opening it once more", late, "link.unknown")


_STILL = {"aki-yuzuri": 0, "ben-travel": 0}


def _take(story: Story, nickname: str, line: str, secret: dict[str, str], most: int) -> int:
    """Take a share, and return its size as it was answered."""
    before = story.available(line, Unit.DATA)
    taken = _ask_for_share(story, nickname, line, secret, "take")
    amount = int(taken.body.get("amount", 0))
    arrived = story.available(line, Unit.DATA) - before
    said = say_quantity(Quantity(amount, Unit.DATA), Language.EN)
    story.step(f"{nickname} takes a share: {said}", holds=0 < amount == arrived < most)
    return amount


def _ask_for_share(
    story: Story, nickname: str, line: str, secret: dict[str, str], key: str
) -> Answer:
    body = secret | {"line": story.line(line)}
    return story.as_person(nickname).post("/v1/links/take", body, f"{key}-{line}")


def _fetch_as_bot(url: str) -> str:
    request = urllib.request.Request(url, headers={"User-Agent": _PREVIEW_BOT})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
        return str(answer.read().decode())


def _tells_nothing(page: str) -> bool:
    return "og:title" in page and not any(word in page for word in ("Aki", "300", "MB"))


# ---------------------------------------------------------------- requests


def _tell_of_a_request(story: Story) -> None:
    body = {
        "line": story.line("ben-travel"), "unit": "data", "amount": 200 * MB,
        "message": "Can anyone spare 200 MB?",
    }  # fmt: skip
    asked = story.as_person("Ben").post("/v1/requests", body, "ask")
    story.step("Ben asks for 200 MB, behind a link", holds=asked.status == 201)
    for nickname, line, part in (("Aki", "aki-yuzuri", 150), ("美怡", "mei-phone", 50)):
        moved = {line: -part * MB, "ben-travel": part * MB}
        with story.moving(f"{nickname} spares {part} MB", Unit.DATA, moved) as expect:
            gift = {
                "secret": asked.body["secret"], "line": story.line(line), "amount": part * MB,
            }  # fmt: skip
            expect(story.as_person(nickname).post("/v1/requests/fill", gift, "fill"), 200)


# ---------------------------------------------------------------- shared plans


def _tell_of_a_pool(story: Story) -> None:
    aki, ben = story.as_person("Aki"), story.as_person("Ben")
    opened = aki.post("/v1/pools", {"name": "Trip", "line": story.line("aki-yuzuri")}, "pool")
    pool = f"/v1/pools/{opened.body['id']}"
    with story.moving("Aki opens a shared plan with 500 MB", Unit.DATA, {"aki-yuzuri": -500 * MB}):
        _put_in(story, pool, "Aki", "aki-yuzuri", 500)
    invitation = {
        "number": story.number("ben-travel"),
        "allotment": {"cap_per_day": 60 * MB, "pool_first": True},
    }
    aki.post(f"{pool}/invitations", invitation, "invite")
    invited = ben.get("/v1/invitations").body["invitations"][0]
    joined = ben.post(
        f"/v1/invitations/{invited['id']}/accept", {"line": story.line("ben-travel")}, "join"
    )
    story.step("she invites Ben: 60 MB a day; he reads the terms and joins",
               holds=joined.status == 200 and bool(invited["terms"]))  # fmt: skip
    with story.moving("Ben puts in 100 MB of his own", Unit.DATA, {"ben-travel": -100 * MB}):
        _put_in(story, pool, "Ben", "ben-travel", 100)
    title = "his phone uses 110 MB: 60 MB of the plan, no more"
    with story.moving(title, Unit.DATA, {"ben-travel": -50 * MB}):
        asyncio.run(_use(story, "ben-travel", 110 * MB))
    title = "Ben leaves: what he put in ends first and was used first, so 40 MB go back"
    with story.moving(title, Unit.DATA, {"ben-travel": 40 * MB}):
        ben.delete(f"{pool}/members/{story.line('ben-travel')}", key="leave")
    with story.moving("Aki closes it, and hers go back", Unit.DATA, {"aki-yuzuri": 500 * MB}):
        aki.post(f"{pool}/close", key="close")


def _put_in(story: Story, pool: str, nickname: str, line: str, megabytes: int) -> None:
    body = {"line": story.line(line), "amount": megabytes * MB, "unit": "data"}
    answer = story.as_person(nickname).post(f"{pool}/contributions", body, f"put-{megabytes}")
    if answer.status != 200:
        story.step(f"  it is answered {answer.status}: {answer.body}", holds=False)


async def _use(story: Story, line: str, amount: int) -> None:
    async with open_core(story.origin) as core:
        phone = Phone(core, story.supi(line))
        await phone.attach()
        flowed = await phone.use(amount)
        await phone.detach()
    story.step(f"  {flowed / MB:.0f} MB flow", holds=flowed == amount)


# ---------------------------------------------------------------- tanks


def _tell_of_a_tank(story: Story) -> None:
    tank = f"/v1/tanks/{story.tank()}"
    title = "Aki gives 100 MB to mineo's tank, for whoever runs short"
    with story.moving(title, Unit.DATA, {"aki-mineo": -100 * MB}) as expect:
        body = {"line": story.line("aki-mineo"), "amount": 100 * MB}
        expect(story.as_person("Aki").post(f"{tank}/donations", body, "donate"), 200)
    tanks = story.as_person("晓晓").get("/v1/tanks").body["tanks"]
    shown = next(one for one in tanks if one["id"] == story.tank())
    line = next(one for one in shown["lines"] if one["line"]["id"] == story.line("xiao-mineo"))
    may = bool(line["may_draw"])  # from the 21st on
    moved = {"xiao-mineo": 50 * MB if may else 0}
    title = f"晓晓 {'may draw now, and draws' if may else 'may not draw yet, so not'} 50 MB"
    with story.moving(title, Unit.DATA, moved) as expect:
        body = {"line": story.line("xiao-mineo"), "amount": 50 * MB}
        drawn = story.as_person("晓晓").post(f"{tank}/draws", body, "draw")
        expect(drawn, 200 if may else 422)
    for said in (*line["reasons"], *line["instead"]):
        story.say(said["text"])


# ---------------------------------------------------------------- delegated use


def _tell_of_a_delegation(story: Story) -> None:
    aki, mei = story.as_person("Aki"), story.as_person("美怡")
    scopes = [{"may": "see"}, {"may": "give", "unit": "data", "in_all": 150 * MB}]
    terms = aki.post(
        "/v1/delegations/terms",
        {"line": story.line("aki-yuzuri"), "scopes": scopes, "until": _in_a_week()},
    ).body
    offer = {
        "line": story.line("aki-yuzuri"), "scopes": scopes, "since": terms["since"],
        "until": terms["until"], "language": terms["language"], "text_hash": terms["text_hash"],
        "to_number": story.number("mei-phone"),
    }  # fmt: skip
    offered = aki.post("/v1/delegations", offer, "delegate")
    here = f"/v1/delegations/{offered.body.get('id')}"
    story.step("Aki lets 美怡 see her line and give 150 MB, and agrees to the terms",
               holds=offered.status == 201)  # fmt: skip
    shown = mei.get(here).body["terms"]
    accepted = mei.post(
        f"{here}/accept", {"language": shown["language"], "text_hash": shown["text_hash"]}, "agree"
    )
    story.step("美怡 reads them and agrees", holds=accepted.status == 200)
    moved = {"aki-yuzuri": -100 * MB}
    with story.moving(
        "美怡 gives Ben 100 MB of Aki's, on her authority", Unit.DATA, moved
    ) as expect:
        expect(_give_for_aki(story, 100), 201)
    _refused(story, "60 MB more than the 150", _give_for_aki(story, 60), "delegation.cap")
    done = aki.get(here).body
    given = [action["amount"] for action in done["actions"]]
    story.step("Aki sees what was done for her", holds=100 * MB in given)
    agreement = aki.get(f"{here}/agreement").body["agreements"]
    story.step("  and what each side has agreed to, word for word",
               holds=[sha256(one["text"].encode()).hexdigest() for one in agreement]
               == [one["text_hash"] for one in agreement] and len(agreement) == 2)  # fmt: skip
    aki.post(f"{here}/end", key="end")
    _refused(story, "anything after Aki has ended it", _give_for_aki(story, 20), "line.not_yours")


def _in_a_week() -> str:
    return (utc_now() + timedelta(days=7)).isoformat()


def _give_for_aki(story: Story, megabytes: int) -> Answer:
    body = {
        "from_line": story.line("aki-yuzuri"), "to_number": story.number("ben-travel"),
        "amount": megabytes * MB, "unit": "data",
    }  # fmt: skip
    return story.as_person("美怡").post("/v1/gifts", body, f"for-aki-{megabytes}")


def _refused(story: Story, what: str, answer: Answer, code: str) -> None:
    """Tell a step that must be refused by this code, and why in words."""
    body: Any = answer.body or {}
    story.step(f"refused: {what} ({body.get('code')})", holds=body.get("code") == code)
    story.say(body.get("detail", ""))
