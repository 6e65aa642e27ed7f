"""A small charging function: so many bytes, seconds and messages a line, granted part by part."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from yuzuri.simulator.http2 import Request, Response
from yuzuri.simulator.wire import API, DATA, SMS, VOICE, Answer, Message, read_answer

_AT = "2026-11-02T00:00:00Z"


@dataclass
class ChargingFunction:
    """What lines have left, what sessions were granted, and every message that came in."""

    left: dict[str, int]
    part: int = 1000
    threshold: int = 0
    validity_s: int | None = None
    left_of: dict[int, int] = field(default_factory=lambda: {VOICE: 0, SMS: 0})
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    granted: dict[str, int] = field(default_factory=dict)
    notify_uris: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    replies: dict[str, Response] = field(default_factory=dict)

    async def handle(self, request: Request) -> Response:
        """Answer a request as over HTTP."""
        await asyncio.sleep(0)
        return self.answer(request.path, json.loads(request.body))

    def say(self, message: Message) -> Answer:
        """Answer a message without a network."""
        response = self.answer(message.path, json.loads(message.body))
        return read_answer(response.status, response.headers.get("location"), response.body)

    def answer(self, path: str, message: dict[str, Any]) -> Response:
        """The same message, repeated or not, gets the same answer and happens once."""
        self.messages.append((path, message))
        same = {name: value for name, value in message.items() if name != "retransmissionIndicator"}
        key = path + json.dumps(same, sort_keys=True)
        if key not in self.replies:
            self.replies[key] = self._decide(path, message)
        return self.replies[key]

    async def notify(self, supi: str, kind: str = "REAUTHORIZATION") -> int:
        """Tell a line's session to ask again; returns the status of the answer."""
        uri = self.notify_uris[supi]
        body = {"notificationType": kind, "reauthorizationDetails": [{"ratingGroup": DATA}]}
        async with httpx.AsyncClient(http1=False, http2=True, trust_env=False) as client:
            return (await client.post(uri, json=body)).status_code

    def _decide(self, path: str, message: dict[str, Any]) -> Response:
        supi = message["subscriberIdentifier"]
        *_, ref, step = ["", *path.removeprefix(f"{API}/chargingdata").split("/")]
        if not path.endswith(("update", "release")):
            ref = f"{supi}.{len(self.lines)}"
            self.lines[ref] = supi
            if "notifyUri" in message:
                self.notify_uris[supi] = message["notifyUri"]
        elif ref not in self.lines:
            return Response(404, b'{"cause":"CONTEXT_NOT_FOUND"}')
        units = [self._charge(ref, supi, unit) for unit in message.get("multipleUnitUsage", [])]
        if step == "release":
            del self.lines[ref]
            return Response(204)
        body = {
            "invocationTimeStamp": _AT,
            "invocationSequenceNumber": message["invocationSequenceNumber"],
            "multipleUnitInformation": [unit for unit in units if unit],
        }
        made = step != "update"
        headers = {"location": f"http://here{API}/chargingdata/{ref}"} if made else {}
        return Response(201 if made else 200, json.dumps(body).encode(), headers)

    def _charge(self, ref: str, supi: str, unit: dict[str, Any]) -> dict[str, Any] | None:
        group = unit["ratingGroup"]
        if group == DATA:
            self.left[supi] += self.granted.pop(ref, 0)
        for container in unit.get("usedUnitContainer", []):
            used = container.get("totalVolume", 0)
            assert used == container.get("uplinkVolume", 0) + container.get("downlinkVolume", 0)
            self.used[supi] += used
            self.left[supi] -= used
            self.left_of[VOICE] -= container.get("time", 0)
        if "requestedUnit" not in unit:
            return None
        left = self.left[supi] if group == DATA else self.left_of[group]
        granted = min(left, max(self.part, unit["requestedUnit"].get("totalVolume", 0)))
        if granted == 0:
            return {"ratingGroup": group, "resultCode": "QUOTA_LIMIT_REACHED", "triggers": [
                {"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}
            ]}  # fmt: skip
        counted = {DATA: "totalVolume", VOICE: "time", SMS: "serviceSpecificUnits"}[group]
        if group == DATA:
            self.granted[ref] = granted
            self.left[supi] -= granted
        elif group == SMS:
            self.left_of[SMS] -= 1
            granted = 1
        switches = ["QUOTA_EXHAUSTED", *(["QUOTA_THRESHOLD"] if self.threshold else []),
                    *(["VALIDITY_TIME"] if self.validity_s else [])]  # fmt: skip
        answer: dict[str, Any] = {
            "ratingGroup": group,
            "resultCode": "SUCCESS",
            "grantedUnit": {counted: granted},
            "triggers": [
                {"triggerType": name, "triggerCategory": "IMMEDIATE_REPORT"} for name in switches
            ],
        }
        if "uPFID" in unit:
            answer["uPFID"] = unit["uPFID"]
        if self.threshold:
            answer["volumeQuotaThreshold"] = self.threshold
        if self.validity_s:
            answer["validityTime"] = self.validity_s
        if granted == left:
            answer["finalUnitIndication"] = {"finalUnitAction": "TERMINATE"}
        return answer


class HandClock:
    """A clock that goes on by so much at each look at it, and is put forward by hand."""

    def __init__(self, tick: timedelta = timedelta()) -> None:
        self.now = datetime(2026, 11, 2, tzinfo=UTC)
        self._tick = tick

    def __call__(self) -> datetime:
        self.now += self._tick
        return self.now
