"""The shipped profiles say what the operators publish; a wrong profile is refused by name."""

import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.gift_rules import (
    Blackout,
    ClaimLifetime,
    Expiry,
    ExpiryKind,
    GiftRules,
    LastDays,
    Recipients,
    YoungLine,
)
from yuzuri.operators.plans import AllowanceClass, Hours, Price, Validity, ValidityKind
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import (
    SHIPPED,
    find_plan,
    gift_rules,
    read_profile,
    read_profiles,
    services,
)
from yuzuri.operators.services import (
    Bank,
    Conversion,
    MemberControl,
    PartnerApi,
    Pledge,
    Pool,
    Present,
    Service,
    Tank,
    TransferableCode,
)
from yuzuri.operators.sources import Confidence, Rule, Source

PROFILES = read_profiles()
FILES = sorted(SHIPPED.glob("*.toml"))

REQUIRED = {
    "airalo",
    "docomo",
    "fizz",
    "google-fi",
    "iijmio",
    "kddi",
    "mineo",
    "rakuten-mobile",
    "safaricom",
    "smart-ph",
    "softbank",
    "t-mobile",
    "telechoice",
    "vodacom-za",
    "yuzuri-mobile",
}


def amounts(*texts: str) -> tuple[Any, ...]:
    return tuple(parse_quantity(text) for text in texts)


def rules_of(where: str) -> GiftRules:
    """The gifting rules that hold for "operator" or "operator/plan"."""
    operator, _, plan_id = where.partition("/")
    profile = PROFILES[operator]
    return gift_rules(profile, find_plan(profile, plan_id) if plan_id else None)


def sources_of(where: str) -> dict[str, Source]:
    return PROFILES[where.partition("/")[0]].sources


DATA_ONLY = (Unit.DATA,)
FREE_JPY, FREE_ZAR = Price(minor=0, currency="JPY"), Price(minor=0, currency="ZAR")
LATER, KEEP = Expiry(kind=ExpiryKind.LATER_OF_BOTH), Expiry(kind=ExpiryKind.KEEP)
NIGHT_DAILY_BONUS = {AllowanceClass.NIGHT, AllowanceClass.DAILY, AllowanceClass.BONUS}

