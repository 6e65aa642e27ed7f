"""A network function at a real server: HTTP/2 in clear and with TLS, tokens, certificates."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.authority import Authority, Certified
from tests.journeys.receiver import receiving
from tests.journeys.served import ServedYuzuri, beside, free_port, serving
from tests.journeys.test_command_line import PROGRAM
from tests.journeys.test_notifying import ask, notifying, smf, until_told, until_tried, waiting

from yuzuri.cli.commands import command_line
from yuzuri.cli.serving import as_environment, say_how_networks_enter
from yuzuri.kernel.calendar import utc_now
from yuzuri.networks.functions import (
    CERTIFICATE_ID,
    NetworkFunction,
    Service,
    register_function,
    remove_function,
)
from yuzuri.networks.register import LIFETIME_S
from yuzuri.networks.tokens import AUDIENCE
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

CHARGING = "/nchf-convergedcharging/v3/chargingdata"
START_TIMEOUT_S = 60.0
KNOWN = 400
"""What an empty message is answered with, to whom is let in."""


def http2(url: str, **more: Any) -> httpx.Client:
    """A client that speaks HTTP/2 and nothing else: in clear by prior knowledge."""
    return httpx.Client(
        base_url=url, http1=False, http2=True, trust_env=False, timeout=START_TIMEOUT_S, **more
    )


async def register(yuzuri: Yuzuri, function: str) -> None:
    services = frozenset({str(Service.CONVERGED_CHARGING)})
    new = NetworkFunction(function, function, services, frozenset(), utc_now())
    async with yuzuri.database.connection() as connection:
        await register_function(connection, new)


async def token_of(yuzuri: Yuzuri, function: str) -> dict[str, str]:
    scope = str(Service.CONVERGED_CHARGING)
    at, hour = yuzuri.clock(), timedelta(hours=1)
    token = await yuzuri.networks.issue(function, AUDIENCE, scope, at, hour)
    return {"Authorization": f"Bearer {token}"}


def until_answered(client: httpx.Client, status: int, headers: dict[str, str]) -> float:
    """Ask until this is the answer; returns after how many seconds it was."""
    began = time.monotonic()
    while client.post(CHARGING, json={}, headers=headers).status_code != status:
        assert time.monotonic() < began + 2 * LIFETIME_S, "the answer does not change"
        time.sleep(0.05)
    return time.monotonic() - began


# ---------------------------------------------------------------- in clear


async def test_threat_21_in_clear_a_token_is_needed_and_ends_with_its_network_function(
    served: ServedYuzuri, beside_served: Yuzuri
) -> None:
    await register(beside_served, "smf-in-clear")
    token = await token_of(beside_served, "smf-in-clear")
    with http2(served.url) as client:
        refused = client.post(CHARGING, json={})
        assert (refused.status_code, refused.http_version) == (401, "HTTP/2")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        until_answered(client, KNOWN, token)
        async with beside_served.database.connection() as connection:
            await remove_function(connection, "smf-in-clear")
        until_answered(client, 401, token)


async def test_an_open_demo_lets_this_machine_in_but_no_wrong_token(
    served_database_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path, database_url=served_database_url, demo=True, network_open=True
    )
    with serving(settings) as served, http2(served.url) as client:
        assert client.post(CHARGING, json={}).status_code == KNOWN
        wrong = {"Authorization": "Bearer no.good.token"}
        assert client.post(CHARGING, json={}, headers=wrong).status_code == 401


# ---------------------------------------------------------------- with TLS


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the core's own network functions."""
    return Authority(tmp_path_factory.mktemp("authorities"), "core")


@pytest.fixture(scope="module")
def chf(core: Authority) -> Certified:
    return core.certify("chf")


@contextlib.contextmanager
def serving_tls(settings: Settings) -> Iterator[str]:
    """`yuzuri serve`, as an operator runs it; gives its URL once it listens."""
    port = free_port()
    command = [*PROGRAM, "serve", "--port", str(port)]
    environment = os.environ | as_environment(settings)
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    url, trust = f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=settings.client_ca)
    assert settings.tls_certificate is not None
    trust.load_cert_chain(settings.tls_certificate, settings.tls_key)
    give_up_at = time.monotonic() + START_TIMEOUT_S
    try:
        while True:
            assert process.poll() is None, "the server has ended before it was ready"
            assert time.monotonic() < give_up_at, "the server was not ready in time"
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/health", verify=trust, trust_env=False)
                break
            time.sleep(0.1)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


async def test_threat_21_with_client_certificates_only_those_of_the_core_get_in(
    served_database_url: str, core: Authority, chf: Certified, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path,
        database_url=served_database_url,
        tls_certificate=chf.certificate,
        tls_key=chf.key,
        client_ca=core.file,
    )
    stranger = Authority(tmp_path, "stranger").certify("smf")

    def trusting(certified: Certified | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=core.file)
        if certified is not None:
            context.load_cert_chain(*certified.files)
        return context

    async with beside(settings) as yuzuri:
        await register(yuzuri, CERTIFICATE_ID)
        await register(yuzuri, "smf-with-tls")
        token = await token_of(yuzuri, "smf-with-tls")
    with serving_tls(settings) as url:
        with http2(url, verify=trusting(core.certify("smf"))) as client:
            answer = client.post(CHARGING, json={})
            assert (answer.status_code, answer.http_version) == (KNOWN, "HTTP/2")
            assert client.post(CHARGING, json={}, headers=token).status_code == KNOWN
            wrong = {"Authorization": "Bearer no.good.token"}
            assert client.post(CHARGING, json={}, headers=wrong).status_code == 401
        for outsider in (None, stranger):
            with (
                http2(url, verify=trusting(outsider)) as client,
                pytest.raises(httpx.TransportError),
            ):
                client.post(CHARGING, json={}, headers=token)
        in_clear = url.replace("https", "http")
        with http2(in_clear) as client, pytest.raises(httpx.TransportError):
            client.post(CHARGING, json={}, headers=token)


