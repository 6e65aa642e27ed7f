"""Networks are told that a session may ask again: over HTTP/2, signed, only where registered."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from tests.conftest import Server
from tests.contract.official import assert_as_described
from tests.journeys.receiver import Receiver, receiving
from tests.journeys.served import beside

from yuzuri.jobs.notifying import ATTEMPTS_MAX, backoff, keep_notifying
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import Id, new_id
from yuzuri.networks.functions import (
    NetworkFunction,
    Service,
    register_function,
    remove_function,
)
from yuzuri.networks.keys import load_signing_key
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

SOON_S = 20.0
SMF = "b4d3a9a6-3c55-4a0f-8a68-6f0f34f5d1f0"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def notifying_url(server: Server, template: str) -> Iterator[str]:
    name = f"yuzuri_notifying_{uuid.uuid4().hex}"
    server.create(name, template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="module")
def notifying_settings(notifying_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data: Path = tmp_path_factory.mktemp("notifying")
    return Settings(data=data, database_url=notifying_url)


@pytest.fixture
async def yuzuri(notifying_settings: Settings, receiver: Receiver) -> AsyncIterator[Yuzuri]:
    """A Yuzuri of which the receiver is a registered SMF, and nothing is waiting."""
    async with beside(notifying_settings) as yuzuri:
        async with yuzuri.database.connection() as connection:
            await connection.execute("DELETE FROM reauthorization")
            await register_function(connection, smf(receiver.origin))
        yield yuzuri


def smf(*origins: str) -> NetworkFunction:
    return NetworkFunction(
        SMF, "SMF", frozenset({Service.CONVERGED_CHARGING}), frozenset(origins), utc_now()
    )


@contextlib.asynccontextmanager
async def notifying(*yuzuris: Yuzuri) -> AsyncIterator[None]:
    """Tell what is due, by as many processes as there are Yuzuris."""
    jobs = [asyncio.create_task(keep_notifying(yuzuri, 0.02)) for yuzuri in yuzuris]
    try:
        yield
        assert not any(job.done() for job in jobs)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def ask(
    yuzuri: Yuzuri,
    uri: str | None,
    groups: dict[int, bool] | None = None,
    *,
    has_ended: bool = False,
    network_function: str = SMF,
) -> Id:
    """A session with rating groups (which of them wait), whose network is to be told at once."""
    session, line, at = new_id(), new_id(), utc_now()
    async with yuzuri.database.connection() as connection:
        await connection.execute(
            "INSERT INTO charging_session VALUES (0, %s, %s, 'mineo', %s, %s, 'JP', 0, %s, %s)",
            (session, line, network_function, uri, at, at if has_ended else None),
        )
        for group, is_waiting in (groups or {}).items():
            await connection.execute(
                "INSERT INTO charging_quota (home, session, rating_group, id, line, unit, granted,"
                " used, returned, overrun, unpaid, from_pool, sequence, seen, reported_at,"
                " is_waiting) VALUES (0, %s, %s, %s, %s, 'data', 0, 0, 0, 0, 0, 0, 0, 0, %s, %s)",
                (session, group, new_id(), line, at, is_waiting),
            )
        await connection.execute(
            "INSERT INTO reauthorization (home, session, asked_at, due_at) VALUES (0, %s, %s, %s)",
            (session, at, at),
        )
    return session


async def waiting(yuzuri: Yuzuri) -> dict[Id, int]:
    """How often each session's network has been tried that is still to be told."""
    async with yuzuri.database.connection() as connection:
        cursor = await connection.execute("SELECT session, attempts FROM reauthorization")
        return {Id(row[0]): row[1] async for row in cursor}


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    give_up_at = time.monotonic() + SOON_S
    while not await is_so():
        assert time.monotonic() < give_up_at, "it has not come to that"
        await asyncio.sleep(0.02)


async def until_told(yuzuri: Yuzuri) -> None:
    async def is_told() -> bool:
        return not await waiting(yuzuri)

    await until(is_told)


