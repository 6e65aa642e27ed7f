"""Network functions on a real database: who may call, how soon that changes; whose a SUPI is."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from psycopg import errors
from tests.conftest import Server

from yuzuri.api.network.authentication import (
    NetworkCaller,
    NotAuthenticated,
    NotPermitted,
    authenticate,
    may_notify,
)
from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, new_id
from yuzuri.kernel.names import Language
from yuzuri.networks import register
from yuzuri.networks.functions import (
    CERTIFICATE_ID,
    NetworkFunction,
    Service,
    list_functions,
    register_function,
    remove_function,
)
from yuzuri.networks.issuers import distrust_issuer, trust_issuer
from yuzuri.networks.keys import parse_public_key
from yuzuri.networks.tokens import AUDIENCE
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.subscribers.lines import Line, Person, add_line, add_person
from yuzuri.subscribers.network_identities import add_identity, find_line_of

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
CHARGING = Service.CONVERGED_CHARGING
SMF = NetworkFunction(
    "smf-1", "SMF 1", frozenset({CHARGING}), frozenset({"http://10.0.0.5:29502"}), NOW
)
HOUR = timedelta(hours=1)


class Network:
    """A running Yuzuri whose clock the test moves, and calls to it as the server would see them."""

    def __init__(self, yuzuri: Yuzuri) -> None:
        self.yuzuri = replace(yuzuri, clock=lambda: self.now)
        self.now = NOW

    async def call(
        self, *tokens: str, service: str = CHARGING, client: str = "10.0.0.5", scheme: str = "http"
    ) -> NetworkCaller:
        headers = [(b"authorization", f"Bearer {token}".encode()) for token in tokens]
        scope = {"headers": headers, "client": (client, 1), "scheme": scheme}
        return await authenticate(self.yuzuri, scope, service)

    async def register(self, function: NetworkFunction = SMF) -> None:
        async with self.yuzuri.database.connection() as connection:
            await register_function(connection, function)

    async def remove(self, function: str = SMF.id) -> None:
        async with self.yuzuri.database.connection() as connection:
            await remove_function(connection, function)

    async def token(self, subject: str = SMF.id, scope: str = CHARGING) -> str:
        return await self.yuzuri.networks.issue(subject, AUDIENCE, scope, self.now, HOUR)


@pytest.fixture(scope="module")
def database_url(server: Server, template: str) -> Iterator[str]:
    """One database for all: each test begins with nobody registered."""
    name = f"yuzuri_networks_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
async def network(settings: Settings, database: Database) -> AsyncIterator[Network]:
    async with database.connection() as connection:
        await connection.execute("DELETE FROM network_function")
        await connection.execute("DELETE FROM token_issuer")
    async with opened(settings, database) as network:
        yield network


@contextlib.asynccontextmanager
async def opened(settings: Settings, database: Database) -> AsyncIterator[Network]:
    async with run_yuzuri(
        settings, database, clock=lambda: NOW, profiles=read_profiles()
    ) as yuzuri:
        yield Network(yuzuri)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The register is read at every call."""
    monkeypatch.setattr(register, "LIFETIME_S", 0.0)
    monkeypatch.setattr(register, "PAUSE_S", 0.0)


async def refused(network: Network, *tokens: str, **more: Any) -> str:
    with pytest.raises(NotAuthenticated) as caught:
        await network.call(*tokens, **more)
    return caught.value.challenge


# ---------------------------------------------------------------- tokens


async def test_a_registered_network_function_calls_with_a_token(
    network: Network, at_once: None
) -> None:
    await network.register()
    caller = await network.call(await network.token())
    assert (caller.id, caller.name) == ("smf-1", "SMF 1")
    assert may_notify(caller, "http://10.0.0.5:29502/notify/1")
    assert not may_notify(caller, "http://10.0.0.6:29502/notify/1")
    other = replace(SMF, id="smf-2")
    await network.register(other)
    assert (await network.call(await network.token("smf-2"))).client != caller.client


