"""Reading amounts that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.kernel.amounts import checked_quantity, parse_quantity, parse_unit
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit

DATA, VOICE, SMS = Unit.DATA, Unit.VOICE, Unit.SMS


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("1 B", DATA, 1),
        ("1 byte", DATA, 1),
        ("2 bytes", DATA, 2),
        ("1 kB", DATA, 1_000),
        ("500MB", DATA, 500_000_000),
        ("1 GB", DATA, 1_000_000_000),
        ("1.5 GB", DATA, 1_500_000_000),
        ("0.000000001 GB", DATA, 1),
        ("1 TB", DATA, 10**12),
        ("1 KiB", DATA, 1_024),
        ("1 MiB", DATA, 1_048_576),
        ("1.5GiB", DATA, 1_610_612_736),
        ("1gb", DATA, 10**9),
        ("  1   gB ", DATA, 10**9),
        ("007 MB", DATA, 7_000_000),
        ("9223372036854775807 B", DATA, AMOUNT_MAX),
        ("9223372036.854775807 GB", DATA, AMOUNT_MAX),
        ("45 s", VOICE, 45),
        ("45 sec", VOICE, 45),
        ("10min", VOICE, 600),
        ("0.5 min", VOICE, 30),
        ("2 h", VOICE, 7_200),
        ("20 sms", SMS, 20),
        ("1 SMS", SMS, 1),
    ],
)
def test_an_amount_is_read_in_base_units(text: str, unit: Unit, amount: int) -> None:
    assert parse_quantity(text) == Quantity(amount, unit)
    assert parse_quantity(text, unit) == Quantity(amount, unit)


@pytest.mark.parametrize("unit", Unit)
def test_a_bare_number_counts_base_units_of_what_is_asked_for(unit: Unit) -> None:
    assert parse_quantity("12", unit) == Quantity(12, unit)


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [
        ("", None, Code.AMOUNT_UNREADABLE),
        ("", DATA, Code.AMOUNT_UNREADABLE),
        ("   ", DATA, Code.AMOUNT_UNREADABLE),
        ("GB", None, Code.AMOUNT_UNREADABLE),
        ("12", None, Code.AMOUNT_UNREADABLE),
        ("1e9", DATA, Code.AMOUNT_UNREADABLE),
        ("1e9 B", None, Code.AMOUNT_UNREADABLE),
        ("1,000 MB", None, Code.AMOUNT_UNREADABLE),
        ("1_000 MB", None, Code.AMOUNT_UNREADABLE),
        (".5 GB", None, Code.AMOUNT_UNREADABLE),
        ("5. GB", None, Code.AMOUNT_UNREADABLE),
        ("+5 GB", None, Code.AMOUNT_UNREADABLE),
        ("--5 GB", None, Code.AMOUNT_UNREADABLE),
        ("1 GB 2 MB", None, Code.AMOUNT_UNREADABLE),
        ("0x10 B", None, Code.AMOUNT_UNREADABLE),
        ("1 PB", None, Code.AMOUNT_UNREADABLE),
        ("1 potato", DATA, Code.AMOUNT_UNREADABLE),
        ("inf", DATA, Code.AMOUNT_UNREADABLE),
        ("NaN GB", None, Code.AMOUNT_UNREADABLE),
        ("９GB", None, Code.AMOUNT_UNREADABLE),
        ("1 ＧＢ", None, Code.AMOUNT_UNREADABLE),
        ("١ GB", None, Code.AMOUNT_UNREADABLE),
        ("1 \u212aB", None, Code.AMOUNT_UNREADABLE),
        ("1 GB\0", None, Code.AMOUNT_UNREADABLE),
        ("1" * 41, DATA, Code.AMOUNT_UNREADABLE),
        ("0", DATA, Code.AMOUNT_NOT_POSITIVE),
        ("0 GB", None, Code.AMOUNT_NOT_POSITIVE),
        ("-0 GB", None, Code.AMOUNT_NOT_POSITIVE),
        ("-5MB", None, Code.AMOUNT_NOT_POSITIVE),
        ("0.5B", None, Code.AMOUNT_FRACTIONAL),
        ("-0.5B", None, Code.AMOUNT_FRACTIONAL),
        ("1.5 SMS", None, Code.AMOUNT_FRACTIONAL),
        ("1.0000000001 GB", None, Code.AMOUNT_FRACTIONAL),
        ("0.01 min", None, Code.AMOUNT_FRACTIONAL),
        ("1.5", SMS, Code.AMOUNT_FRACTIONAL),
        # As exact as it is long
        ("1000000000.0000000000000000000001 B", None, Code.AMOUNT_FRACTIONAL),
        ("0.0000000000000000000000000000001 TB", None, Code.AMOUNT_FRACTIONAL),
        ("9223372036854775808 B", None, Code.AMOUNT_TOO_LARGE),
        ("9223372036854775808", SMS, Code.AMOUNT_TOO_LARGE),
        ("9223372036.854775808 GB", None, Code.AMOUNT_TOO_LARGE),
        ("9" * 37 + " TB", None, Code.AMOUNT_TOO_LARGE),
        ("1 min", DATA, Code.UNIT_MISMATCH),
        ("1 GB", SMS, Code.UNIT_MISMATCH),
        ("0 GB", SMS, Code.UNIT_MISMATCH),
    ],
)
def test_what_is_no_amount_is_refused_by_a_code(text: str, unit: Unit | None, code: Code) -> None:
    with pytest.raises(DomainError) as caught:
        parse_quantity(text, unit)
    assert caught.value.refusal.code is code


def test_a_refusal_does_not_repeat_a_text_of_any_length() -> None:
    with pytest.raises(DomainError) as caught:
        parse_quantity("x" * 10_000)
    assert len(str(caught.value.refusal.fields["text"])) <= 40


@given(st.text(max_size=60), st.none() | st.sampled_from(Unit))
def test_any_text_is_an_amount_or_refused(text: str, unit: Unit | None) -> None:
    try:
        quantity = parse_quantity(text, unit)
    except DomainError:
        return
    assert 0 < quantity.amount <= AMOUNT_MAX
    assert unit is None or quantity.unit is unit


@given(st.integers(1, AMOUNT_MAX), st.sampled_from([("B", 1), ("MB", 10**6), ("GiB", 2**30)]))
def test_an_amount_written_in_full_is_read_as_it_was(amount: int, suffix: tuple[str, int]) -> None:
    name, factor = suffix
    whole, rest = divmod(amount, factor)
    if rest == 0:
        assert parse_quantity(f"{whole} {name}").amount == amount
    assert parse_quantity(f"{amount} B").amount == amount


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, Code.AMOUNT_NOT_POSITIVE),
        (-1, Code.AMOUNT_NOT_POSITIVE),
        (AMOUNT_MAX + 1, Code.AMOUNT_TOO_LARGE),
    ],
)
def test_an_amount_that_can_not_be_moved_is_refused(amount: int, code: Code) -> None:
    with pytest.raises(DomainError) as caught:
        checked_quantity(amount, DATA)
    assert caught.value.refusal.code is code
    assert checked_quantity(AMOUNT_MAX, DATA).amount == AMOUNT_MAX


def test_a_unit_is_read_in_any_case_and_no_other_word_is() -> None:
    assert [parse_unit(text) for text in ("data", "Voice", "SMS")] == list(Unit)
    for text in ("", "minutes", "data "):
        with pytest.raises(DomainError) as raised:
            parse_unit(text)
        assert raised.value.refusal.code is Code.UNIT_UNKNOWN
