"""What every service of a charging function has in common: who calls, and what went wrong."""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from litestar.types import HTTPScope, Receive, Send
from psycopg import OperationalError

from yuzuri.api.asgi import Answer, send_answer
from yuzuri.api.nchf import problems
from yuzuri.api.nchf.problems import NotServed
from yuzuri.api.network.authentication import (
    NetworkCaller,
    NotAuthenticated,
    NotPermitted,
    authenticate,
)
from yuzuri.db import DatabaseUnavailable
from yuzuri.kernel.errors import DomainError
from yuzuri.runtime.running import Yuzuri

Serve = Callable[[Yuzuri, NetworkCaller, HTTPScope, Receive], Awaitable[Answer]]
"""Answers one request of somebody who may use the service; raises `NotServed`, `DomainError`."""

_IS_PROBLEM = (b"content-type", b"application/problem+json")

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


async def serve_known(
    yuzuri: Yuzuri, scope: HTTPScope, receive: Receive, send: Send, service: str, serve: Serve
) -> None:
    """Answer one request by `serve`, if whoever calls may use a service; else say why not."""
    try:
        caller = await authenticate(yuzuri, scope, service)
        answer = await serve(yuzuri, caller, scope, receive)
    except NotServed as error:
        answer = _tell(error)
    except NotAuthenticated as error:
        answer = _tell(problems.not_authenticated(error.challenge))
    except NotPermitted as error:
        answer = _tell(problems.not_permitted(error.challenge))
    except DomainError as error:
        answer = _tell(problems.refused(error.refusal.code))
    except (DatabaseUnavailable, OperationalError) as error:
        _log.warning("no database for %s: %s", scope["path"], error)
        answer = _tell(problems.unavailable())
    except Exception:  # noqa: BLE001 - a network is answered in its own words, whatever it is
        _log.exception("unexpected at %s", scope["path"])
        answer = _tell(problems.defect())
    await send_answer(send, answer)


def _tell(error: NotServed) -> Answer:
    return Answer(error.status, (_IS_PROBLEM, *error.headers), _encode(error.problem))