# One published fact a line: whose rule, which rule, what it says.
PUBLISHED: tuple[tuple[str, str, object], ...] = (
    # mineo
    ("mineo", "offered", True),
    ("mineo", "units", DATA_ONLY),
    ("mineo", "recipients", Recipients.SAME_OPERATOR),
    ("mineo", "step", amounts("10 MB")),
    ("mineo", "minimum", amounts("10 MB")),
    ("mineo", "maximum", amounts("9990 MB")),
    ("mineo", "fee", FREE_JPY),
    ("mineo", "claim_lifetime", ClaimLifetime(days=2, month_end=True)),
    ("mineo", "expiry", Expiry(kind=ExpiryKind.RESET, months=1)),
    ("mineo", "unclaimed_returns", True),
    ("mineo", "young_line", YoungLine(days=45, volume_per_month=parse_quantity("6 GB"))),
    # IIJmio
    ("iijmio", "offered", True),
    ("iijmio", "units", DATA_ONLY),
    ("iijmio", "recipients", Recipients.SAME_ACCOUNT),
    ("iijmio", "plan_types", {"giga_plan": ("giga_plan",)}),
    ("iijmio", "fee", FREE_JPY),
    ("iijmio", "expiry", KEEP),
    # au and povo
    ("kddi/au", "offered", True),
    ("kddi/au", "units", DATA_ONLY),
    ("kddi/au", "step", amounts("500 MB")),
    ("kddi/au", "recipients", Recipients.BILLING_GROUP),
    ("kddi/au", "excluded", (AllowanceClass.BOUGHT,)),
    ("kddi/au", "plan_types", {"data_gift": ("data_gift",)}),
    (
        "kddi/au",
        "blackout",
        Blackout(since=time(23), until=time(9), since_day=0, until_day=1),
    ),
    ("kddi/povo", "offered", False),
    # no gift was found
    ("docomo", "offered", False),
    ("docomo/ahamo", "offered", False),
    ("docomo/irumo", "offered", False),
    ("softbank", "offered", False),
    ("softbank/linemo", "offered", False),
    ("rakuten-mobile", "offered", False),
    ("t-mobile", "offered", False),
    # LINE Mobile, while it was
    ("line-mobile", "offered", False),
    ("line-mobile", "minimum", amounts("500 MB")),
    ("line-mobile", "sources", (AllowanceClass.BASE,)),
    ("line-mobile", "cycle_share_percent", 100),
    ("line-mobile", "regift", False),
    ("line-mobile", "expiry", Expiry(kind=ExpiryKind.RESET, months=0)),
    # nuro mobile
    ("nuro-mobile", "minimum", amounts("10 MB")),
    ("nuro-mobile", "step", amounts("1 MB")),
    ("nuro-mobile", "pending_max", 1),
    # Safaricom
    ("safaricom", "offered", True),
    ("safaricom", "units", DATA_ONLY),
    ("safaricom", "recipients", Recipients.SAME_OPERATOR),
    ("safaricom", "minimum", amounts("5 MB")),
    ("safaricom", "maximum", amounts("10 MB")),
    ("safaricom", "volume_per_day", amounts("20 MB")),
    ("safaricom", "count_per_day", 2),
    ("safaricom", "count_per_month", 20),
    ("safaricom", "keep", amounts("5 MB")),
    ("safaricom", "expiry", LATER),
    ("safaricom", "reversible", False),
    ("safaricom", "resale", False),
    ("safaricom", "plan_types", {"prepaid": ("*",), "postpaid": ("*",)}),
    # Vodacom
    ("vodacom-za", "offered", True),
    ("vodacom-za", "units", DATA_ONLY),
    ("vodacom-za", "sizes", amounts("50 MB", "100 MB", "250 MB", "500 MB", "1 GB")),
    ("vodacom-za", "recipients", Recipients.LINKED_NUMBERS),
    ("vodacom-za", "linked_numbers_max", 5),
    ("vodacom-za", "fee", FREE_ZAR),
    ("vodacom-za", "excluded", (AllowanceClass.BONUS,)),
    ("vodacom-za", "last_days", LastDays(short_days=3, long_days=5, short_bundle_days=29)),
    # Smart
    ("smart-ph", "offered", True),
    ("smart-ph", "units", DATA_ONLY),
    ("smart-ph", "minimum", amounts("50 MB")),
    ("smart-ph", "fee", Price(minor=100, currency="PHP")),
    ("smart-ph", "expiry", Expiry(kind=ExpiryKind.FIXED, hours=24)),
    ("smart-ph", "regift", False),
    ("smart-ph", "plan_types", {"prepaid": ("prepaid",)}),
    # Fizz
    ("fizz", "offered", True),
    ("fizz", "units", DATA_ONLY),
    ("fizz", "minimum", amounts("500 MB")),
    ("fizz", "maximum", None),
    ("fizz", "sources", (AllowanceClass.BASE,)),
    ("fizz", "regift", False),
    ("fizz", "refusable", False),
    ("fizz", "reversible", False),
    ("fizz", "expiry", Expiry(kind=ExpiryKind.RECIPIENT_CYCLE, cycles=1)),
    # TeleChoice, Tangerine
    ("telechoice", "offered", True),
    ("telechoice", "units", DATA_ONLY),
    ("telechoice", "step", amounts("1 GB")),
    ("telechoice", "minimum", amounts("1 GB")),
    ("telechoice", "cycle_share_percent", 50),
    ("telechoice", "regift", False),
    ("telechoice", "resale", False),
    ("telechoice", "plan_types", {"mobile": ("mobile", "data_only")}),
    # Cell C
    ("cell-c", "offered", True),
    ("cell-c", "volume_per_month", amounts("1 GB")),
    ("cell-c", "count_per_day", 3),
    ("cell-c", "fee", FREE_ZAR),
    # Liquid Home
    ("liquid-home", "minimum", amounts("1 GB")),
    ("liquid-home", "maximum", amounts("10 GB")),
    ("liquid-home", "count_per_month", 2),
    ("liquid-home", "volume_per_month", amounts("20 GB")),
    ("liquid-home", "expiry", LATER),
    # travel eSIM
    ("airalo", "offered", False),
    # the example
    ("yuzuri-mobile", "offered", True),
    ("yuzuri-mobile", "units", (Unit.DATA, Unit.VOICE, Unit.SMS)),
    ("yuzuri-mobile", "step", amounts("1 MB", "60 s", "1 sms")),
    ("yuzuri-mobile", "regift", True),
    ("yuzuri-mobile", "expiry", KEEP),
    ("yuzuri-mobile", "claim_lifetime", ClaimLifetime(hours=72)),
)


