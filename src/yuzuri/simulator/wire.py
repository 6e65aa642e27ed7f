"""What a core says to a charging function and what it is answered with (3GPP TS 32.291, Rel-17).

Only what the simulated core says and reads. It shares nothing with the server's own reading of the
same messages, so that a mistake in one is not also in the other.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

DATA, VOICE, SMS = 1, 200, 300
"""Rating groups, as in the table that comes with Yuzuri."""

API = "/nchf-convergedcharging/v3"


class TriggerType(StrEnum):
    """Why something is reported or asked for."""

    THRESHOLD = "QUOTA_THRESHOLD"
    EXHAUSTED = "QUOTA_EXHAUSTED"
    VALIDITY = "VALIDITY_TIME"
    FINAL = "FINAL"
    REAUTHORISED = "FORCED_REAUTHORISATION"
    PLMN_CHANGE = "PLMN_CHANGE"
    STARTED = "START_OF_SERVICE_DATA_FLOW"


class Trigger(msgspec.Struct, frozen=True, rename="camel"):
    """A reason, and whether it is told at once."""

    trigger_type: str
    trigger_category: str = "IMMEDIATE_REPORT"


class Plmn(msgspec.Struct, frozen=True):
    """A network, by the codes of its country and of itself."""

    mcc: str
    mnc: str


class NetworkFunction(
    msgspec.Struct, frozen=True, omit_defaults=True,
    rename={"name": "nFName", "plmn": "nFPLMNID", "functionality": "nodeFunctionality"},
):  # fmt: skip
    """Who speaks; a name is an instance id, but not every core's."""

    functionality: str
    name: str | None = None
    plmn: Plmn | None = None


# ---------------------------------------------------------------- what is asked