async def test_nobody_passes_without_a_token(network: Network) -> None:
    assert await refused(network) == 'Bearer realm="yuzuri"'
    assert await refused(network, client="127.0.0.1") == 'Bearer realm="yuzuri"'
    assert await refused(network, scheme="https") == 'Bearer realm="yuzuri"'


async def test_threat_21_a_token_is_refused_that_is_not_whole_or_not_alone(
    network: Network,
) -> None:
    await network.register()
    token = await network.token()
    assert "invalid_token" in await refused(network, token, token)
    assert "invalid_token" in await refused(network, token[:-4])
    assert "invalid_token" in await refused(network, "")
    assert "invalid_token" in await refused(network, f"{token} {token}")


async def test_threat_21_a_token_for_a_service_is_good_for_no_other(network: Network) -> None:
    await network.register()
    token = await network.token(scope="nchf-spendinglimitcontrol")
    with pytest.raises(NotPermitted, match="insufficient_scope"):
        await network.call(token)
    with pytest.raises(NotPermitted):  # its scope says so, but its subject was not let
        await network.call(token, service=Service.SPENDING_LIMIT_CONTROL)


async def test_threat_21_a_verified_token_ends_at_its_time(network: Network) -> None:
    await network.register()
    token = await network.token()
    await network.call(token)
    network.now = NOW + HOUR - timedelta(seconds=1)
    await network.call(token)
    network.now = NOW + HOUR
    assert "invalid_token" in await refused(network, token)


async def test_threat_21_a_stolen_token_ends_with_its_network_function(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    await network.register()
    token = await network.token()
    await network.call(token)
    await network.remove()
    monkeypatch.setattr(register, "LIFETIME_S", 0.05)
    await asyncio.sleep(0.06)
    assert "invalid_token" in await refused(network, token)
    network.now = NOW + timedelta(minutes=1)
    await network.register(replace(SMF, registered_at=network.now))
    await asyncio.sleep(0.06)
    assert "invalid_token" in await refused(network, token)
    await network.call(await network.token())


async def test_a_token_for_somebody_else_is_refused(network: Network, at_once: None) -> None:
    await network.register()
    told = await network.yuzuri.networks.issue(SMF.id, SMF.id, CHARGING, NOW, HOUR)
    assert "invalid_token" in await refused(network, told)
    assert "invalid_token" in await refused(network, await network.token("nobody"))
    assert "invalid_token" in await refused(network, await network.token("demo"))


async def test_an_nrf_is_believed_as_long_as_it_is_trusted_and_with_one_key(
    network: Network, at_once: None
) -> None:
    def nrf_token(key: ECKey) -> str:
        claims: Mapping[str, Any] = {
            "iss": "nrf",
            "sub": SMF.id,
            "aud": "CHF",
            "scope": CHARGING,
            "exp": int(NOW.timestamp()) + 60,
        }
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(claims), key, ["ES256"])

    async def trust(key: ECKey, at: datetime) -> None:
        async with network.yuzuri.database.connection() as connection:
            public_key = parse_public_key(key.as_pem(private=False))
            await trust_issuer(connection, "nrf", public_key, at)

    first, second = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    await network.register()
    assert "invalid_token" in await refused(network, nrf_token(first))
    await trust(first, NOW)
    assert (await network.call(nrf_token(first))).id == SMF.id
    known = nrf_token(first)
    await network.call(known)
    await trust(second, NOW + timedelta(seconds=1))
    assert "invalid_token" in await refused(network, known)
    assert (await network.call(nrf_token(second))).id == SMF.id
    async with network.yuzuri.database.connection() as connection:
        await distrust_issuer(connection, "nrf")
    assert "invalid_token" in await refused(network, nrf_token(second))


async def test_two_machines_on_one_database_believe_each_other(
    network: Network, settings: Settings, database: Database
) -> None:
    await network.register()
    elsewhere = replace(settings, data=settings.data / "elsewhere")
    async with opened(elsewhere, database) as other:
        assert (await other.call(await network.token())).id == SMF.id
        assert (await network.call(await other.token())).id == SMF.id