@pytest.mark.parametrize(("where", "name", "value"), PUBLISHED)
def test_a_published_rule_is_told_as_it_is_published(where: str, name: str, value: object) -> None:
    rule = getattr(rules_of(where), name)
    assert (rule.value if rule is not None else None) == value


@pytest.mark.parametrize(
    ("where", "names"),
    [
        # Nothing was published on these, or nobody could confirm it.
        ("google-fi", GiftRules.__struct_fields__),
        ("kddi", GiftRules.__struct_fields__),
        ("spusu", GiftRules.__struct_fields__),
        ("mineo", ("keep", "count_per_day", "count_per_month", "volume_per_month", "regift")),
        ("mineo", ("refusable", "reversible", "excluded", "sources", "sizes", "blackout")),
        ("iijmio", ("step", "minimum", "maximum", "count_per_day", "regift")),
        ("kddi/au", ("maximum", "expiry", "claim_lifetime", "count_per_day", "regift")),
        ("safaricom", ("step", "refusable", "regift", "claim_lifetime", "received_per_month")),
        ("vodacom-za", ("expiry", "step", "regift", "reversible", "count_per_day")),
        ("smart-ph", ("maximum", "step", "count_per_day", "reversible", "refusable")),
        ("fizz", ("step", "maximum", "fee", "count_per_month")),
        ("telechoice", ("expiry", "maximum", "fee", "refusable", "reversible")),
        ("cell-c", ("step", "minimum", "expiry", "recipients")),
        ("docomo/ahamo", tuple(n for n in GiftRules.__struct_fields__ if n != "offered")),
        ("t-mobile", tuple(n for n in GiftRules.__struct_fields__ if n != "offered")),
    ],
)
def test_what_nobody_could_confirm_is_left_out(where: str, names: tuple[str, ...]) -> None:
    assert {name: getattr(rules_of(where), name) for name in names} == dict.fromkeys(names)


def test_safaricom_excludes_night_daily_and_promotional_bundles() -> None:
    excluded = rules_of("safaricom").excluded
    assert excluded is not None
    assert set(excluded.value) == NIGHT_DAILY_BONUS


def test_telechoice_excludes_bank_bolt_ons_and_bonus() -> None:
    excluded = rules_of("telechoice").excluded
    assert excluded is not None
    assert set(excluded.value) == {
        AllowanceClass.CARRIED_OVER,
        AllowanceClass.BOUGHT,
        AllowanceClass.BONUS,
    }


@pytest.mark.parametrize(
    ("giver", "receivers"),
    [
        ("prepaid", {"prepaid"}),
        ("hybrid", {"hybrid", "postpaid"}),
        ("postpaid", {"hybrid", "postpaid"}),
        ("nxt_lvl_prepaid", {"nxt_lvl_prepaid"}),
        ("nxt_lvl_hybrid", {"nxt_lvl_hybrid"}),
        ("broadband_hybrid", {"broadband_hybrid", "broadband_postpaid"}),
        ("broadband_postpaid", {"broadband_hybrid", "broadband_postpaid"}),
    ],
)
def test_vodacom_lets_a_plan_type_give_to_these(giver: str, receivers: set[str]) -> None:
    matrix = rules_of("vodacom-za").plan_types
    assert matrix is not None
    assert set(matrix.value[giver]) == receivers


