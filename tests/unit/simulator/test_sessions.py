"""A charged session says what a core says: pure, against a small charging function."""

from datetime import timedelta
from random import Random
from typing import Any, TypeVar

import pytest
from tests.unit.simulator.charging_function import ChargingFunction, HandClock

from yuzuri.simulator.sessions import (
    FREE5GC,
    ChargedSession,
    Exchange,
    Identity,
    Manner,
    send_message,
    standard_manner,
)
from yuzuri.simulator.wire import SMS, VOICE, Answer, Plmn

SUPI = "imsi-440990000000001"
STANDARD = standard_manner("5b1a7c0e-3a51-4d0b-9d53-2f6f1f6f0001")

Done = TypeVar("Done")


def carry_out(function: ChargingFunction, exchange: Exchange[Done]) -> Done:
    try:
        message = next(exchange)
        while True:
            message = exchange.send(function.say(message))
    except StopIteration as done:
        result: Done = done.value
        return result


class Scene:
    """One session of a line that has so much left."""

    def __init__(self, left: int, manner: Manner = STANDARD, **more: Any) -> None:
        self.function = ChargingFunction({SUPI: left}, **more)
        self.clock = HandClock()
        self.session = ChargedSession(Identity.of(SUPI), manner, self.clock, Random(1))
        assert carry_out(self.function, self.session.open())

    def use(self, amount: int) -> int:
        return carry_out(self.function, self.session.use(amount))

    def why(self) -> list[str]:
        """Why each message after the create was sent."""
        return [
            m["triggers"][0]["triggerType"] for _, m in self.function.messages if "triggers" in m
        ]

    def units(self) -> list[dict[str, Any]]:
        return [m["multipleUnitUsage"][0] for _, m in self.function.messages[1:]]


def test_what_is_used_is_asked_for_part_by_part_and_reported_to_the_byte() -> None:
    scene = Scene(10_000)
    assert scene.use(2500) == 2500
    assert scene.why() == ["QUOTA_EXHAUSTED", "QUOTA_EXHAUSTED"]
    assert scene.function.used[SUPI] == 2000
    carry_out(scene.function, scene.session.close())
    assert scene.function.used[SUPI] == scene.session.used == 2500
    assert scene.function.left[SUPI] == 7500


def test_messages_are_numbered_from_1() -> None:
    scene = Scene(10_000)
    scene.use(2500)
    carry_out(scene.function, scene.session.close())
    numbers = [message["invocationSequenceNumber"] for _, message in scene.function.messages]
    assert numbers == [1, 2, 3, 4]


def test_it_asks_again_at_the_threshold() -> None:
    scene = Scene(10_000, threshold=200)
    scene.use(799)
    assert scene.why() == []
    scene.use(1)
    assert scene.why() == ["QUOTA_THRESHOLD"]
    assert scene.function.used[SUPI] == 800


def test_it_asks_again_when_its_quota_is_no_longer_valid() -> None:
    scene = Scene(10_000, validity_s=60)
    scene.use(10)
    scene.clock.now += timedelta(seconds=59)
    scene.use(10)
    assert scene.why() == []
    scene.clock.now += timedelta(seconds=1)
    scene.use(10)
    assert scene.why() == ["VALIDITY_TIME"]
    assert scene.function.used[SUPI] == 20


def test_the_last_quota_is_used_up_and_then_nothing_flows_until_the_network_asks_again() -> None:
    scene = Scene(1500)
    assert scene.use(2000) == 1500
    assert scene.session.is_dry
    assert scene.why() == ["QUOTA_EXHAUSTED", "FINAL"]
    assert "requestedUnit" not in scene.units()[-1]
    assert scene.use(10) == 0
    scene.function.left[SUPI] += 400
    assert scene.use(10) == 0
    carry_out(scene.function, scene.session.reauthorise([1]))
    assert not scene.session.is_dry
    assert scene.use(500) == 400
    assert scene.session.dry_times == 2


def test_what_is_for_another_rating_group_changes_nothing() -> None:
    scene = Scene(1500)
    carry_out(scene.function, scene.session.reauthorise([7]))
    assert scene.why() == []


def test_free5gc_numbers_nothing_and_asks_only_afterwards() -> None:
    scene = Scene(1500, FREE5GC)
    assert scene.use(2000) == 1500
    created, *others = [message for _, message in scene.function.messages]
    assert "multipleUnitUsage" not in created
    assert created["nfConsumerIdentification"]["nFName"] == "SMF"
    assert {message["invocationSequenceNumber"] for message in (created, *others)} == {0}
    assert scene.why() == ["START_OF_SERVICE_DATA_FLOW", *["QUOTA_EXHAUSTED"] * 2]
    assert {u["requestedUnit"]["totalVolume"] for u in scene.units()} == {1000}
    assert scene.session.is_dry


@pytest.mark.parametrize("missing", ["uPFID", "triggers"])
def test_free5gc_passes_over_a_quota_without_its_upf_or_trigger(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = ChargingFunction({SUPI: 5000})
    whole = function._charge

    def without(*given: Any) -> Any:
        answer = whole(*given)
        return answer and {name: value for name, value in answer.items() if name != missing}

    monkeypatch.setattr(function, "_charge", without)
    session = ChargedSession(Identity.of(SUPI), FREE5GC, HandClock(), Random(1))
    carry_out(function, session.open())
    assert carry_out(function, session.use(10)) == 0


def test_a_handover_reports_what_was_used_in_the_network_that_was_left() -> None:
    scene = Scene(10_000)
    scene.use(300)
    carry_out(scene.function, scene.session.move(Plmn("450", "05")))
    (_, told) = scene.function.messages[-1]
    assert scene.why() == ["PLMN_CHANGE"]
    session = told["pDUSessionChargingInformation"]["pduSessionInformation"]
    assert session["servingCNPlmnId"] == {"mcc": "450", "mnc": "05"}
    (used,) = told["multipleUnitUsage"][0]["usedUnitContainer"]
    where = used["pDUContainerInformation"]["userLocationInformation"]["nrLocation"]
    assert where["tai"]["plmnId"] == {"mcc": "440", "mnc": "99"}
    assert used["totalVolume"] == 300


def test_what_was_not_acknowledged_is_reported_again() -> None:
    scene = Scene(10_000)
    scene.use(999)
    exchange = scene.session.use(1)
    next(exchange)
    with pytest.raises(StopIteration):
        exchange.send(Answer(503))
    assert scene.session.failed == 1
    assert scene.use(10) == 10
    assert scene.function.used[SUPI] == 1000


def test_a_session_that_is_not_known_any_more_is_over() -> None:
    scene = Scene(10_000)
    scene.function.lines.clear()
    assert scene.use(1000) == 1000
    assert not scene.session.is_open
    assert scene.session.lost == 1000


def test_a_call_counts_seconds() -> None:
    function = ChargingFunction({SUPI: 0}, part=60, left_of={VOICE: 100})
    call = ChargedSession(Identity.of(SUPI), STANDARD, HandClock(), Random(1), rating_group=VOICE)
    carry_out(function, call.open())
    assert carry_out(function, call.use(120)) == 100
    assert function.left_of[VOICE] == 0


def test_a_message_is_charged_at_once() -> None:
    function = ChargingFunction({SUPI: 0}, left_of={SMS: 1})

    def send(seed: int) -> bool:
        sending = send_message(Identity.of(SUPI), STANDARD, HandClock().now, Random(seed))
        return carry_out(function, sending)

    assert (send(1), send(2)) == (True, False)
    (_, told) = function.messages[0]
    assert (told["oneTimeEvent"], told["oneTimeEventType"]) == (True, "IEC")