async def test_a_network_is_told_over_tls_only_if_its_certificate_is_known(
    served_database_url: str, core: Authority, chf: Certified, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path,
        database_url=served_database_url,
        tls_certificate=chf.certificate,
        tls_key=chf.key,
        client_ca=core.file,
    )
    own = core.certify("receiver")
    options = ["--ssl-certificate", str(own.certificate), "--ssl-keyfile", str(own.key),
               "--ssl-ca", str(core.file), "--ssl-client-verify"]  # fmt: skip
    trust = ssl.create_default_context(cafile=core.file)
    trust.load_cert_chain(*chf.files)
    with receiving(*options, verify=trust) as receiver:
        async with beside(settings) as yuzuri:
            async with yuzuri.database.connection() as connection:
                await register_function(connection, smf(receiver.origin))
            session = await ask(yuzuri, f"{receiver.origin}/ok/tls", {1: True})
            async with beside(replace(settings, client_ca=None)) as unknowing:
                async with notifying(unknowing):
                    await until_tried(yuzuri, session)
                assert list(await waiting(yuzuri)) == [session]
            assert receiver.received("/ok/tls") == []
            async with notifying(yuzuri):
                await until_told(yuzuri)
        (request,) = receiver.received("/ok/tls")
        assert request["version"] == "2"


# ---------------------------------------------------------------- from the command line


@pytest.fixture
def yuzuri_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command here, and returns what it said; `status` 2: why it was refused."""
    for name, value in (as_environment(settings) | {"COLUMNS": "200"}).items():
        monkeypatch.setenv(name, value)

    def say(*arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["yuzuri", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line()
        said = capsys.readouterr()
        assert ended.value.code == status, said
        return (said.err if status else said.out).strip()

    return say


def test_a_network_function_from_the_command_line(
    yuzuri_says: Callable[..., str], tmp_path: Path
) -> None:
    services = ("--service", "nchf-convergedcharging")
    yuzuri_says("network", "add", "smf-1", *services, "--notify", "http://10.0.0.5:29502")
    assert yuzuri_says("network", "token", "smf-1").count(".") == 2
    listed = yuzuri_says("network", "list")
    for told in ("smf-1", "http://10.0.0.5:29502", "nchf-convergedcharging", "this installation"):
        assert told in listed
    wrong = ("network", "add", "x", *services, "--notify", "http://a/b")
    assert "http://a/b" in yuzuri_says(*wrong, status=2)
    yuzuri_says("network", "add", "demo", *services, status=2)
    yuzuri_says("network", "add", "x", "--service", "everything", status=2)
    assert "nobody" in yuzuri_says("network", "token", "nobody", status=2)
    yuzuri_says("network", "remove", "smf-1")
    assert "smf-1" in yuzuri_says("network", "remove", "smf-1", status=2)


def test_a_token_issuer_from_the_command_line(
    yuzuri_says: Callable[..., str], tmp_path: Path
) -> None:
    yuzuri_says("network", "trust", "nrf-1", str(Authority(tmp_path, "nrf").file))
    assert "nrf-1" in yuzuri_says("network", "list")
    yuzuri_says("network", "distrust", "nrf-1")
    assert "nrf-1" in yuzuri_says("network", "distrust", "nrf-1", status=2)
    assert "P-256" in yuzuri_says("network", "trust", "nrf-1", sys.executable, status=2)


def test_two_lines_never_share_a_supi(yuzuri_says: Callable[..., str]) -> None:
    person = yuzuri_says("people", "add", "Aki")
    add = ("lines", "add", person, "yuzuri-mobile/monthly")
    supi = ("--supi", "imsi-440101234567890")
    yuzuri_says(*add, "090-0000-0001", *supi)
    again = yuzuri_says(*add, "090-0000-0002", *supi, status=2)
    assert "imsi-440101234567890 already belongs to a line" in again
    wrong = yuzuri_says(*add, "090-0000-0002", "--supi", "44010", status=2)
    assert "is not a SUPI" in wrong
    yuzuri_says(*add, "090-0000-0002")  # nothing of it was kept


@pytest.mark.parametrize(
    ("chosen", "way"),
    [
        ({}, "signed token"),
        ({"tls_certificate": Path("chf.pem"), "tls_key": Path("chf.key")}, "signed token"),
        ({"client_ca": Path("core-ca.pem")}, "without a certificate"),
        ({"client_ca": Path("core-ca.pem"), "network_open": True}, "without a certificate"),
        ({"network_open": True}, "Every program of this machine"),
    ],
)
def test_serve_says_how_a_network_is_let_in(
    settings: Settings, chosen: dict[str, Any], way: str
) -> None:
    assert way in say_how_networks_enter(replace(settings, **chosen))
