"""docs/api.md tells what is true: its commands work, and its table has every code."""

import asyncio
import os
import re
import shlex
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.conftest import Server
from tests.journeys.served import Customer, ServedYuzuri, add_customer, beside, serving

from yuzuri.api.app.problems import STATUS
from yuzuri.kernel.calendar import utc_now
from yuzuri.settings import Settings
from yuzuri.words.sentence_table import SENTENCES

PATH = Path(__file__).parents[2] / "docs" / "api.md"
PAGE = PATH.read_text()


@pytest.fixture(scope="module")
def served(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedYuzuri]:
    name = f"yuzuri_documented_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("documented")
    with serving(Settings(data=data, database_url=server.url(name), demo=True)) as served:
        yield served
    server.drop(name)


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [
        command
        for block in blocks
        for command in re.findall(r"^curl .*(?:\n +.*)*", block, re.MULTILINE)
    ]


def send(command: str, values: dict[str, str]) -> httpx.Response:
    """Do what curl would do with a command of the page."""
    line = re.sub(r"\$([A-Z_]+)", lambda match: values[match[1]], command.replace("\\\n", " "))
    curl, *words = shlex.split(line)
    assert curl == "curl"
    url, method, content, headers = "", "GET", None, {}
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                method, content = "POST", words.pop(0)
            case word:
                url = word
    return httpx.request(method, url, content=content, headers=headers, timeout=30, trust_env=False)


def test_the_commands_of_the_page_make_a_gift(served: ServedYuzuri) -> None:
    async def people() -> list[Customer]:
        async with beside(served.settings) as yuzuri:
            return [await add_customer(yuzuri, served, name) for name in ("Hana", "Ken")]

    hana, ken = asyncio.run(people())
    values = {
        "YUZURI": served.url,
        "PERSON": str(hana.person),
        "LINE": str(hana.line),
        "NUMBER": ken.number,
        "KEY": os.urandom(8).hex(),
        "THEIR_TOKEN": ken.token,
        "THEIR_KEY": os.urandom(8).hex(),
        "THEIR_LINE": str(ken.line),
        "OFFER_KEY": os.urandom(8).hex(),
        "UNTIL": (utc_now() + timedelta(days=30)).isoformat(),
    }
    answers = {}
    for command in commands():
        answer = send(command, values)
        assert answer.is_success, f"{command}\n{answer.text}"
        answers[answer.request.url.path] = answer
        match answer.request.method, answer.request.url.path:
            case "POST", "/v1/sessions":
                values["TOKEN"] = answer.json()["token"]
            case "POST", "/v1/gifts":
                values["GIFT"] = answer.json()["id"]
            case "POST", "/v1/links":
                values["SECRET"] = answer.json()["secret"]
            case "POST", "/v1/delegations/terms":
                values |= {"SINCE": answer.json()["since"], "HASH": answer.json()["text_hash"]}
            case _:
                pass
    assert answers["/v1/gifts/preview"].json()["feasible"] is True
    assert answers[f"/v1/gifts/{values['GIFT']}/accept"].json()["state"] == "accepted"
    assert answers["/v1/delegations"].json()["state"] == "offered"
    assert answers["/v1/links/open"].json()["shares_left"] == 2
    assert answers["/v1/links/take"].json()["amount"] == 500_000_000
    assert ken.balances() == (6_000_000_000, 0)


def test_the_table_has_every_code_with_its_status_and_sentence() -> None:
    """With YUZURI_WRITE_DOCS=1 the table is written anew."""
    rows = [
        f"| `{code}` | {status} | {SENTENCES[code].texts[-1]} |" for code, status in STATUS.items()
    ]
    before, mark, table = PAGE.partition("<!-- codes -->\n")
    head = table.splitlines()[:2]
    if os.environ.get("YUZURI_WRITE_DOCS"):
        PATH.write_text(before + mark + "\n".join([*head, *rows, ""]))
    else:
        assert table.splitlines() == [*head, *rows]