class Units(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """So many bytes, seconds or messages; empty where the other side is to choose."""

    total_volume: int | None = None
    time: int | None = None
    service_specific_units: int | None = None


class TrackingArea(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a network."""

    plmn_id: Plmn
    tac: str = "0001"


class Cell(msgspec.Struct, frozen=True, rename="camel"):
    """A cell of a network."""

    plmn_id: Plmn
    nr_cell_id: str = "000000001"


class NrLocation(msgspec.Struct, frozen=True):
    """Where a phone is, in 5G."""

    tai: TrackingArea
    ncgi: Cell


class UserLocation(msgspec.Struct, frozen=True, rename="camel"):
    """Where a phone is."""

    nr_location: NrLocation


class ContainerInformation(
    msgspec.Struct, frozen=True,
    rename={
        "first": "timeofFirstUsage", "last": "timeofLastUsage", "place": "userLocationInformation",
    },
):  # fmt: skip
    """When and where something was used."""

    first: datetime
    last: datetime
    place: UserLocation


class UsedUnits(
    msgspec.Struct, frozen=True, omit_defaults=True,
    rename={
        "number": "localSequenceNumber", "managed": "quotaManagementIndicator",
        "at": "triggerTimestamp", "total_volume": "totalVolume", "uplink_volume": "uplinkVolume",
        "downlink_volume": "downlinkVolume", "information": "pDUContainerInformation",
    },
):  # fmt: skip
    """What was used: bytes, seconds or messages."""

    number: int
    triggers: tuple[Trigger, ...]
    at: datetime
    managed: str
    total_volume: int | None = None
    uplink_volume: int | None = None
    downlink_volume: int | None = None
    time: int | None = None
    information: ContainerInformation | None = None


class UnitUsage(
    msgspec.Struct, frozen=True, omit_defaults=True,
    rename={
        "rating_group": "ratingGroup", "requested": "requestedUnit", "used": "usedUnitContainer",
        "upf": "uPFID",
    },
):  # fmt: skip
    """What was used of a rating group, and what is asked for of it; None: nothing."""

    rating_group: int
    requested: Units | None = None
    used: tuple[UsedUnits, ...] = ()
    upf: str | None = None


class PduSession(
    msgspec.Struct, frozen=True,
    rename={
        "number": "pduSessionID", "network_name": "dnnId", "radio": "ratType",
        "home": "hPlmnId", "serving": "servingCNPlmnId",
    },
):  # fmt: skip
    """One use of the packet network; `serving` says in whose network the phone is."""

    number: int
    network_name: str
    radio: str
    home: Plmn
    serving: Plmn


class PduCharging(msgspec.Struct, frozen=True, rename="camel"):
    """What a session manager adds to its messages."""

    charging_id: int
    pdu_session_information: PduSession


class SmsRecipient(msgspec.Struct, frozen=True, rename={"gpsi": "recipientGPSI"}):
    """To whom a message goes."""

    gpsi: str


class SmsCharging(
    msgspec.Struct, frozen=True,
    rename={"recipients": "recipientInfo", "kind": "sMMessageType", "sent": "numberofMessagesSent"},
):  # fmt: skip
    """What a message centre adds to its messages."""

    recipients: tuple[SmsRecipient, ...]
    kind: str = "SUBMISSION"
    sent: int = 1


class ChargingData(
    msgspec.Struct, frozen=True, omit_defaults=True,
    rename={
        "consumer": "nfConsumerIdentification", "at": "invocationTimeStamp",
        "sequence": "invocationSequenceNumber", "subscriber": "subscriberIdentifier",
        "charging_id": "chargingId", "is_repeat": "retransmissionIndicator",
        "is_event": "oneTimeEvent", "event_type": "oneTimeEventType", "notify_uri": "notifyUri",
        "units": "multipleUnitUsage", "pdu": "pDUSessionChargingInformation",
        "sms": "sMSChargingInformation",
    },
):  # fmt: skip
    """A whole message: create, update, release or a single event."""

    consumer: NetworkFunction
    at: datetime
    sequence: int
    subscriber: str
    charging_id: int
    is_repeat: bool = False
    is_event: bool = False
    event_type: str | None = None
    notify_uri: str | None = None
    units: tuple[UnitUsage, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    pdu: PduCharging | None = None
    sms: SmsCharging | None = None


class Step(StrEnum):
    """What a message is to a session."""

    CREATE = "create"
    UPDATE = "update"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent; `ref` names the session once the charging function has named it."""

    step: Step
    ref: str | None
    data: ChargingData

    @property
    def path(self) -> str:
        """Where it is sent."""
        if self.ref is None:
            return f"{API}/chargingdata"
        return f"{API}/chargingdata/{self.ref}/{self.step}"

    @property
    def body(self) -> bytes:
        """As it is sent, in JSON."""
        return msgspec.json.encode(self.data)

    def said_again(self) -> "Message":
        """The same once more; a core that counts its messages says that it is."""
        if not self.data.sequence:
            return self
        return Message(self.step, self.ref, msgspec.structs.replace(self.data, is_repeat=True))


# ---------------------------------------------------------------- what is answered


class FinalUnit(msgspec.Struct, frozen=True, rename="camel"):
    """Nothing comes after this quota."""

    final_unit_action: str


class UnitInformation(
    msgspec.Struct, frozen=True,
    rename={
        "rating_group": "ratingGroup", "result": "resultCode", "granted": "grantedUnit",
        "triggers": "triggers", "validity_s": "validityTime", "threshold": "volumeQuotaThreshold",
        "time_threshold": "timeQuotaThreshold", "final": "finalUnitIndication", "upf": "uPFID",
    },
):  # fmt: skip
    """A quota of a rating group; `threshold`: ask again when no more than that is left."""

    rating_group: int
    result: str | None = None
    granted: Units | None = None
    triggers: tuple[Trigger, ...] = ()
    validity_s: int | None = None
    threshold: int | None = None
    time_threshold: int | None = None
    final: FinalUnit | None = None
    upf: str | None = None


class ChargingAnswer(msgspec.Struct, frozen=True, rename={"units": "multipleUnitInformation"}):
    """The body of a good answer."""

    units: tuple[UnitInformation, ...] = ()


NOTHING = ChargingAnswer()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0: nothing did. `ref` names a session that was made."""

    status: int
    ref: str | None = None
    data: ChargingAnswer = NOTHING

    @property
    def is_good(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


def read_answer(status: int, location: str | None, body: bytes) -> Answer:
    """Read an answer; raises `msgspec.MsgspecError` where a good one cannot be understood."""
    ref = location.rstrip("/").rpartition("/")[2] if location else None
    if not 200 <= status < 300 or not body:
        return Answer(status, ref)
    return Answer(status, ref, msgspec.json.decode(body, type=ChargingAnswer))


class Reauthorization(msgspec.Struct, frozen=True, rename="camel"):
    """A rating group that is to be asked for anew; None: all of the session."""

    rating_group: int | None = None


class Notification(
    msgspec.Struct, frozen=True,
    rename={"kind": "notificationType", "details": "reauthorizationDetails"},
):  # fmt: skip
    """What a charging function says by itself."""

    kind: str
    details: tuple[Reauthorization, ...] = ()