async def until_tried(yuzuri: Yuzuri, session: Id) -> None:
    """Until an attempt has come to its end: it failed, and the next is put off a little."""

    async def is_tried() -> bool:
        async with yuzuri.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT attempts > 0 AND due_at < now() + interval '5 s'"
                " FROM reauthorization WHERE session = %s",
                (session,),
            )
            row = await cursor.fetchone()
        return row is not None and bool(row[0])

    await until(is_tried)


# ---------------------------------------------------------------- what is told


async def test_a_network_is_told_which_rating_groups_may_ask_again(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    await ask(yuzuri, f"{receiver.origin}/ok/waiting", {1: True, 2: False, 10: True})
    await ask(yuzuri, f"{receiver.origin}/ok/all", {1: False, 2: False})
    await ask(yuzuri, f"{receiver.origin}/ok/none?secret=1", {})
    async with notifying(yuzuri):
        await until_told(yuzuri)
    groups = {"/ok/waiting": [1, 10], "/ok/all": [1, 2], "/ok/none": []}
    for path, expected in groups.items():
        (request,) = receiver.received(path)
        assert request["version"] == "2"
        assert request["headers"]["content-type"] == "application/json"
        body = request["body"]
        assert body["notificationType"] == "REAUTHORIZATION"
        told = [detail["ratingGroup"] for detail in body.get("reauthorizationDetails", [])]
        assert told == expected
        assert_as_described(
            "3gpp/TS32291_Nchf_ConvergedCharging.yaml",
            "/components/schemas/ChargingNotifyRequest",
            body,
        )


async def test_it_is_signed_for_this_network_function_and_not_for_long(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    await ask(yuzuri, f"{receiver.origin}/ok/signed", {1: True})
    async with notifying(yuzuri):
        await until_told(yuzuri)
    (request,) = receiver.received("/ok/signed")
    scheme, _, token = request["headers"]["authorization"].partition(" ")
    key = ECKey.import_key(load_signing_key(yuzuri.settings.data).as_dict(private=False))
    claims = jws.deserialize_compact(token, key, ["ES256"]).payload
    said = json.loads(claims)
    assert (scheme, said["aud"]) == ("Bearer", SMF)
    assert time.time() < said["exp"] < time.time() + 120


async def test_of_two_processes_one_tells_each_session(
    yuzuri: Yuzuri, notifying_settings: Settings, receiver: Receiver
) -> None:
    for number in range(40):
        await ask(yuzuri, f"{receiver.origin}/ok/two/{number}", {1: True})
    async with beside(notifying_settings) as other, notifying(yuzuri, other):
        await until_told(yuzuri)
    paths = [request["path"] for request in receiver.received("/ok/two")]
    assert sorted(paths) == sorted(f"/ok/two/{number}" for number in range(40))


async def test_what_fails_is_tried_again(yuzuri: Yuzuri, receiver: Receiver) -> None:
    await ask(yuzuri, f"{receiver.origin}/busy/once", {1: True})
    async with notifying(yuzuri):
        await until_told(yuzuri)
    assert len(receiver.received("/busy/once")) == 2


def test_it_is_tried_later_and_later() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in range(1, ATTEMPTS_MAX)]
    assert waits[:8] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert max(waits) == 30


async def test_after_twenty_attempts_it_is_given_up(yuzuri: Yuzuri, receiver: Receiver) -> None:
    session = await ask(yuzuri, f"{receiver.origin}/redirect/given-up", {1: True})
    async with yuzuri.database.connection() as connection:
        await connection.execute(
            "UPDATE reauthorization SET attempts = %s WHERE session = %s",
            (ATTEMPTS_MAX - 1, session),
        )
    async with notifying(yuzuri):
        await until_told(yuzuri)
    assert len(receiver.received("/redirect/given-up")) == 1


async def test_there_is_nothing_to_tell_of_a_session_that_is_over_or_unknown(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    await ask(yuzuri, f"{receiver.origin}/ok/ended", {1: True}, has_ended=True)
    await ask(yuzuri, None, {1: True})
    await ask(yuzuri, f"{receiver.origin}/gone/1", {1: True})
    async with notifying(yuzuri):
        await until_told(yuzuri)
    assert receiver.received("/ok/ended") == []
    assert len(receiver.received("/gone")) == 1


async def test_what_is_asked_again_while_it_is_told_is_told_again(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    session = await ask(yuzuri, f"{receiver.origin}/silent/again", {1: True})

    async def is_under_way() -> bool:
        return bool(receiver.received("/silent/again"))

    async def ask_again() -> None:
        async with yuzuri.database.connection() as connection:
            await connection.execute(
                "UPDATE charging_session SET notify_uri = %s WHERE id = %s",
                (f"{receiver.origin}/ok/again", session),
            )
            await connection.execute(
                "UPDATE reauthorization SET asked_at = %(at)s, due_at = %(at)s, attempts = 0",
                {"at": utc_now()},
            )

    async with notifying(yuzuri):
        await until(is_under_way)
        await ask_again()
        await until_told(yuzuri)
    assert len(receiver.received("/ok/again")) == 1


# ---------------------------------------------------------------- what is never done


async def test_threat_23_a_redirect_is_not_followed(yuzuri: Yuzuri, receiver: Receiver) -> None:
    session = await ask(yuzuri, f"{receiver.origin}/redirect/1", {1: True})
    async with notifying(yuzuri):
        await until_tried(yuzuri, session)
    assert receiver.received("/ok/redirected") == []


async def test_threat_23_nothing_is_sent_to_an_address_that_is_not_registered(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    at = f"{receiver.origin}/ok/unregistered"
    elsewhere = at.replace("127.0.0.1", "localhost")
    sessions = [
        await ask(yuzuri, elsewhere, {1: True}),
        await ask(yuzuri, at, {1: True}, network_function="nobody"),
        await ask(yuzuri, at, {1: True}, network_function="demo"),
    ]
    async with notifying(yuzuri):
        for session in sessions:
            await until_tried(yuzuri, session)
    assert receiver.received("/ok/unregistered") == []


@pytest.mark.parametrize("is_removed", [True, False])
async def test_threat_23_an_address_that_is_registered_no_more_is_told_no_more(
    yuzuri: Yuzuri, receiver: Receiver, is_removed: bool
) -> None:
    session = await ask(yuzuri, f"{receiver.origin}/ok/removed", {1: True})
    async with yuzuri.database.connection() as connection:
        if is_removed:
            await remove_function(connection, SMF)
        else:
            await register_function(connection, smf("http://10.0.0.5:29502"))
    async with notifying(yuzuri):
        await until_tried(yuzuri, session)
    assert receiver.received("/ok/removed") == []


async def test_an_answer_without_an_end_and_none_at_all_keep_nobody_waiting(
    yuzuri: Yuzuri, receiver: Receiver
) -> None:
    await ask(yuzuri, f"{receiver.origin}/flood/1", {1: True})
    silent = await ask(yuzuri, f"{receiver.origin}/silent/1", {1: True})
    await ask(yuzuri, f"{receiver.origin}/ok/beside", {1: True})
    async with notifying(yuzuri):

        async def others_are_told() -> bool:
            return set(await waiting(yuzuri)) == {silent}

        await until(others_are_told)
    assert len(receiver.received("/ok/beside")) == 1


async def test_nobody_there_ends_nothing_and_names_no_query(
    yuzuri: Yuzuri, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = "http://127.0.0.1:9"
    async with yuzuri.database.connection() as connection:
        await register_function(connection, smf(nowhere, receiver.origin))
    caplog.set_level("DEBUG", "yuzuri")
    caplog.set_level("INFO", "httpx")
    session = await ask(yuzuri, f"{nowhere}/ok?token=s3cret", {1: True})
    async with notifying(yuzuri):
        await until_tried(yuzuri, session)
        await ask(yuzuri, f"{receiver.origin}/ok/after", {1: True})

        async def others_are_told() -> bool:
            return set(await waiting(yuzuri)) == {session}

        await until(others_are_told)
    assert "s3cret" not in caplog.text