@pytest.mark.parametrize(
    ("where", "can_give"),
    [
        ("safaricom/no-expiry", True),
        ("safaricom/postpaid", True),
        ("safaricom/company-postpaid", False),
        ("telechoice/mobile-35gb", True),
        ("telechoice/data-only", False),
        ("kddi/au", True),
        ("kddi/au-max-plus", False),
        ("iijmio/giga-5gb", True),
        ("iijmio/old-plan", False),
        ("smart-ph/giga-video-99", True),
        ("smart-ph/home-wifi", False),
    ],
)
def test_some_plans_can_receive_but_not_give(where: str, can_give: bool) -> None:
    operator, _, plan_id = where.partition("/")
    plan = find_plan(PROFILES[operator], plan_id)
    matrix = rules_of(where).plan_types
    assert matrix is not None
    assert bool(set(plan.types) & set(matrix.value)) is can_give


# ---------------------------------------------------------------- how sure


@pytest.mark.parametrize(
    ("where", "name", "confidence"),
    [
        ("docomo", "offered", Confidence.MEDIUM),
        ("docomo/ahamo", "offered", Confidence.MEDIUM),
        ("docomo/irumo", "offered", Confidence.MEDIUM),
        ("softbank", "offered", Confidence.MEDIUM),
        ("softbank/linemo", "offered", Confidence.MEDIUM),
        ("rakuten-mobile", "offered", Confidence.MEDIUM),
        ("kddi/povo", "offered", Confidence.MEDIUM),
        ("t-mobile", "offered", Confidence.LOW),
        ("kddi/au", "step", Confidence.MEDIUM),
        ("safaricom", "excluded", Confidence.MEDIUM),
        ("smart-ph", "minimum", Confidence.MEDIUM),
        ("mineo", "step", Confidence.HIGH),
        ("iijmio", "expiry", Confidence.HIGH),
        ("fizz", "refusable", Confidence.HIGH),
    ],
)
def test_a_rule_is_as_sure_as_its_source(where: str, name: str, confidence: Confidence) -> None:
    rule = getattr(rules_of(where), name)
    assert sources_of(where)[rule.source].confidence is confidence


@pytest.mark.parametrize(
    "where",
    [
        "docomo",
        "docomo/ahamo",
        "docomo/irumo",
        "softbank",
        "softbank/linemo",
        "rakuten-mobile",
        "kddi/povo",
        "t-mobile",
    ],
)
def test_where_no_gift_was_found_the_source_says_that_nothing_official_says_so(
    where: str,
) -> None:
    offered = rules_of(where).offered
    assert offered is not None
    assert "no official page says so" in sources_of(where)[offered.source].title


AS_OF = re.compile(r"20[0-9]{2}(-[0-9]{2}(-[0-9]{2})?)?")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_every_source_says_where_as_of_when_and_how_sure(profile: Profile) -> None:
    for source in profile.sources.values():
        assert source.title
        assert source.url
        assert AS_OF.fullmatch(source.as_of)
        assert source.as_of[:7] <= "2026-11"
        assert isinstance(source.confidence, Confidence)


def rules_in(profile: Profile) -> Iterator[Rule[Any]]:
    if profile.colour is not None:
        yield profile.colour
    for rules in (profile.gift, *(brand.gift for brand in profile.brands.values())):
        for name in GiftRules.__struct_fields__:
            if (rule := getattr(rules, name)) is not None:
                yield rule


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_every_source_is_used_and_every_rule_has_one(profile: Profile) -> None:
    cited = {rule.source for rule in rules_in(profile)}
    for plan in profile.plans:
        cited |= {plan.source, *(top_up.source for top_up in plan.top_ups)}
        if plan.fair_use is not None:
            cited.add(plan.fair_use.source)
    cited |= {service.source for service in profile.services}
    for brand in profile.brands.values():
        cited |= {service.source for service in brand.services}
    spare = set(profile.sources) - cited
    # Why a plan lives until the end of the next month, or how many lines share: read there.
    assert spare <= {"carry-over", "share-lines", "once-off"}
    assert cited <= set(profile.sources)


