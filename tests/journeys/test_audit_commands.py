"""A statement's way: written by the operator, published beside, checked by somebody else."""

import asyncio
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection
from tests.conftest import Server
from tests.journeys.test_command_line import PROGRAM

from yuzuri.ledger.homes import choose_homes

Done = subprocess.CompletedProcess[str]

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"


@dataclass
class Operator:
    """An operator at its command line, and two people with a gift between them."""

    say: Callable[..., Done]
    giver: str
    receiver: str
    url: str

    def export(self, line: str, file: Path) -> str:
        done = self.say("audit", "export", "--line", line, "--out", str(file))
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        return done.stderr


@pytest.fixture(scope="module", params=[1, 16], ids=["1 home", "16 homes"])
def homes(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@contextmanager
def operating(server: Server, template: str, data: Path, homes: int) -> Iterator[Operator]:
    name = f"yuzuri_audit_{uuid.uuid4().hex}"
    server.create(name, template)
    url = server.url(name)

    async def choose() -> None:
        async with await AsyncConnection.connect(url) as admin:
            await admin.execute("SET search_path = yuzuri")
            await choose_homes(admin, homes)

    def say(*arguments: str, given: str | None = None) -> Done:
        return run(*arguments, given=given, YUZURI_DATABASE_URL=url, YUZURI_DATA=str(data))

    def told(*arguments: str) -> str:
        done = say(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    asyncio.run(choose())
    aki = told("people", "add", "Aki")
    giver = told("lines", "add", aki, "yuzuri-mobile/monthly", "090-0000-0001")
    receiver = told("lines", "add", aki, "yuzuri-mobile/monthly", "090-0000-0002")
    offer = ("gifts", "offer", "--as", aki, "--from", giver, "--to", "+819000000002")
    gift = told(*offer, "--amount", "1GB").split()[0]
    told("gifts", "accept", gift, "--as", aki)
    yield Operator(say, giver, receiver, url)
    server.drop(name)


@pytest.fixture(scope="module")
def operator(
    server: Server, template: str, homes: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator for the journeys that change nothing."""
    with operating(server, template, tmp_path_factory.mktemp("operator"), homes) as operator:
        yield operator


def run(
    *arguments: str, given: str | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=os.environ | {"COLUMNS": "200"} | environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def check_elsewhere(file: Path, *arguments: str, lang: str = "en") -> Done:
    """Check a statement where there is no database."""
    return run(
        "audit", "check", str(file), *arguments, YUZURI_DATABASE_URL=NOWHERE, YUZURI_LANG=lang
    )


def test_a_statement_is_checked_elsewhere_beside_the_published_digest(
    operator: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "statement.json"
    assert "5 transfers" in operator.export(operator.giver, file)
    published = operator.say("audit", "head").stdout
    home, page, digest = next(
        line.split() for line in published.splitlines() if int(line.split()[1])
    )
    checked = check_elsewhere(file)
    assert checked.returncode == 0, checked.stderr
    assert f"page {page} of home {home}: {digest}" in checked.stdout
    compared = check_elsewhere(file, "--head", digest.upper())
    assert compared.returncode == 0, compared.stderr
    assert "it proves 5 of 5 transfers" in compared.stdout

    # The receiver's, from standard output; it shows nobody's number or name.
    received = operator.say("audit", "export", "--line", operator.receiver)
    document = json.loads(received.stdout)
    kinds = [transfer["kind"] for transfer in document["transfers"]]
    assert kinds == [*["issue"] * (len(kinds) - 1), "gift"]
    sent = json.loads(file.read_text())["transfers"][-1]
    assert document["transfers"][-1]["cause"] == sent["cause"]
    assert sent["source"] == operator.giver
    assert document["journal"]["head"] == digest
    assert "Aki" not in received.stdout
    assert "9000000" not in received.stdout


@pytest.mark.parametrize(
    ("lang", "says"),
    [
        ("en", "Transfer {place} is not what was written."),
        ("ja", "移動{place}は記録された内容と異なります。"),
        ("zh", "转移{place}与当初记录的内容不符。"),
    ],
)
def test_what_was_changed_in_a_statement_is_named_in_the_readers_language(
    operator: Operator, tmp_path: Path, lang: str, says: str
) -> None:
    file = tmp_path / "statement.json"
    operator.export(operator.giver, file)
    document = json.loads(file.read_text())
    transfer = document["transfers"][-1]
    transfer["amount"] += 1
    file.write_text(json.dumps(document))
    done = check_elsewhere(file, lang=lang)
    assert (done.returncode, done.stdout) == (2, "")
    assert says.format(place=f"{transfer['page']}/{transfer['position']}") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_digest_of_another_journal_is_refused(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "statement.json"
    operator.export(operator.giver, file)
    for digest in ("11" * 32, "not a digest"):
        done = check_elsewhere(file, "--head", digest)
        assert done.returncode == 2
        assert "of none of the pages" in done.stderr


def test_a_digest_that_was_published_before_a_transfer_does_not_prove_it(
    operator: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "statement.json"
    operator.export(operator.giver, file)
    before_all = "00" * 32
    done = check_elsewhere(file, "--head", before_all)
    assert done.returncode == 2
    assert "page 0: it proves 0 of 5 transfers" in done.stderr


def test_an_edit_behind_the_journal_is_named_by_verify_and_stops_statements(
    server: Server, template: str, homes: int, tmp_path: Path
) -> None:
    with operating(server, template, tmp_path, homes) as operator:
        published = tmp_path / "published"
        published.write_text(operator.say("audit", "head").stdout)
        assert operator.say("verify").returncode == 0
        assert operator.say("audit", "compare", str(published)).returncode == 0

        with psycopg.connect(operator.url, autocommit=True) as behind:
            edited = behind.execute(
                "UPDATE yuzuri.transfer SET amount = amount + 1 WHERE kind = 'g'"
                " RETURNING page, position, home"
            ).fetchone()
        assert edited is not None
        row = "transfer {}/{} of home {}".format(*edited)
        told = operator.say("verify")
        assert told.returncode == 1
        assert f"{row}: it is not what was written" in told.stdout

        file = tmp_path / "statement.json"
        refused = operator.say("audit", "export", "--line", operator.giver, "--out", str(file))
        assert refused.returncode == 1
        assert "not what was written" in refused.stderr
        assert "yuzuri verify" in refused.stderr
        assert not file.exists()

        with psycopg.connect(operator.url, autocommit=True) as behind:
            behind.execute("UPDATE yuzuri.journal_page SET digest = sha256(digest)")
        lost = operator.say("audit", "compare", str(published))
        assert lost.returncode == 1
        assert "is not the one that was published" in lost.stderr


def test_a_part_of_the_time_is_exported_as_it_was_asked(operator: Operator) -> None:
    export = ("audit", "export", "--line", operator.giver)
    later = operator.say(*export, "--from", "2100-01-01")
    document = json.loads(later.stdout)
    assert document["transfers"] == []
    assert document["start"] == document["end"] != []
    assert document["since"] == "2100-01-01T00:00:00Z"
    earlier = json.loads(operator.say(*export, "--until", "2001-01-01").stdout)
    assert (earlier["transfers"], earlier["end"]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "--line", "019a8e5e-0000-7000-8000-79757a750000"), "line"),
        (("export", "--line", "019a8e5e-0000-7000-8000-79757a75ffff"), "line"),
        (("export", "--line", "{giver}", "--from", "soon"), "soon"),
        (("export", "--line", "{giver}", "--out", "/nowhere/at/all"), "/nowhere/at/all"),
        (("export", "--line", "{giver}", "--lang", "xx"), "xx"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    operator: Operator, arguments: tuple[str, ...], says: str
) -> None:
    done = operator.say("audit", *(part.format(giver=operator.giver) for part in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "/nowhere/at/all"), "/nowhere/at/all"),
        (("check", "/dev/null"), "not a statement"),
        (("compare", "/nowhere/at/all"), "/nowhere/at/all"),
        (("compare", __file__), "no line of yuzuri audit head"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_without_asking_the_database(
    arguments: tuple[str, ...], says: str
) -> None:
    done = run("audit", *arguments, YUZURI_DATABASE_URL=NOWHERE)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_statement_can_be_piped_from_one_command_into_the_other(operator: Operator) -> None:
    exported = operator.say("audit", "export", "--line", operator.giver)
    checked = operator.say("audit", "check", "-", given=exported.stdout)
    assert checked.returncode == 0, checked.stderr
    assert "5 transfers" in checked.stdout
