"""What simulated phones say is what the official description says, where that is to be found.

It is not part of this repository: it lies beside it, or where `YUZURI_SPECS` says.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from tests.unit.simulator.charging_function import ChargingFunction, HandClock

from yuzuri.simulator.core import open_core
from yuzuri.simulator.crowds import Crowd, run_crowd, supis_from
from yuzuri.simulator.http2 import serve_http2
from yuzuri.simulator.profiles import ProfileName
from yuzuri.simulator.wire import SMS, VOICE

BESIDE = Path(__file__).parents[3] / "shared" / "specs"
SPECS = Path(os.environ.get("YUZURI_SPECS", BESIDE)) / "3gpp"


@cache
def read_description(name: str) -> Resource[Any]:
    text = (SPECS / name).read_text("utf-8")
    return DRAFT4.create_resource(yaml.load(text, yaml.CSafeLoader))


@pytest.fixture(scope="module")
def requests() -> Draft4Validator:
    """Checks a ChargingDataRequest."""
    described = "TS32291_Nchf_ConvergedCharging.yaml#/components/schemas/ChargingDataRequest"
    registry: Registry[Any] = Registry(retrieve=read_description)  # type: ignore[call-arg]
    return Draft4Validator({"$ref": described}, registry=registry)


async def messages_of_a_day() -> list[dict[str, Any]]:
    supis = supis_from("imsi-440990000000001", 8)
    function = ChargingFunction(
        dict.fromkeys(supis, 10**9), part=50 * 10**6, threshold=10**6, left_of={VOICE: 99, SMS: 2}
    )
    crowd = Crowd(lines=8, profiles=tuple(ProfileName), first_supi=supis[0], seconds=0.0, days=0.5)
    async with (
        serve_http2(function.handle, "127.0.0.1") as port,
        open_core(f"http://127.0.0.1:{port}") as core,
    ):
        await run_crowd(core, crowd, clock=HandClock())
    return [message for _, message in function.messages]


if SPECS.is_dir():

    async def test_every_message_of_a_day_is_as_described(requests: Draft4Validator) -> None:
        messages = await messages_of_a_day()
        assert [error.message for m in messages for error in requests.iter_errors(m)] == []
        said = {name for message in messages for name in message}
        assert {"oneTimeEvent", "retransmissionIndicator", "notifyUri", "triggers"} <= said

    def test_what_is_not_as_described_is_found(requests: Draft4Validator) -> None:
        assert list(requests.iter_errors({"invocationTimeStamp": "2026-11-02T00:00:00Z"}))