# ---------------------------------------------------------------- other ways to share


def service_of(where: str, name: str) -> Service:
    operator, _, plan_id = where.partition("/")
    profile = PROFILES[operator]
    plan = find_plan(profile, plan_id) if plan_id else None
    return next(s for s in services(profile, plan) if s.name.en == name)


def test_mineo_shares_by_pool_tank_bank_and_pledge() -> None:
    pool = service_of("mineo", "Packet Share")
    assert isinstance(pool, Pool)
    assert (pool.lines_max, pool.sources) == (10, (AllowanceClass.CARRIED_OVER,))
    tank = service_of("mineo", "Free Tank")
    assert isinstance(tank, Tank)
    assert tank.draw_per_month == parse_quantity("1000 MB")
    assert (tank.draws_per_month, tank.opens_on_day) == (2, 21)
    assert tank.only_when_left_at_most == parse_quantity("500 MB")
    assert tank.left_limit_for_net_takers
    disaster = service_of("mineo", "Free Tank for disasters")
    assert isinstance(disaster, Tank)
    assert disaster.only_when_left_at_most == parse_quantity("1 GB")
    assert (disaster.in_area, disaster.open_days, disaster.extendable) == (True, 14, True)
    bank = service_of("mineo", "Pasket")
    assert isinstance(bank, Bank)
    assert bank.price_per_month == Price(minor=110, currency="JPY")
    assert bank.deposit_per_month == parse_quantity("100 GB")
    assert bank.expiry == Expiry(kind=ExpiryKind.RESET, months=1)
    pledge = service_of("mineo", "Yuzurune")
    assert isinstance(pledge, Pledge)
    assert pledge.quiet_hours == Hours(since=time(12), until=time(13))
    assert (pledge.weekdays_only, pledge.counted_from_day) == (True, 21)
    assert pledge.rewards == ((5, parse_quantity("100 MB")), (15, parse_quantity("200 MB")))
    assert pledge.free_use == ((10, Hours(since=time(23), until=time(7))),)


def test_iijmio_pools_within_one_account_and_keeps_the_expiry() -> None:
    pool = service_of("iijmio", "Data share")
    assert isinstance(pool, Pool)
    assert (pool.lines_max, pool.voice_lines_max, pool.several_groups) == (10, 5, True)
    assert (pool.recipients, pool.expiry) == (Recipients.SAME_ACCOUNT, ExpiryKind.KEEP)


def test_au_data_present_buys_anew_for_any_au_number() -> None:
    present = service_of("kddi/au", "Data Present")
    assert isinstance(present, Present)
    assert present.prices == (
        (parse_quantity("500 MB"), Price(minor=550, currency="JPY")),
        (parse_quantity("1 GB"), Price(minor=1000, currency="JPY")),
    )
    assert present.validity == Validity(kind=ValidityKind.DAYS, count=62)
    assert present.recipients is Recipients.SAME_BRAND


@pytest.mark.parametrize(
    ("name", "transferable", "resale"),
    [("Promo code", False, None), ("Prepaid code", True, False), ("Trade code", True, False)],
)
def test_povo_codes_can_be_handed_on_or_not(
    name: str, transferable: bool, resale: bool | None
) -> None:
    code = service_of("kddi/povo", name)
    assert isinstance(code, TransferableCode)
    assert (code.transferable, code.resale) == (transferable, resale)
    assert code.starts_at_entry


def test_a_service_of_one_brand_is_not_another_brands() -> None:
    assert {s.name.en for s in services(PROFILES["docomo"], None)} == {"Share Pack (old plans)"}
    docomo = PROFILES["docomo"]
    assert services(docomo, find_plan(docomo, "ahamo")) == ()
    share_pack = service_of("docomo", "Share Pack (old plans)")
    assert isinstance(share_pack, Pool)
    assert share_pack.over_cap == "128 kbps"


