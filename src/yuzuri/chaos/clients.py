"""Clients over HTTP, each a thread: they send what was not answered again, until it is.

A client takes a wish (one gift, to be offered and then accepted, declined or cancelled), names each
of its requests by a key, and keeps to the key however often it has to ask.
"""

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from yuzuri.chaos.acknowledgements import Acknowledged, AcknowledgementLog, Step
from yuzuri.chaos.books import wish_message
from yuzuri.chaos.people import STEP_BYTES, Customer, People

TIMEOUT_S = (1.0, 5.0)
"""How long a client waits for an answer, differently each time, before it asks again."""

IMPATIENT_SHARE = 0.03
IMPATIENT_S = (0.005, 0.05)
"""So many hang up before they are answered, as on a bad line; what they asked may be done."""

PAUSE_S = 0.01
"""How long it waits at least before it asks again; at most, that times the number of clients.

All of them together press the server, and leave it room to start.
"""

ENDINGS = (Step.ACCEPT, Step.ACCEPT, Step.DECLINE, Step.CANCEL)

_PATH = {Step.ACCEPT: "accept", Step.DECLINE: "decline", Step.CANCEL: "cancel"}


@dataclass
class Load:
    """What all clients share."""

    host: str
    port: int
    people: People
    log: AcknowledgementLog
    clients: int
    new_key_at_retry: bool = False
    wishes: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    last_wish: threading.Event = field(default_factory=threading.Event)
    """Set: no client begins another wish."""
    given_up: threading.Event = field(default_factory=threading.Event)
    """Set: no client asks again."""
    retries: "Counter[str]" = field(default_factory=Counter)
    """How often a client had to ask again, by why."""
    unexpected: "Counter[str]" = field(default_factory=Counter)
    """Answers that are neither success nor "try again"; an honest run has none."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, counter: "Counter[str]", what: str) -> None:
        """Add one, from any thread."""
        with self._lock:
            counter[what] += 1


class Client(threading.Thread):
    """Pursues one wish after the other."""

    def __init__(self, load: Load, random: Random) -> None:
        super().__init__(daemon=True)
        self._load = load
        self._random = random
        self._connection = http.client.HTTPConnection(load.host, load.port)

    def run(self) -> None:
        """Work until the last wish."""
        while not self._load.last_wish.is_set():
            self._pursue(next(self._load.wishes))
        self._connection.close()

    def _pursue(self, wish: int) -> None:
        giver = self._random.choice(self._load.people.givers)
        receiver = self._random.choice(self._load.people.receivers)
        offer = {
            "from_line": giver.line,
            "to_line": receiver.line,
            "amount": STEP_BYTES,
            "unit": "data",
            "message": wish_message(wish),
        }
        gift = self._ask(wish, Step.OFFER, giver, "/v1/gifts", offer)
        if gift is not None:
            ending = self._random.choice(ENDINGS)
            who = giver if ending is Step.CANCEL else receiver
            self._ask(wish, ending, who, f"/v1/gifts/{gift}/{_PATH[ending]}", None)

    def _ask(self, wish: int, step: Step, who: Customer, path: str, body: Any) -> str | None:
        """Ask until there is an answer; returns the gift's id where it is one of success."""
        key = f"{wish}-{step}"
        for attempt in itertools.count():
            if self._load.given_up.is_set():
                break
            if self._load.new_key_at_retry and attempt:
                key = f"{wish}-{step}-{attempt}"
            sent_at = time.monotonic()
            try:
                status, answer = self._post(path, body, who.token, key)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._try_again(type(error).__name__)
                continue
            if status in {200, 201}:
                gift = str(answer["id"])
                answered_at = time.monotonic()
                self._load.log.append(
                    Acknowledged(
                        wish=wish, step=step, gift=gift, sent_at=sent_at, answered_at=answered_at
                    )
                )
                return gift
            said = f"{status} {answer.get('code')}"
            if status != 503 and answer.get("code") != "request.in_flight":
                self._load.count(self._load.unexpected, f"{step}: {said}")
                break
            self._try_again(said)
        return None

    def _post(self, path: str, body: Any, token: str, key: str) -> tuple[int, Any]:
        connection = self._connection
        is_impatient = self._random.random() < IMPATIENT_SHARE
        connection.timeout = self._random.uniform(*(IMPATIENT_S if is_impatient else TIMEOUT_S))
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": key,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        connection.request("POST", path, json.dumps(body) if body else None, headers)
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())

    def _try_again(self, why: str) -> None:
        self._load.count(self._load.retries, why)
        time.sleep(self._random.uniform(PAUSE_S, PAUSE_S * self._load.clients))


def start_clients(load: Load, seed: int) -> list[Client]:
    """Let all clients work."""
    clients = [Client(load, Random(f"client {index} of {seed}")) for index in range(load.clients)]  # noqa: S311
    for client in clients:
        client.start()
    return clients
