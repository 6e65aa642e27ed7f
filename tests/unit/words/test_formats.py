"""Amounts, times, prices and lists as each language writes them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit
from yuzuri.words.formats import (
    say_day,
    say_days,
    say_instant,
    say_list,
    say_price,
    say_quantity,
    say_times,
    say_unit,
    say_until,
)

EN, JA, ZH = Language.EN, Language.JA, Language.ZH
TOKYO, BERLIN, KATHMANDU = map(ZoneInfo, ("Asia/Tokyo", "Europe/Berlin", "Asia/Kathmandu"))
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 MB"),
        (1, "1 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_001, "1.001 kB"),
        (15_000_000, "15 MB"),
        (999_999, "999.999 kB"),
        (999_999_999, "999.999 MB"),
        (1_000_000_000, "1 GB"),
        (1_000_000_001, "1 GB"),
        (1_234_567_890, "1.234 GB"),
        (1_500_000_000, "1.5 GB"),
        (1_999_999_999, "1.999 GB"),
        (10**12, "1 TB"),
        (AMOUNT_MAX, "9,223,372.036 TB"),
        (-1_500_000, "-1.5 MB"),
    ],
)
def test_data_is_said_in_the_largest_unit_that_it_fills(amount: int, said: str) -> None:
    assert say_quantity(Quantity(amount, Unit.DATA), EN) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (1_000_000_001, "1,000,000.001 kB"),
        (1_234_567_890, "1,234,567.89 kB"),
        (1_500_000_000, "1.5 GB"),
        (10_000_100, "10,000.1 kB"),
        (999, "999 B"),
    ],
)
def test_data_can_be_said_exactly(amount: int, said: str) -> None:
    assert say_quantity(Quantity(amount, Unit.DATA), EN, exact=True) == said


@given(st.integers(1, AMOUNT_MAX))
def test_data_never_reads_as_more_than_it_is_nor_as_nothing(amount: int) -> None:
    quantity = Quantity(amount, Unit.DATA)
    shortly = parse_quantity(say_quantity(quantity, EN).replace(",", "")).amount
    assert 0 < shortly <= amount
    assert shortly > amount * 0.999
    assert parse_quantity(say_quantity(quantity, EN, exact=True).replace(",", "")) == quantity


@pytest.mark.parametrize(
    ("amount", "en", "ja", "zh"),
    [
        (0, "0 min", "0分", "0分钟"),
        (1, "1 s", "1秒", "1秒"),
        (59, "59 s", "59秒", "59秒"),
        (60, "1 min", "1分", "1分钟"),
        (61, "1 min 1 s", "1分1秒", "1分1秒"),
        (90, "1 min 30 s", "1分30秒", "1分30秒"),
        (600, "10 min", "10分", "10分钟"),
        (60_000, "1,000 min", "1,000分", "1,000分钟"),
        (-60, "-1 min", "-1分", "-1分钟"),
    ],
)
def test_call_time_is_said_in_minutes_and_seconds(amount: int, en: str, ja: str, zh: str) -> None:
    quantity = Quantity(amount, Unit.VOICE)
    assert [say_quantity(quantity, language) for language in (EN, JA, ZH)] == [en, ja, zh]


@pytest.mark.parametrize(
    ("quantity", "en", "ja", "zh"),
    [
        (Quantity(1_500_000_000, Unit.DATA), "1.5 GB", "1.5GB", "1.5GB"),
        (Quantity(1, Unit.SMS), "1 SMS", "SMS 1通", "1条短信"),
        (Quantity(3, Unit.SMS), "3 SMS", "SMS 3通", "3条短信"),
        (Quantity(1_000, Unit.SMS), "1,000 SMS", "SMS 1,000通", "1,000条短信"),
    ],
)
def test_amounts_are_written_as_each_language_writes_them(
    quantity: Quantity, en: str, ja: str, zh: str
) -> None:
    assert [say_quantity(quantity, language) for language in (EN, JA, ZH)] == [en, ja, zh]


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("instant", "zone", "said"),
    [
        (datetime(2026, 12, 31, 14, 30, tzinfo=UTC), TOKYO, "Thu 31 December 2026, 23:30 JST"),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), TOKYO, "Fri 1 January 2027, 00:00 JST"),
        (datetime(2026, 1, 5, 0, 0, tzinfo=UTC), UTC_ZONE, "Mon 5 January 2026, 00:00 UTC"),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), BERLIN, "Sun 29 March 2026, 01:59 CET"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), BERLIN, "Sun 29 March 2026, 03:00 CEST"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN, "Sun 25 October 2026, 02:30 CEST"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN, "Sun 25 October 2026, 02:30 CET"),
        (datetime(2026, 1, 1, tzinfo=UTC), KATHMANDU, "Thu 1 January 2026, 05:45 UTC+5:45"),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            ZoneInfo("America/St_Johns"),
            "Wed 31 December 2025, 20:30 UTC-3:30",
        ),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            ZoneInfo("Asia/Manila"),
            "Thu 1 January 2026, 08:00 UTC+8",
        ),
    ],
)
def test_an_instant_is_said_with_its_weekday_and_its_zone(
    instant: datetime, zone: ZoneInfo, said: str
) -> None:
    assert say_instant(instant, zone, EN) == said


def test_an_instant_is_written_as_each_language_writes_it() -> None:
    at = datetime(2026, 12, 31, 14, 30, tzinfo=UTC)
    assert say_instant(at, TOKYO, JA) == "2026年12月31日(木) 23:30 JST"
    assert say_instant(at, TOKYO, ZH) == "2026年12月31日 周四 23:30 JST"


def test_an_end_at_midnight_is_the_end_of_the_day_before() -> None:
    midnight = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)
    assert say_until(midnight, TOKYO, EN) == "end of 31 December 2026"
    assert say_until(midnight, TOKYO, JA) == "2026年12月31日いっぱい"
    assert say_until(midnight, TOKYO, ZH) == "2026年12月31日结束时"


@pytest.mark.parametrize(
    ("instant", "zone", "said"),
    [
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), UTC_ZONE, "Thu 31 December 2026, 15:00 UTC"),
        (datetime(2026, 12, 31, 15, 1, tzinfo=UTC), TOKYO, "Fri 1 January 2027, 00:01 JST"),
        (datetime(2026, 2, 28, 15, 0, tzinfo=UTC), TOKYO, "end of 28 February 2026"),
        (datetime(2028, 2, 29, 15, 0, tzinfo=UTC), TOKYO, "end of 29 February 2028"),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), BERLIN, "end of 29 March 2026"),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), BERLIN, "end of 25 October 2026"),
    ],
)
def test_only_midnight_of_the_zone_is_the_end_of_a_day(
    instant: datetime, zone: ZoneInfo, said: str
) -> None:
    assert say_until(instant, zone, EN) == said


def test_a_day_is_that_of_the_zone() -> None:
    at = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)
    assert say_day(at, TOKYO, EN) == "1 January 2027"
    assert say_day(at, UTC_ZONE, JA) == "2026年12月31日"


@pytest.mark.parametrize(
    ("language", "one", "several", "once", "often"),
    [
        (EN, "1 day", "45 days", "once", "5 times"),
        (JA, "1日", "45日", "1回", "5回"),
        (ZH, "1天", "45天", "1次", "5次"),
    ],
)
def test_days_and_times_are_counted(
    language: Language, one: str, several: str, once: str, often: str
) -> None:
    assert (say_days(1, language), say_days(45, language)) == (one, several)
    assert (say_times(1, language), say_times(5, language)) == (once, often)


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("minor", "currency", "en", "ja", "zh"),
    [
        (110, "JPY", "¥110", "110円", "110日元"),
        (12_345, "JPY", "¥12,345", "12,345円", "12,345日元"),
        (0, "JPY", "¥0", "0円", "0日元"),
        (12_340, "USD", "$123.40", "123.40米ドル", "123.40美元"),
        (5, "EUR", "€0.05", "0.05ユーロ", "0.05欧元"),
        (1_000, "KES", "KES 10.00", "10.00ケニア シリング", "10.00肯尼亚先令"),
        (1_250, "IQD", "IQD 1.25", "1.25イラク ディナール", "1.25伊拉克第纳尔"),
        (500, "KRW", "₩500", "500韓国ウォン", "500韩元"),
    ],
)
def test_a_price_in_minor_units_is_said_in_whole_ones(
    minor: int, currency: str, en: str, ja: str, zh: str
) -> None:
    assert [say_price(minor, currency, language) for language in (EN, JA, ZH)] == [en, ja, zh]


# ---------------------------------------------------------------- names of things


@pytest.mark.parametrize("language", Language)
def test_every_unit_has_a_name_of_its_own(language: Language) -> None:
    assert len({say_unit(unit, language) for unit in Unit}) == len(Unit)


def test_a_unit_that_nobody_knows_stays_as_it_is() -> None:
    assert say_unit("points", JA) == "points"


@pytest.mark.parametrize(
    ("parts", "language", "with_and", "with_or"),
    [
        ([], EN, "", ""),
        (["A"], EN, "A", "A"),
        (["A", "B"], EN, "A and B", "A or B"),
        (["A", "B", "C"], EN, "A, B and C", "A, B or C"),
        (["A", "B", "C"], JA, "A、B、C", "A、B、C"),
        (["A", "B", "C"], ZH, "A、B和C", "A、B或C"),
    ],
)
def test_lists_are_joined_as_a_sentence_would(
    parts: list[str], language: Language, with_and: str, with_or: str
) -> None:
    assert say_list(parts, language) == with_and
    assert say_list(parts, language, "or") == with_or