def test_google_fi_managers_control_members() -> None:
    group = service_of("google-fi", "Group plan")
    assert isinstance(group, MemberControl)
    assert (group.data_only_lines_max, group.slow_kbps, group.lag) == (4, 256, 600)


def test_spusu_turns_minutes_and_messages_into_data() -> None:
    for name, for_each in (
        ("Data reserve from minutes", "60 s"),
        ("Data reserve from SMS", "1 sms"),
    ):
        reserve = service_of("spusu", name)
        assert isinstance(reserve, Conversion)
        assert reserve.gives == parse_quantity("1 MB")
        assert reserve.for_each == parse_quantity(for_each)
        assert (reserve.reserve_max_percent_of_plan, reserve.expires) == (200, False)


def test_a_travel_reseller_orders_anew_and_never_splits_a_started_bundle() -> None:
    api = service_of("airalo", "Order new data for the other person")
    assert isinstance(api, PartnerApi)
    assert (api.order, api.top_up, api.share_link) == (True, True, True)
    assert not api.split_started


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("where", "amount", "kind", "count"),
    [
        ("docomo/ahamo", "30 GB", ValidityKind.MONTH_END, 0),
        ("docomo/ahamo-omori", "110 GB", ValidityKind.MONTH_END, 0),
        ("docomo/irumo-3gb", "3 GB", ValidityKind.MONTH_END, 0),
        ("softbank/linemo", "10 GB", ValidityKind.MONTH_END, 0),
        ("softbank/minifit", "3 GB", ValidityKind.MONTH_END, 0),
        ("kddi/au-flat-5", "5 GB", ValidityKind.NEXT_MONTH_END, 0),
        ("mineo/mypita-10gb", "10 GB", ValidityKind.NEXT_MONTH_END, 0),
        ("iijmio/giga-5gb", "5 GB", ValidityKind.NEXT_MONTH_END, 0),
        ("google-fi/simply-unlimited", "35 GB", ValidityKind.MONTH_END, 0),
        ("safaricom/no-expiry", "1250 MB", ValidityKind.NEVER, 0),
        ("safaricom/daily", "25 MB", ValidityKind.DAYS, 1),
        ("vodacom-za/prepaid-30-days", "1 GB", ValidityKind.DAYS, 30),
        ("smart-ph/giga-video-99", "2 GB", ValidityKind.DAYS, 7),
        ("telechoice/mobile-35gb", "35 GB", ValidityKind.MONTH_END, 0),
        ("airalo/japan-1gb-7d", "1 GB", ValidityKind.DAYS, 7),
        ("yuzuri-mobile/monthly", "20 GB", ValidityKind.MONTH_END, 0),
        ("yuzuri-mobile/travel-7d", "5 GB", ValidityKind.DAYS, 7),
        ("yuzuri-mobile/hours-24", "3 GB", ValidityKind.HOURS, 24),
    ],
)
def test_a_plan_gives_so_much_for_so_long(
    where: str, amount: str, kind: ValidityKind, count: int
) -> None:
    operator, _, plan_id = where.partition("/")
    given = find_plan(PROFILES[operator], plan_id).gives[0]
    assert given.amount == parse_quantity(amount)
    assert given.validity == Validity(kind=kind, count=count)


def test_a_safaricom_night_bundle_is_for_the_night() -> None:
    (night,) = find_plan(PROFILES["safaricom"], "night").gives
    assert night.hours == Hours(since=time(22), until=time(6))
    assert night.source_class == "bonus"
    ordinary = find_plan(PROFILES["safaricom"], "no-expiry").gives[0]
    assert ordinary.hours is None
    assert ordinary.source_class == "base"


