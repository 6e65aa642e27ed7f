"""Nchf_ConvergedCharging as a plain ASGI application: bytes in, one command, bytes out.

A phone waits for it before its next bytes are let through, so nothing stands between it and the
road: no framework, one decoder and one encoder.
"""

import asyncio
from http import HTTPStatus

from litestar.types import HTTPScope, Receive, Send

from yuzuri.api.asgi import (
    IS_JSON,
    Answer,
    NotJson,
    TooLarge,
    own_root,
    read_json,
)
from yuzuri.api.nchf import problems
from yuzuri.api.nchf.answers import answer_event, answer_session
from yuzuri.api.nchf.exchange import (
    check_message,
    country_of,
    events_in,
    name_message,
    name_session,
    used_in,
    wanted_in,
)
from yuzuri.api.nchf.serving import serve_known
from yuzuri.api.nchf.wire import (
    ChargingDataRequest,
    ChargingDataResponse,
    decode_request,
    encode_answer,
)
from yuzuri.api.network.authentication import (
    NetworkCaller,
    may_notify,
)
from yuzuri.charging.sessions import (
    Charged,
    ChargingCommand,
    ChargingOutcome,
    EndSession,
    Grant,
    GrantResult,
    OpenSession,
    UpdateSession,
)
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Id, SessionId
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.network_identities import find_line_of

SERVICE = "nchf-convergedcharging"
BASE_PATH = f"/{SERVICE}/v3/"
"""Where it is served, by the standard."""
BODY_BYTES_MAX = 256 * 1024
"""Room for thousands of reports in one message."""

_IN_FLIGHT_PAUSE_S = 0.02
_IN_FLIGHT_PAUSES_MAX = 250


