"""What is read from a network's charging messages, and what they are answered with.

Names and meanings are those of TS 32.291, where all else can be looked up. Only what is used is
read: a network sends much more, and whatever is not named here is passed over.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Uint64 = Annotated[int, Meta(ge=0)]
"""Asked for, it may be more than anybody has; it is cut before it is used."""
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Used = Annotated[int, Meta(ge=0, le=2**44)]
"""At most 16 TiB: more than a phone can use between two reports."""
Instant = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
Uri = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^[!-~]*$")]


# ---------------------------------------------------------------- where a phone is


class PlmnId(Struct, frozen=True, gc=False):
    """A mobile network: mobile country code first."""

    mcc: str = ""


class Tai(Struct, frozen=True, gc=False, rename="camel"):
    """A tracking area, of a network."""

    plmn_id: PlmnId | None = None


class Cell(Struct, frozen=True, gc=False):
    """A place in a radio network, as far as it says whose network that is."""

    tai: Tai | None = None


class OtherAccess(Struct, frozen=True, gc=False, rename="camel"):
    """A place that is not in a radio network of 3GPP's, such as Wi-Fi."""

    n3gpp_tai: Tai | None = field(name="n3gppTai", default=None)


class UserLocation(Struct, frozen=True, gc=False, rename="camel"):
    """Where a phone is, by the radio that it uses."""

    nr_location: Cell | None = None
    eutra_location: Cell | None = None
    n3ga_location: OtherAccess | None = field(name="n3gaLocation", default=None)


# ---------------------------------------------------------------- the request


class NFIdentification(Struct, frozen=True, gc=False, rename="camel"):
    """What kind of network function asks. Who it is follows from its authentication."""

    node_functionality: str


class RequestedUnit(Struct, frozen=True, gc=False, rename="camel"):
    """How much is asked for; a part that is left out is left to the charging function."""

    total_volume: Uint64 | None = None
    uplink_volume: Uint64 | None = None
    downlink_volume: Uint64 | None = None
    time: Uint64 | None = None
    service_specific_units: Uint64 | None = None


class PDUContainerInformation(Struct, frozen=True, gc=False):
    """When and where it was used."""

    first_usage: Instant | None = field(name="timeofFirstUsage", default=None)
    last_usage: Instant | None = field(name="timeofLastUsage", default=None)
    location: UserLocation | None = field(name="userLocationInformation", default=None)


class UsedUnitContainer(Struct, frozen=True, gc=False, rename="camel"):
    """How much was used since the last report, under the same conditions.

    `local_sequence_number` is mandatory by the standard, and yet nothing depends on it.
    """

    local_sequence_number: Number = 0
    quota_management_indicator: str | None = None
    trigger_timestamp: Instant | None = None
    total_volume: Used | None = None
    uplink_volume: Used | None = None
    downlink_volume: Used | None = None
    time: Used | None = None
    service_specific_units: Used | None = None
    conditions: PDUContainerInformation | None = field(name="pDUContainerInformation", default=None)

    @property
    def is_under_quota(self) -> bool:
        """Tell whether a quota governed this use.

        What is reported for offline charging, or while the network had suspended quota management,
        was used outside of every quota: it goes into records of use, which are not ours, and
        nothing was set aside that it could be paid from.
        """
        return self.quota_management_indicator in {None, "ONLINE_CHARGING"}


class MultipleUnitUsage(Struct, frozen=True, gc=False, rename="camel"):
    """What one rating group has used, and what it wants next."""

    rating_group: Uint32
    requested_unit: RequestedUnit | None = None
    used_unit_container: list[UsedUnitContainer] = []
    upf_id: Name | None = field(name="uPFID", default=None)

    @property
    def is_offline(self) -> bool:
        """Tell whether no quota governs it: all that it reports was used outside of one."""
        containers = self.used_unit_container
        return bool(containers) and not any(one.is_under_quota for one in containers)

    @property
    def is_wanting(self) -> bool:
        """Tell whether a quota is asked for.

        free5GC asks for an empty one, too, where it only records use.
        """
        return self.requested_unit is not None and not self.is_offline


class UserInformation(Struct, frozen=True, gc=False):
    """Who is served."""

    served_gpsi: Name | None = field(name="servedGPSI", default=None)


class PDUSessionInformation(Struct, frozen=True, gc=False, rename="camel"):
    """Which session of which network."""

    pdu_session_id: Uint32 | None = field(name="pduSessionID", default=None)
    serving_network: PlmnId | None = field(name="servingCNPlmnId", default=None)


class PDUSessionChargingInformation(Struct, frozen=True, gc=False, rename="camel"):
    """What a session management function adds."""

    charging_id: Uint32 | None = None
    smf_charging_id: str | None = field(name="sMFchargingId", default=None)
    user_information: UserInformation | None = None
    user_location: UserLocation | None = field(name="userLocationinfo", default=None)
    pdu_session_information: PDUSessionInformation | None = None


class SMSChargingInformation(Struct, frozen=True, gc=False, rename="camel"):
    """What a function for messages adds."""

    message_reference: str | None = None
    user_location: UserLocation | None = field(name="userLocationinfo", default=None)


class ChargingDataRequest(Struct, frozen=True, gc=False, rename="camel"):
    """A message about the use of the network by one subscriber."""

    nf_consumer_identification: NFIdentification
    invocation_time_stamp: Instant
    invocation_sequence_number: Uint32
    subscriber_identifier: Name | None = None
    charging_id: Uint32 | None = None
    one_time_event: bool = False
    one_time_event_type: str | None = None
    notify_uri: Uri | None = None
    multiple_unit_usage: list[MultipleUnitUsage] = []
    pdu_session: PDUSessionChargingInformation | None = field(
        name="pDUSessionChargingInformation", default=None
    )
    sms: SMSChargingInformation | None = field(name="sMSChargingInformation", default=None)


# ---------------------------------------------------------------- the answer


class Trigger(Struct, frozen=True, gc=False, rename="camel"):
    """When the network shall report."""

    trigger_type: str
    trigger_category: str = "IMMEDIATE_REPORT"


class GrantedUnit(Struct, frozen=True, gc=False, rename="camel"):
    """How much may be used, in the field of the rating group's unit."""

    total_volume: int | UnsetType = UNSET
    time: int | UnsetType = UNSET
    service_specific_units: int | UnsetType = UNSET


class FinalUnitIndication(Struct, frozen=True, gc=False, rename="camel"):
    """What the network shall do when the last has been used."""

    final_unit_action: str = "TERMINATE"


class MultipleUnitInformation(Struct, frozen=True, gc=False, rename="camel"):
    """The answer for one rating group."""

    rating_group: int
    result_code: str
    granted_unit: GrantedUnit | UnsetType = UNSET
    triggers: tuple[Trigger, ...] | UnsetType = UNSET
    validity_time: int | UnsetType = UNSET
    quota_holding_time: int | UnsetType = UNSET
    volume_quota_threshold: int | UnsetType = UNSET
    time_quota_threshold: int | UnsetType = UNSET
    final_unit_indication: FinalUnitIndication | UnsetType = UNSET
    upf_id: str | UnsetType = field(name="uPFID", default=UNSET)


class ChargingDataResponse(Struct, frozen=True, gc=False, rename="camel"):
    """The answer to a message."""

    invocation_time_stamp: datetime
    invocation_sequence_number: int
    multiple_unit_information: list[MultipleUnitInformation] | UnsetType = UNSET


decode_request = msgspec.json.Decoder(ChargingDataRequest).decode
encode_answer = msgspec.json.Encoder().encode
