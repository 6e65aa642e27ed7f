"""A charged session as a session manager keeps it: traffic in, messages out, and no I/O.

Each thing that a session does is an exchange: a generator that yields the messages to send, is sent
the answer to each, and returns what came of it.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

from yuzuri.kernel.calendar import Clock
from yuzuri.simulator.wire import (
    DATA,
    SMS,
    Answer,
    Cell,
    ChargingData,
    ContainerInformation,
    Message,
    NetworkFunction,
    NrLocation,
    PduCharging,
    PduSession,
    Plmn,
    SmsCharging,
    SmsRecipient,
    Step,
    TrackingArea,
    Trigger,
    TriggerType,
    UnitInformation,
    Units,
    UnitUsage,
    UsedUnits,
    UserLocation,
)

Done = TypeVar("Done")
Exchange = Generator[Message, Answer, Done]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a core speaks where the standard leaves it room, or where it does not keep to it."""

    name: str
    functionality: str = "SMF"
    """Of the part that speaks for data; calls and messages come from others."""
    counts: bool = True
    """Numbers its messages and says which is a repeat."""
    asks_at_once: bool = True
    """Asks for a quota when it opens a session, not only afterwards."""
    asks_for_bytes: int | None = None
    """Left out: as much as the charging function sees fit."""
    reads_only_switched: bool = False
    """Takes no field of a quota without the trigger that belongs to it, nor one without its UPF."""
    obeys_final: bool = True


def standard_manner(instance: str) -> Manner:
    """As TS 32.290 and 32.291 describe it, by a function with an instance id."""
    return Manner(name=instance)


FREE5GC = Manner(
    name="SMF",
    counts=False,
    asks_at_once=False,
    asks_for_bytes=1000,
    reads_only_switched=True,
    obeys_final=False,
)
"""As the session manager of free5GC does."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has the phone and where it is at home."""

    supi: str
    home: Plmn

    @classmethod
    def of(cls, supi: str) -> "Identity":
        """Read a SUPI such as imsi-440990000000001; the network's code is taken as two digits."""
        digits = supi.removeprefix("imsi-")
        return cls(supi, Plmn(digits[:3], digits[3:5]))


@dataclass(slots=True)
class _Quota:
    left: int = 0
    used: int = 0
    """Since it was last reported."""
    used_since: datetime | None = None
    threshold: int = 0
    valid_until: datetime | None = None
    is_final: bool = False
    is_dry: bool = False
    """Nothing was granted, and nothing is asked for until something has changed."""