def test_yuzuri_mobile_shows_every_kind_of_allowance() -> None:
    yuzuri = PROFILES["yuzuri-mobile"]
    monthly = find_plan(yuzuri, "monthly")
    assert {given.amount.unit for given in monthly.gives} == set(Unit)
    nights = [given.hours for given in monthly.gives if given.hours is not None]
    assert nights == [Hours(since=time(23), until=time(6))]
    assert all(given.paid for top_up in monthly.top_ups for given in top_up.gives)
    kinds = {given.validity.kind for plan in yuzuri.plans for given in plan.gives}
    assert kinds == set(ValidityKind) - {ValidityKind.NEVER}
    assert len({given.zone for plan in yuzuri.plans for given in plan.gives}) > 1


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_what_is_bought_says_that_it_is_paid(profile: Profile) -> None:
    for plan in profile.plans:
        for top_up in plan.top_ups:
            assert all(g.paid and g.source_class == "bought" for g in top_up.gives), top_up.id


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_no_paid_value_of_japan_is_sold_for_longer_than_the_law_allows(profile: Profile) -> None:
    if profile.country != "JP":
        return
    for plan in profile.plans:
        for given in (*plan.gives, *(g for top_up in plan.top_ups for g in top_up.gives)):
            if given.paid:
                assert given.validity.kind is not ValidityKind.NEVER
                assert given.validity.kind is not ValidityKind.DAYS or given.validity.count <= 180


# ---------------------------------------------------------------- the files


def test_the_profiles_that_were_promised_are_there() -> None:
    assert set(PROFILES) >= REQUIRED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_profile_reads_clean(path: Path) -> None:
    profile = read_profile(path)
    assert profile.id == path.stem
    assert profile.plans
    for name in (profile.name, *(p.name for p in profile.plans)):
        assert name.en
        assert name.ja
        assert name.zh


GOOD = """
id = "good"
name = { en = "Good", ja = "Good", zh = "Good" }
kind = "network"
country = "JP"
timezone = "Asia/Tokyo"
networks = ["good"]

[sources.page]
title = "A page"
url = "https://example.org"
as_of = "2026-11"
confidence = "high"

[gift]
offered = { value = true, source = "page" }
step = { value = ["10 MB"], source = "page" }
plan_types = { value = { prepaid = ["*"] }, source = "page" }
expiry = { value = { kind = "fixed", hours = 24 }, source = "page" }

[[plans]]
id = "plan"
name = { en = "Plan", ja = "Plan", zh = "Plan" }
types = ["prepaid"]
source = "page"
gives = [{ amount = "1 GB", validity = { kind = "days", count = 30 }, zone = "JP" }]
fair_use = { value = "128 kbps", source = "page" }
"""