async def serve_charging(yuzuri: Yuzuri, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Answer one request under `BASE_PATH`; nobody is served who is not known."""
    await serve_known(yuzuri, scope, receive, send, SERVICE, _serve)


async def _serve(
    yuzuri: Yuzuri, caller: NetworkCaller, scope: HTTPScope, receive: Receive
) -> Answer:
    match scope["path"].removeprefix(BASE_PATH).split("/"):
        case ["chargingdata"]:
            message = await _read_message(scope, receive)
            return await _create(yuzuri, caller, scope, message)
        case ["chargingdata", reference, "update"]:
            message = await _read_message(scope, receive)
            return await _update(yuzuri, caller, reference, message)
        case ["chargingdata", reference, "release"]:
            message = await _read_message(scope, receive)
            return await _release(yuzuri, caller, reference, message)
        case _:
            raise problems.unknown_path()


# ---------------------------------------------------------------- what is asked


async def _create(
    yuzuri: Yuzuri, caller: NetworkCaller, scope: HTTPScope, message: ChargingDataRequest
) -> Answer:
    uri = message.notify_uri
    if uri is not None and not may_notify(caller, uri):
        raise problems.invalid("/notifyUri", "is at no address that its sender has registered")
    line = await _find_line(yuzuri, message)
    session = name_session(message, caller.id, line)
    if message.one_time_event:
        answer = await _charge_events(yuzuri, caller, message, line, session)
    else:
        opening = OpenSession(
            session=session,
            line=line,
            network_function=caller.id,
            notify_uri=uri,
            country=country_of(message),
            sequence=message.invocation_sequence_number,
            wanted=wanted_in(message, yuzuri.rating),
        )
        outcome = await _submit(yuzuri, caller, name_message(message, session, "open", ()), opening)
        if isinstance(outcome, Refusal):
            raise problems.refused(outcome.code)
        answer = answer_session(message, outcome.grants, yuzuri.rating, yuzuri.clock())
    location = f"{own_root(scope)}{BASE_PATH}chargingdata/{line}.{session}".encode()
    return Answer(HTTPStatus.CREATED, (IS_JSON, (b"location", location)), encode_answer(answer))


async def _charge_events(
    yuzuri: Yuzuri,
    caller: NetworkCaller,
    message: ChargingDataRequest,
    line: HolderId,
    name: SessionId,
) -> ChargingDataResponse:
    """Charge each rating group of a one-time event for itself: one may be paid, another not."""
    grants: list[Grant] = []
    for event in events_in(message, yuzuri.rating, caller.id, line, name):
        outcome = await _submit(yuzuri, caller, f"{event.event.hex()} event", event)
        if isinstance(outcome, Charged):
            grants.extend(outcome.grants)
        elif outcome.code is Code.BALANCE_NOT_ENOUGH:
            grants.append(Grant(event.rating_group, GrantResult.LIMIT_REACHED))
        else:
            raise problems.refused(outcome.code)
    return answer_event(message, grants, yuzuri.rating, yuzuri.clock())


async def _update(
    yuzuri: Yuzuri, caller: NetworkCaller, reference: str, message: ChargingDataRequest
) -> Answer:
    line, session = _parse_reference(reference)
    used = used_in(message, yuzuri.rating)
    command = UpdateSession(
        session=session,
        line=line,
        network_function=caller.id,
        sequence=message.invocation_sequence_number,
        used=used,
        wanted=wanted_in(message, yuzuri.rating),
        country=country_of(message),
    )
    key = name_message(message, session, "update", used)
    outcome = await _submit(yuzuri, caller, key, command)
    if isinstance(outcome, Refusal):
        raise problems.refused(outcome.code)
    answer = answer_session(message, outcome.grants, yuzuri.rating, yuzuri.clock())
    return Answer(HTTPStatus.OK, (IS_JSON,), encode_answer(answer))


async def _release(
    yuzuri: Yuzuri, caller: NetworkCaller, reference: str, message: ChargingDataRequest
) -> Answer:
    line, session = _parse_reference(reference)
    used = used_in(message, yuzuri.rating)
    command = EndSession(
        session=session,
        line=line,
        network_function=caller.id,
        sequence=message.invocation_sequence_number,
        used=used,
    )
    key = name_message(message, session, "release", used)
    outcome = await _submit(yuzuri, caller, key, command)
    if isinstance(outcome, Refusal):
        raise problems.refused(outcome.code)
    return Answer(HTTPStatus.NO_CONTENT)


async def _submit(
    yuzuri: Yuzuri, caller: NetworkCaller, key: str, command: ChargingCommand
) -> ChargingOutcome:
    """Send a command down the road; a repeat that overtakes the first waits for its reply."""
    for _ in range(_IN_FLIGHT_PAUSES_MAX):
        try:
            return await yuzuri.submit(caller.client, key, command)
        except DomainError as error:
            if error.refusal.code is not Code.REQUEST_IN_FLIGHT:
                raise
        await asyncio.sleep(_IN_FLIGHT_PAUSE_S)
    raise problems.unavailable()


async def _find_line(yuzuri: Yuzuri, message: ChargingDataRequest) -> HolderId:
    supi, pdu, gpsi = message.subscriber_identifier, message.pdu_session, None
    if pdu is not None and pdu.user_information is not None:
        gpsi = pdu.user_information.served_gpsi
    if supi is None and gpsi is None:
        raise problems.invalid("/subscriberIdentifier", "is missing", cause="MANDATORY_IE_MISSING")
    async with yuzuri.database.connection() as connection:
        line = await find_line_of(connection, supi, gpsi)
    if line is None:
        raise problems.unknown_user()
    return line


# ---------------------------------------------------------------- bytes


def _parse_reference(text: str) -> tuple[HolderId, SessionId]:
    """Read a reference that a `Location` has told: nothing needs to be looked up."""
    line, _, session = text.partition(".")
    try:
        parts = bytes.fromhex(line.replace("-", "")), bytes.fromhex(session.replace("-", ""))
    except ValueError:
        raise problems.unknown_session() from None
    # A session lives where its line does.
    if not (len(parts[0]) == len(parts[1]) == 16 and parts[0][14:] == parts[1][14:]):
        raise problems.unknown_session()
    return HolderId(Id(parts[0])), SessionId(Id(parts[1]))


async def _read_message(scope: HTTPScope, receive: Receive) -> ChargingDataRequest:
    """Read the message; raises `NotServed` for what is none."""
    if scope["method"] != "POST":
        raise problems.method_not_allowed()
    try:
        message = decode_request(await read_json(scope, receive, BODY_BYTES_MAX))
    except NotJson:
        raise problems.not_json() from None
    except TooLarge:
        raise problems.too_large() from None
    except (ValueError, RecursionError) as error:
        raise problems.unreadable(error) from error
    check_message(message)
    return message