class ChargedSession:
    """One session with one rating group: the use of the packet network, or a call."""

    def __init__(
        self, identity: Identity, manner: Manner, clock: Clock, random: Random,
        *, rating_group: int = DATA, notify_uri: str | None = None, place: Plmn | None = None,
    ) -> None:  # fmt: skip
        self.identity = identity
        self.place = place or identity.home
        self.ref: str | None = None
        self.dry_times = 0
        self.failed = 0
        """Answers that were neither good nor a session that is not known."""
        self.lost = 0
        """What was used and will never be reported, as the session is not known any more."""
        self.used = 0
        """All that was reported, and acknowledged."""
        self._manner = manner
        self._clock = clock
        self._group = rating_group
        self._notify_uri = notify_uri
        self._charging_id = random.randrange(1, 2**31)
        self._upf = _instance_id(random)
        self._sequence = 0
        self._containers = 0
        self._quota = _Quota()

    @property
    def is_open(self) -> bool:
        """Whether the charging function knows it, as far as we know."""
        return self.ref is not None

    @property
    def is_dry(self) -> bool:
        """Whether nothing may be used."""
        return self._quota.is_dry

    def open(self) -> Exchange[bool]:
        """Open it and get a first quota; returns whether it is open."""
        units = self._units(None, wants=True) if self._manner.asks_at_once else ()
        answer = yield self._message(Step.CREATE, units)
        if answer.ref is None or not answer.is_good:
            self.failed += 1
            return False
        self.ref = answer.ref
        self._take(answer)
        if not self._manner.asks_at_once:
            yield from self._ask(TriggerType.STARTED)
        return self.is_open

    def use(self, amount: int) -> Exchange[int]:
        """Let so much through as may; asks for more when the quota says so. Returns how much."""
        quota, flowed = self._quota, 0
        if quota.valid_until is not None and quota.valid_until <= self._clock():
            yield from self._ask(TriggerType.VALIDITY)
        while self.is_open:
            if not quota.left and not quota.is_dry:
                yield from self._ask_after_the_last()
            if flowed == amount or not quota.left:
                break
            taken = min(quota.left, amount - flowed)
            quota.used_since = quota.used_since or self._clock()
            quota.left -= taken
            quota.used += taken
            flowed += taken
            if 0 < quota.left <= quota.threshold and not quota.is_final:
                yield from self._ask(TriggerType.THRESHOLD)
        return flowed

    def move(self, place: Plmn) -> Exchange[None]:
        """Go over to another network: report what was used in the last one, and ask again."""
        if place != self.place:
            before, self.place = self.place, place
            if self.is_open:
                yield from self._ask(TriggerType.PLMN_CHANGE, used_in=before)

    def reauthorise(self, groups: Iterable[int | None]) -> Exchange[None]:
        """Ask again, as the charging function wishes; no groups: all."""
        if self.is_open and (not (wished := set(groups)) or wished & {self._group, None}):
            yield from self._ask(TriggerType.REAUTHORISED)

    def close(self) -> Exchange[None]:
        """Report the last and end it."""
        if not self.is_open:
            return
        answer = yield self._message(Step.RELEASE, self._units(TriggerType.FINAL, wants=False))
        self._note(answer)
        self.ref = None

    def vanish(self) -> None:
        """End without a word, as when a session manager is switched off."""
        self.lost += self._quota.used
        self.ref = None

    # ------------------------------------------------------------ asking

    def _ask_after_the_last(self) -> Exchange[None]:
        """All of a quota is used; where it was the last one, only say so."""
        if self._quota.is_final and self._manner.obeys_final:
            yield from self._ask(TriggerType.FINAL, wants=False)
        else:
            yield from self._ask(TriggerType.EXHAUSTED)

    def _ask(
        self, why: TriggerType, *, wants: bool = True, used_in: Plmn | None = None
    ) -> Exchange[None]:
        units = self._units(why, wants=wants, used_in=used_in)
        answer = yield self._message(Step.UPDATE, units, why)
        self._note(answer)
        if answer.is_good:
            self._take(answer)
            if not wants:
                self._dry()

    def _note(self, answer: Answer) -> None:
        """What was reported is settled, or never will be, or is to be reported again."""
        quota = self._quota
        if answer.is_good:
            self.used += quota.used
        elif answer.status == 404:
            self.lost += quota.used
            self.ref = None
        else:
            self.failed += 1
            quota.left = 0
            return
        quota.used, quota.used_since = 0, None

    def _take(self, answer: Answer) -> None:
        """Put what was granted in the place of what was left."""
        of_group = (unit for unit in answer.data.units if unit.rating_group == self._group)
        told = next(of_group, None)
        quota = self._quota
        quota.left, quota.threshold, quota.valid_until, quota.is_final = 0, 0, None, False
        if told is not None:
            self._read(told)
        if quota.left:
            quota.is_dry = False
        elif told is not None:
            self._dry()

    def _dry(self) -> None:
        self.dry_times += not self._quota.is_dry
        self._quota.is_dry = True

    def _read(self, told: UnitInformation) -> None:
        quota = self._quota
        if told.result == "QUOTA_MANAGEMENT_NOT_APPLICABLE":
            quota.left = _UNCOUNTED
            return
        switched = {trigger.trigger_type for trigger in told.triggers}

        def reads(trigger: TriggerType) -> bool:
            return not self._manner.reads_only_switched or trigger in switched

        if self._manner.reads_only_switched and told.upf != self._upf:
            return
        granted = told.granted or Units()
        if reads(TriggerType.EXHAUSTED):
            quota.left = (granted.total_volume if self._group == DATA else granted.time) or 0
        if reads(TriggerType.THRESHOLD):
            threshold = told.threshold if self._group == DATA else told.time_threshold
            quota.threshold = threshold or 0
        if told.validity_s and reads(TriggerType.VALIDITY):
            quota.valid_until = self._clock() + timedelta(seconds=told.validity_s)
        quota.is_final = told.final is not None

    # ------------------------------------------------------------ what is said

    def _units(
        self, why: TriggerType | None, *, wants: bool, used_in: Plmn | None = None
    ) -> tuple[UnitUsage, ...]:
        wanted = Units(total_volume=self._manner.asks_for_bytes) if self._group == DATA else Units()
        return (
            UnitUsage(
                rating_group=self._group,
                requested=wanted if wants else None,
                used=() if why is None else (self._used(why, used_in or self.place),),
                upf=self._upf if self._group == DATA else None,
            ),
        )

    def _used(self, why: TriggerType, place: Plmn) -> UsedUnits:
        used, at = self._quota.used, self._clock()
        self._containers += self._manner.counts
        is_data = self._group == DATA
        return UsedUnits(
            number=self._containers,
            triggers=(Trigger(why),),
            at=at,
            managed="ONLINE_CHARGING",
            total_volume=used if is_data else None,
            uplink_volume=used // 10 if is_data else None,
            downlink_volume=used - used // 10 if is_data else None,
            time=None if is_data else used,
            information=ContainerInformation(
                self._quota.used_since or at,
                at,
                UserLocation(NrLocation(TrackingArea(place), Cell(place))),
            )
            if is_data and self._manner.counts
            else None,
        )

    def _message(
        self, step: Step, units: tuple[UnitUsage, ...], why: TriggerType | None = None
    ) -> Message:
        self._sequence += self._manner.counts
        is_data = self._group == DATA
        home = self.identity.home
        data = ChargingData(
            consumer=NetworkFunction(
                self._manner.functionality if is_data else "IMS_Node", self._manner.name, home
            ),
            at=self._clock(),
            sequence=self._sequence,
            subscriber=self.identity.supi,
            charging_id=self._charging_id,
            notify_uri=self._notify_uri if step is Step.CREATE else None,
            units=units,
            triggers=() if why is None else (Trigger(why),),
            pdu=PduCharging(
                self._charging_id, PduSession(1, "internet", "NR", home, self.place)
            )
            if is_data
            else None,
        )  # fmt: skip
        return Message(step, self.ref, data)


_UNCOUNTED = 2**62
"""What is left of a quota where nothing is counted."""


def send_message(
    identity: Identity, manner: Manner, at: datetime, random: Random
) -> Exchange[bool]:
    """Let the line send one short message, charged at once; returns whether it may."""
    data = ChargingData(
        consumer=NetworkFunction("SMSF", manner.name, identity.home),
        at=at,
        sequence=int(manner.counts),
        subscriber=identity.supi,
        charging_id=random.randrange(1, 2**31),
        is_event=True,
        event_type="IEC",
        units=(UnitUsage(SMS, requested=Units(service_specific_units=1)),),
        sms=SmsCharging((SmsRecipient(f"msisdn-8190{random.randrange(10**8):08}"),)),
    )
    answer = yield Message(Step.CREATE, None, data)
    return answer.is_good and any(unit.result == "SUCCESS" for unit in answer.data.units)


def _instance_id(random: Random) -> str:
    """A UUID of version 4, from a seed."""
    return str(UUID(int=random.getrandbits(128), version=4))