def test_a_good_file_reads(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    assert read_profile(path).id == "good"


def test_a_zone_of_the_operators_own_covers_its_countries_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    east = GOOD.replace("[gift]", '[zones]\neast = ["JP", "KR"]\n[gift]')
    path.write_text(east.replace('zone = "JP"', 'zone = "east"'))
    good = read_profile(path)
    assert good.covers("east", "KR")
    assert not good.covers("east", "US")
    assert good.covers("US", "US")
    assert not good.covers("JP", "KR")


def test_asia_covers_japan_and_korea_and_not_france() -> None:
    yuzuri = PROFILES["yuzuri-mobile"]
    assert [yuzuri.covers("asia", country) for country in ("JP", "KR", "FR")] == [True, True, False]


SECOND_PLAN = GOOD[GOOD.index("[[plans]]") :]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("networks", "netwroks", "netwroks", id="a wrong key"),
        pytest.param("step =", "steps =", "steps", id="a wrong rule"),
        pytest.param('"high"', '"sure"', "sure", id="a wrong confidence"),
        pytest.param('"network"', '"shop"', "shop", id="a wrong kind"),
        pytest.param("10 MB", "10 MBit", "amount.unreadable", id="a wrong amount"),
        pytest.param("10 MB", "1.5 B", "amount.fractional", id="half a byte"),
        pytest.param("10 MB", "0 MB", "amount.not_positive", id="nothing"),
        pytest.param("10 MB", "-10 MB", "amount.not_positive", id="less than nothing"),
        pytest.param('["10 MB"]', "[10]", "$.gift.step", id="an amount without a unit"),
        pytest.param(
            '"10 MB"], source = "page"', '"10 MB"], source = "book"', "'book'", id="no such source"
        ),
        pytest.param(
            '"128 kbps", source = "page"', '"x", source = "book"', "fair_use", id="nor of fair use"
        ),
        pytest.param('["10 MB"]', '["10 MB", "1 GB"]', "gift.step", id="a unit told twice"),
        pytest.param("Asia/Tokyo", "Asia/Kyoto", "Asia/Kyoto", id="no such time zone"),
        pytest.param("Asia/Tokyo", "", "time zone", id="no time zone"),
        pytest.param('"2026-11"', '"recently"', "recently", id="no date"),
        pytest.param('"2026-11"', '"2026-13"', "2026-13", id="no such month"),
        pytest.param('id = "good"', 'id = "other"', "'other'", id="a file that is not its id"),
        pytest.param("prepaid = [", "prepiad = [", "prepiad", id="a plan type that no plan is"),
        pytest.param("hours = 24", "hours = 0", "expiry", id="a fixed time of nothing"),
        pytest.param("count = 30", "count = 0", "validity", id="a validity of nothing"),
        pytest.param("[[plans]]", SECOND_PLAN + "\n[[plans]]", "one id", id="a plan told twice"),
        pytest.param(
            'types = ["prepaid"]',
            'types = ["prepaid"]\nbrand = "none"',
            "'none'",
            id="no such brand",
        ),
        pytest.param('country = "JP"', 'country = "JA"', "'JA'", id="no such country"),
        pytest.param('zone = "JP"', 'zone = "moon"', "'moon'", id="no such zone"),
        pytest.param("[gift]", '[zones]\neast = ["JA"]\n[gift]', "'JA'", id="nor in a zone"),
        pytest.param("[gift]", "[zones]\neast = []\n[gift]", "'east'", id="a zone of nothing"),
        pytest.param("[gift]", '[zones]\nKR = ["JP"]\n[gift]', "'KR'", id="a zone like a country"),
        pytest.param(
            'country = "JP"',
            'country = "JP"\ncolour = { value = "red", source = "page" }',
            "colour.value",
            id="no colour",
        ),
        pytest.param("[gift]", "[gift", "", id="not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    path = tmp_path / "good.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(DomainError) as raised:
        read_profile(path)
    assert_names(raised.value, says)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_bytes(b'id = "\xff"')
    with pytest.raises(DomainError) as raised:
        read_profile(path)
    assert_names(raised.value, "utf-8")


def test_one_wrong_file_is_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    assert set(read_profiles(tmp_path)) == {"good"}
    (tmp_path / "late.toml").write_text(GOOD)
    with pytest.raises(DomainError) as raised:
        read_profiles(tmp_path)
    assert raised.value.refusal.fields["file"] == "late.toml"


def assert_names(error: DomainError, says: str) -> None:
    refusal = error.refusal
    assert refusal.code is Code.PROFILE_INVALID
    assert refusal.fields["file"] == "good.toml"
    assert says in str(refusal.fields["problem"])


# ---------------------------------------------------------------- finding


def test_an_unknown_operator_is_told_which_there_are() -> None:
    with pytest.raises(DomainError) as raised:
        PROFILES["nobody"]
    assert raised.value.refusal.code is Code.OPERATOR_UNKNOWN
    assert raised.value.refusal.fields["known"] == tuple(sorted(PROFILES))


def test_an_unknown_plan_is_told_which_there_are() -> None:
    with pytest.raises(DomainError) as raised:
        find_plan(PROFILES["kddi"], "nothing")
    assert raised.value.refusal.code is Code.PLAN_UNKNOWN
    assert {"au", "povo"} <= set(raised.value.refusal.fields["known"])  # type: ignore[arg-type]
