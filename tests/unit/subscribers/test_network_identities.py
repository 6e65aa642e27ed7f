"""How a network names a line: SUPI and GPSI (TS 23.003)."""

import pytest

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.subscribers.network_identities import number_of_gpsi, parse_supi


@pytest.mark.parametrize("text", ["imsi-440101234567890", "imsi-44010", " imsi-44010 "])
def test_a_supi_is_imsi_and_5_to_15_digits(text: str) -> None:
    assert parse_supi(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "imsi-", "imsi-4401", "imsi-4401012345678901", "IMSI-44010", "44010", "imsi-４４０１０",
     "nai-user@example", "imsi-44010\n1", "imsi-44010x"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse_supi(text)
    assert caught.value.refusal.code is Code.SUPI_UNREADABLE


@pytest.mark.parametrize(
    ("gpsi", "number"),
    [
        ("msisdn-819012345678", "+819012345678"),
        ("msisdn-+819012345678", None),
        ("extid-a@example", None),
        ("819012345678", None),
        ("msisdn-", None),
    ],
)
def test_a_gpsi_may_name_a_number(gpsi: str, number: str | None) -> None:
    assert number_of_gpsi(gpsi) == number