# ---------------------------------------------------------------- certificates, and the demo


async def test_with_a_known_certificate_one_is_the_network_function_of_that_name(
    network: Network, at_once: None
) -> None:
    listener = replace(network.yuzuri.settings, client_ca=network.yuzuri.settings.data)
    network.yuzuri = replace(network.yuzuri, settings=listener)
    assert await refused(network, scheme="https") == 'Bearer realm="yuzuri"'
    await network.register(replace(SMF, id=CERTIFICATE_ID))
    assert (await network.call(scheme="https")).id == CERTIFICATE_ID
    assert await refused(network, scheme="http") == 'Bearer realm="yuzuri"'
    assert "invalid_token" in await refused(network, "no.good.token", scheme="https")


async def test_in_an_open_demo_this_machine_calls_and_no_other(
    settings: Settings, database: Database, at_once: None
) -> None:
    async with opened(replace(settings, network_open=True), database) as network:
        for service in Service:
            assert (await network.call(client="127.0.0.1", service=service)).id == "demo"
        caller = await network.call(client="::1")
        assert may_notify(caller, "http://127.0.0.1:9000/notify")
        assert not may_notify(caller, "http://10.0.0.5:9000/notify")
        for client in ("10.0.0.5", "0.0.0.0", "", "localhost"):
            assert await refused(network, client=client) == 'Bearer realm="yuzuri"'
        assert "invalid_token" in await refused(network, "no.good.token", client="127.0.0.1")
        assert "invalid_token" in await refused(network, await network.token("demo"))


# ---------------------------------------------------------------- the register


async def test_a_network_function_is_changed_by_adding_it_again(network: Network) -> None:
    await network.register()
    changed = replace(SMF, name="SMF", notify_origins=frozenset(), registered_at=NOW + HOUR)
    await network.register(changed)
    async with network.yuzuri.database.connection() as connection:
        assert await list_functions(connection) == [replace(changed, registered_at=NOW)]
        with pytest.raises(DomainError) as caught:
            await remove_function(connection, "nobody")
    assert caught.value.refusal.code is Code.NETWORK_FUNCTION_UNKNOWN


async def test_asking_again_reads_nothing(network: Network) -> None:
    await network.register()
    token = await network.token()
    await network.call(token)
    closed = replace(network.yuzuri, database=None)  # type: ignore[arg-type]
    network.yuzuri.networks._database = None  # type: ignore[assignment]
    network.yuzuri = closed
    assert (await network.call(token)).id == SMF.id


# ---------------------------------------------------------------- lines


async def test_a_supi_leads_to_one_line_and_a_number_does_too(database: Database) -> None:
    person, line = PersonId(new_id()), HolderId(new_id())
    async with database.connection() as connection:
        await add_person(connection, Person(person, "Aki", Language.EN, NOW))
        await add_line(
            connection,
            Line(id=line, person=person, operator="mineo", plan="mypita-1gb",
                 number="+819000000001", label="eSIM", activated_at=NOW),
        )  # fmt: skip
        await add_identity(connection, "imsi-440101234567890", line)
    async with database.connection() as connection:
        assert await find_line_of(connection, "imsi-440101234567890", None) == line
        assert await find_line_of(connection, None, "msisdn-819000000001") == line
        assert await find_line_of(connection, "nai-a@example", "msisdn-819000000001") == line
        assert await find_line_of(connection, "imsi-440109999999999", None) is None
        assert await find_line_of(connection, None, "extid-a@example") is None
        assert await find_line_of(connection, None, None) is None
    async with database.connection() as connection:
        with pytest.raises(DomainError) as caught:
            await add_identity(connection, "imsi-440101234567890", HolderId(new_id()))
        await connection.rollback()
    assert caught.value.refusal.code is Code.SUPI_TAKEN


async def test_a_line_keeps_its_supi_whatever_a_server_is_made_to_do(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute("DELETE FROM network_identity")
        await connection.rollback()
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute("UPDATE network_identity SET line = gen_random_uuid()")
        await connection.rollback()
