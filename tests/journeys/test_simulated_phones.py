"""Simulated phones on a real server: what they were let use is what the books say, to the byte."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Server
from tests.journeys.served import ServedYuzuri, beside, broken_invariants, serving
from typer.testing import CliRunner

from yuzuri.bench.charged_lines import add_lines
from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.cli import simulate
from yuzuri.kernel.ids import PurchaseId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.settings import Settings
from yuzuri.simulator.core import open_core
from yuzuri.simulator.phones import Phone
from yuzuri.subscribers.network_identities import find_line_of

LINES = 9
GB = 10**9


@pytest.fixture(scope="module")
def network(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedYuzuri]:
    """A server whose network is open to this machine."""
    name = f"yuzuri_served_{uuid.uuid4().hex}"
    server.create(name, template)
    data: Path = tmp_path_factory.mktemp("network")
    settings = Settings(data=data, database_url=server.url(name), demo=True, network_open=True)
    with serving(settings) as served:
        yield served
    server.drop(name)


async def read_used(yuzuri: Yuzuri) -> dict[Unit, tuple[int, int]]:
    """What was used of each unit, and what of it nobody has paid, as the sessions say."""
    async with yuzuri.database.connection() as connection:
        rows = await connection.execute(
            "SELECT unit, sum(used)::bigint, sum(unpaid)::bigint FROM charging_quota GROUP BY unit"
        )
        return {Unit(unit): (used, unpaid) async for unit, used, unpaid in rows}


async def top_up(yuzuri: Yuzuri, supi: str) -> None:
    async with yuzuri.database.connection() as connection:
        line = await find_line_of(connection, supi, None)
    assert line is not None
    cycle = Purchase(id=PurchaseId(new_id()), line=line)
    assert isinstance(await yuzuri.submit(HOUSE_CLIENT, f"fill {cycle.id}", cycle), Purchased)


async def test_phones_use_what_they_may_whatever_befalls_messages(network: ServedYuzuri) -> None:
    async with beside(network.settings) as yuzuri:
        supis = await add_lines(yuzuri, LINES)

        # One line runs dry to the byte, and goes on as soon as it has something again.
        async with open_core(network.url) as core:
            phone = Phone(core, supis[-1])
            assert await phone.use(6 * GB) == 5 * GB
            assert phone.is_dry
            await top_up(yuzuri, supis[-1])
            await phone.wait_until_it_flows(20)
            assert await phone.use(1_000_001) == 1_000_001
            await phone.detach()
        assert len(phone.tally.flowing_after_s) == 1
        assert phone.tally.bytes_reported == 5 * GB + 1_000_001

        # The others live through half a day, with messages lost, late and doubled.
        arguments = ["phones", "--url", network.url, "--lines", str(LINES - 1), "--json"]
        arguments += ["--seconds", "2", "--days", "0.5", "--supi-from", supis[0]]
        done = await asyncio.to_thread(CliRunner().invoke, simulate.app, arguments)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)["all"]
        assert told["repeats"] > 0
        assert told["dry"] > 0  # abroad, where the plan is not valid
        assert set(told["statuses"]) <= {"200", "201", "204"}

        used = await read_used(yuzuri)
        assert used[Unit.DATA] == (told["bytes_reported"] + phone.tally.bytes_reported, 0)
        assert used[Unit.VOICE] == (told["call_s_allowed"], 0)
        assert await broken_invariants(yuzuri) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--supi-from", "440990000000001"), "is not a SUPI"),
        (("--supi-from", "imsi-999999999999999", "--lines", "2"), "there are no 2 SUPIs"),
        (("--url", "https://127.0.0.1:8080"), "without TLS"),
        (("--profile", "farmer"), "farmer"),
    ],
)
def test_what_cannot_be_simulated_is_said_at_once(arguments: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(simulate.app, ["phones", *arguments])
    assert done.exit_code == 2
    assert says in done.stderr.replace("\n│ ", "")


def test_phones_that_nobody_knows_are_told_how_to_become_known(network: ServedYuzuri) -> None:
    arguments = ("--url", network.url, "--lines", "1", "--days", "0.02", "--seconds", "0")
    done = CliRunner().invoke(simulate.app, ["phones", *arguments, "--supi-from", "imsi-440101"])
    assert done.exit_code == 0
    assert "None of these phones is known there." in done.stdout
    assert "lines add … --supi imsi-440101" in done.stdout


def test_a_network_without_a_charging_function_says_so_and_fails() -> None:
    arguments = ("--url", "http://127.0.0.1:1", "--lines", "1", "--days", "0.02", "--seconds", "0")
    done = CliRunner().invoke(simulate.app, ["phones", *arguments])
    assert done.exit_code == 1
    assert "not answered" in done.stdout
