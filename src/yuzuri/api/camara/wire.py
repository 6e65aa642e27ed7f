"""What CAMARA's Device Data Volume 0.1.0 asks and answers; names and meanings are its own."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

MIB, GIB = 2**20, 2**30

VOLUME_TO_CHECK_MAX = 1_024
"""The largest number, of either unit, that may be asked about."""

PhoneNumber = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{4,14}\Z")]
_Port = Annotated[int, Meta(ge=0, le=65_535)]


class Ipv4(Struct, frozen=True, rename="camel"):
    """An IPv4 address as seen from outside, and what tells the devices behind it apart."""

    public_address: str
    private_address: str | UnsetType = UNSET
    public_port: _Port | UnsetType = UNSET

    def __post_init__(self) -> None:
        for address in (self.public_address, self.private_address):
            if address is not UNSET:
                IPv4Address(address)
        if self.private_address is UNSET and self.public_port is UNSET:
            raise ValueError("publicAddress needs privateAddress or publicPort beside it")


class Device(Struct, frozen=True, rename="camel"):
    """The names of one device; only a phone number leads to a line here."""

    phone_number: PhoneNumber | UnsetType = UNSET
    network_access_identifier: str | UnsetType = UNSET
    ipv4_address: Ipv4 | UnsetType = UNSET
    ipv6_address: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.ipv6_address is not UNSET:
            IPv6Address(self.ipv6_address)
        if not self.names:
            raise ValueError("names no device")

    @property
    def names(self) -> int:
        """How many names there are."""
        return sum(getattr(self, field) is not UNSET for field in self.__struct_fields__)


class RetrieveDataVolume(Struct, frozen=True):
    """To be told how much is left on a device."""

    device: Device | UnsetType = UNSET


class VolumeToCheck(Struct, frozen=True):
    """An amount of data."""

    value: int
    unit: Literal["MiB", "GiB"]

    @property
    def size_bytes(self) -> int:
        """The same in bytes."""
        return self.value * (MIB if self.unit == "MiB" else GIB)


class CheckDataVolume(Struct, frozen=True, rename="camel"):
    """To be told whether more than this is left on a device."""

    volume_to_check: VolumeToCheck
    device: Device | UnsetType = UNSET


class DeviceTold(Struct, frozen=True, rename="camel"):
    """Which of several names of a device was used."""

    phone_number: str


class DataVolume(Struct, frozen=True, rename="camel"):
    """About how much is left."""

    data_volume_category: str
    device: DeviceTold | UnsetType = UNSET


class DataVolumeChecked(Struct, frozen=True, rename="camel"):
    """Whether more is left than was asked about; as much is not more."""

    threshold_exceeded: bool
    device: DeviceTold | UnsetType = UNSET


class ErrorInfo(Struct, frozen=True):
    """Why there is no answer; `code` is for programs."""

    status: int
    code: str
    message: str


_CATEGORIES = ((200 * MIB, "<200MiB"), (GIB, "<1GiB"), (5 * GIB, "<5GiB"))


def category_of(left_bytes: int) -> str:
    """Return the category of what is left."""
    for limit, category in _CATEGORIES:
        if left_bytes < limit:
            return category
    return ">=5GiB"


decode_retrieve = msgspec.json.Decoder(RetrieveDataVolume).decode
decode_check = msgspec.json.Decoder(CheckDataVolume).decode
encode = msgspec.json.Encoder().encode
