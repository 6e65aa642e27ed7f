"""What clients send about links, requests and contacts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from yuzuri.api.app.bodies import JSON_INTEGER_MAX, Text
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX
from yuzuri.sharing.links import SHARES_MAX, Audience, Split
from yuzuri.subscribers.contacts import LABEL_LENGTH_MAX

SECRET_LENGTH_MAX = 300
"""More than an address of ours has."""

PASSCODE_LENGTH_MAX = 64
LINE_AGE_DAYS_MAX = 3_650

Secret = Annotated[str, msgspec.Meta(max_length=SECRET_LENGTH_MAX, pattern="^[^\\x00]*$")]
Passcode = Annotated[str, msgspec.Meta(max_length=PASSCODE_LENGTH_MAX, pattern="^[^\\x00]*$")]

Amount = Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]
Message = Annotated[str, msgspec.Meta(max_length=MESSAGE_LENGTH_MAX, pattern="^[^\\x00]*$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class PictureFormat(StrEnum):
    """How a picture is drawn."""

    SVG = "svg"
    PNG = "png"


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a line in so many shares; `amount` and `least` in bytes, seconds or messages.

    `least`: the smallest that a drawn share may be; left out: what the operator allows.
    `deadline` left out: as long as a gift may wait.
    """

    line: Text
    unit: Unit
    amount: Amount
    shares: Annotated[int, msgspec.Meta(ge=1, le=SHARES_MAX)]
    split: Split = Split.EQUAL
    least: Amount | None = None
    audience: Audience = Audience.ANYONE
    passcode: Passcode = ""
    line_age_days_min: Annotated[int, msgspec.Meta(ge=0, le=LINE_AGE_DAYS_MAX)] = 0
    message: Message = ""
    giver_hidden: bool = False
    deadline: Instant | None = None


class SecretBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret, or the whole address that ends in it."""

    secret: Secret


class TakeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of my lines takes a share of what the secret opens."""

    secret: Secret
    line: Text
    passcode: Passcode = ""
    hides_name: bool = False


class PictureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which secret the QR code has; `language` left out: as `Accept-Language` says."""

    secret: Secret
    format: PictureFormat = PictureFormat.PNG
    language: Language | None = None


class ThanksBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to say to who gave."""

    message: Annotated[
        str, msgspec.Meta(min_length=1, max_length=MESSAGE_LENGTH_MAX, pattern="^[^\\x00]*$")
    ]


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much to one of my lines; `deadline` left out: seven days."""

    line: Text
    unit: Unit
    amount: Amount
    message: Message = ""
    deadline: Instant | None = None


class FillRequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one of my lines to the request that the secret opens."""

    secret: Secret
    line: Text
    amount: Amount
    message: Message = ""


class ContactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number with its country code, and what I call it."""

    number: Text
    label: Annotated[str, msgspec.Meta(max_length=LABEL_LENGTH_MAX, pattern="^[^\\x00]*$")] = ""


class NumberBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number with its country code."""

    number: Text
