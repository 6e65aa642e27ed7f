"""One case a line: an operator's plan, one of its rules, what is asked, and what that rule does."""

from dataclasses import dataclass, field
from typing import Any

from tests.unit.feasibility.asking import APART, DAY, HOUR, MICROSECOND, noon, past, some

from yuzuri.feasibility.question import Relation
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code
from yuzuri.ledger.allowances import Source


@dataclass(frozen=True)
class Case:
    """One line of the table: whether a rule of the giver's operator stands in the way, and how."""

    giver: str
    rule: str
    amount: str
    code: Code | None
    """The code by which the rule stands in the way; None: it does not."""
    feasible: bool | None
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        side = "keeps" if self.code is None else "breaks"
        return f"{self.giver} {side} {self.rule}: {self.amount} {','.join(self.given)}"


def ok(giver: str, rule: str, amount: str, **given: Any) -> Case:
    return Case(giver, rule, amount, None, True, given)


def no(giver: str, rule: str, amount: str, code: Code, **given: Any) -> Case:
    return Case(giver, rule, amount, code, False, given)


def open_(giver: str, rule: str, amount: str, code: Code | None, **given: Any) -> Case:
    return Case(giver, rule, amount, code, None, given)


def early(giver: str, **time: int) -> Any:
    """An instant of the question's month, before its day."""
    return noon(giver, **{"day": 3, **time})


MINEO, AU, IIJ = "mineo/mypita-10gb", "kddi/au-flat-5", "iijmio/giga-5gb"
SAFARICOM, VODACOM = "safaricom/no-expiry", "vodacom-za/prepaid-30-days"
TELECHOICE, FIZZ, SMART = "telechoice/mobile-35gb", "fizz/fizz", "smart-ph/giga-video-99"
YUZURI, LIQUID, CELL_C, NURO = (
    "yuzuri-mobile/monthly", "liquid-home/home", "cell-c/prepaid-30-days", "nuro-mobile/nuro",
)  # fmt: skip
LINE = "line-mobile/line-mobile"


def at(giver: str) -> Any:
    return noon(giver)


def has(giver: str, *amounts: str, **terms: Any) -> Any:
    return [some(amount, noon(giver), **terms) for amount in amounts]


NIGHT = DailyWindow(noon(MINEO).time().replace(hour=22), noon(MINEO).time().replace(hour=6), "UTC")

TABLE: tuple[Case, ...] = (
    # ------------------------------------------------------------ mineo
    ok(MINEO, "offered", "10 MB"),
    ok(MINEO, "units", "10 MB"),
    no(MINEO, "units", "1 min", Code.GIFT_UNIT_NOT_OFFERED),
    no(MINEO, "units", "1 sms", Code.GIFT_UNIT_NOT_OFFERED),
    ok(MINEO, "recipients", "10 MB", relation=APART),
    no(MINEO, "recipients", "10 MB", Code.GIFT_OTHER_OPERATOR, to=IIJ),
    ok(MINEO, "step", "20 MB"),
    no(MINEO, "step", "15 MB", Code.GIFT_STEP),
    no(MINEO, "step", "10000001 B", Code.GIFT_STEP),
    ok(MINEO, "minimum", "10 MB"),
    no(MINEO, "minimum", "9999999 B", Code.GIFT_MINIMUM),
    ok(MINEO, "maximum", "9990 MB"),
    no(MINEO, "maximum", "10000 MB", Code.GIFT_MAXIMUM),
    ok(MINEO, "young_line", "6 GB", age_days=44),
    no(MINEO, "young_line", "6010 MB", Code.GIFT_YOUNG_LINE_VOLUME, age_days=44.999),
    ok(MINEO, "young_line", "6010 MB", age_days=45),
    ok(MINEO, "young_line", "1 GB", age_days=9, sent=past(("5 GB", early(MINEO)))),
    no(MINEO, "young_line", "1010 MB", Code.GIFT_YOUNG_LINE_VOLUME, age_days=9,
       sent=past(("5 GB", early(MINEO)))),
    ok(MINEO, "young_line", "6 GB", age_days=40, sent=past(("6 GB", early(MINEO, month=10)))),
    ok(MINEO, "young_line", "6 GB", age_days=None),
    open_(MINEO, "young_line", "6010 MB", Code.GIFT_YOUNG_LINE_VOLUME, age_days=None),
    # ------------------------------------------------------------ IIJmio
    ok(IIJ, "offered", "1 B"),
    ok(IIJ, "units", "1 B"),
    no(IIJ, "units", "1 sms", Code.GIFT_UNIT_NOT_OFFERED),
    ok(IIJ, "recipients", "1 GB", relation=Relation(same_account=True)),
    no(IIJ, "recipients", "1 GB", Code.GIFT_OTHER_ACCOUNT, relation=APART),
    open_(IIJ, "recipients", "1 GB", Code.GIFT_OTHER_ACCOUNT, relation=Relation()),
    no(IIJ, "recipients", "1 GB", Code.GIFT_OTHER_OPERATOR, to=MINEO),
    ok(IIJ, "plan_types", "1 GB", to="iijmio/giga-15gb"),
    no(IIJ, "plan_types", "1 GB", Code.GIFT_PLAN_TYPE, to="iijmio/old-plan"),
    no("iijmio/old-plan", "plan_types", "1 GB", Code.GIFT_PLAN_TYPE, to=IIJ),
    open_("iijmio", "plan_types", "1 GB", Code.GIFT_PLAN_TYPE, to=IIJ),
    open_(IIJ, "plan_types", "1 GB", Code.GIFT_PLAN_TYPE, to="iijmio"),
    # ------------------------------------------------------------ au, povo
    ok(AU, "offered", "500 MB"),
    ok(AU, "units", "500 MB"),
    no(AU, "units", "1 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(AU, "recipients", "500 MB", relation=Relation(billing_group=True)),
    no(AU, "recipients", "500 MB", Code.GIFT_OTHER_BILLING_GROUP, relation=APART),
    open_(AU, "recipients", "500 MB", Code.GIFT_OTHER_BILLING_GROUP, relation=Relation()),
    ok(AU, "step", "1500 MB"),
    no(AU, "step", "501 MB", Code.GIFT_STEP),
    ok(AU, "excluded", "500 MB", has=has(AU, "500 MB")),
    no(AU, "excluded", "500 MB", Code.GIFT_EXCLUDED, has=has(AU, "9 GB", source=Source.BOUGHT)),
    ok(AU, "plan_types", "500 MB", to="kddi/au"),
    no(AU, "plan_types", "500 MB", Code.GIFT_PLAN_TYPE, to="kddi/au-max-plus"),
    no(AU, "plan_types", "500 MB", Code.GIFT_PLAN_TYPE, to="kddi/povo"),
    no("kddi/au-max-plus", "plan_types", "500 MB", Code.GIFT_PLAN_TYPE, to=AU),
    ok(AU, "blackout", "500 MB", at=noon(AU, 30).replace(hour=22, minute=59)),
    no(AU, "blackout", "500 MB", Code.GIFT_BLACKOUT, at=noon(AU, 30).replace(hour=23)),
    no("kddi/povo", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    # ------------------------------------------------------------ where nothing is offered
    no("docomo", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("docomo/ahamo", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("docomo/irumo-3gb", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("softbank/paytoku", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("softbank/linemo", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("rakuten-mobile/saikyo", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    no("airalo/japan-1gb-7d", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    open_("t-mobile/essentials", "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    # ------------------------------------------------------------ LINE Mobile, closed
    no(LINE, "offered", "1 GB", Code.GIFT_NOT_OFFERED),
    Case(LINE, "units", "1 GB", None, False),
    no(LINE, "units", "1 min", Code.GIFT_UNIT_NOT_OFFERED),
    Case(LINE, "minimum", "500 MB", None, False),
    no(LINE, "minimum", "499 MB", Code.GIFT_MINIMUM),
    Case(LINE, "sources", "1 GB", None, False, {"has": has(LINE, "1 GB")}),
    no(LINE, "sources", "1 GB", Code.GIFT_SOURCE, has=has(LINE, "9 GB", source=Source.BOUGHT)),
    Case(LINE, "regift", "1 GB", None, False, {"has": has(LINE, "1 GB")}),
    no(LINE, "regift", "1 GB", Code.GIFT_REGIFT, has=has(LINE, "9 GB", hops=1)),
    # The size of its plans is not known.
    Case(LINE, "cycle_share_percent", "1 GB", Code.GIFT_CYCLE_SHARE, False),
    # ------------------------------------------------------------ nuro mobile
    ok(NURO, "offered", "10 MB"),
    ok(NURO, "units", "10 MB"),
    no(NURO, "units", "1 sms", Code.GIFT_UNIT_NOT_OFFERED),
    ok(NURO, "minimum", "10 MB"),
    no(NURO, "minimum", "9 MB", Code.GIFT_MINIMUM),
    ok(NURO, "step", "11 MB"),
    no(NURO, "step", "11500 kB", Code.GIFT_STEP),
    ok(NURO, "pending_max", "10 MB", sent=past(("10 MB", early(NURO)))),
    no(NURO, "pending_max", "10 MB", Code.GIFT_PENDING,
       sent=past(("10 MB", early(NURO)), is_open=True)),
    # ------------------------------------------------------------ Safaricom
    ok(SAFARICOM, "offered", "10 MB"),
    ok(SAFARICOM, "units", "10 MB"),
    no(SAFARICOM, "units", "5 sms", Code.GIFT_UNIT_NOT_OFFERED),
    ok(SAFARICOM, "recipients", "5 MB", relation=APART),
    no(SAFARICOM, "recipients", "5 MB", Code.GIFT_OTHER_OPERATOR, to=VODACOM),
    ok(SAFARICOM, "minimum", "5 MB"),
    no(SAFARICOM, "minimum", "4999999 B", Code.GIFT_MINIMUM),
    ok(SAFARICOM, "maximum", "10 MB"),
    no(SAFARICOM, "maximum", "10000001 B", Code.GIFT_MAXIMUM),
    ok(SAFARICOM, "count_per_day", "5 MB", sent=past(("5 MB", at(SAFARICOM) - HOUR))),
    no(SAFARICOM, "count_per_day", "5 MB", Code.GIFT_COUNT_PER_DAY,
       sent=past(*[("5 MB", at(SAFARICOM) - HOUR)] * 2)),
    ok(SAFARICOM, "count_per_day", "5 MB", sent=past(*[("5 MB", at(SAFARICOM) - 13 * HOUR)] * 2)),
    ok(SAFARICOM, "count_per_month", "5 MB", sent=past(*[("5 MB", early(SAFARICOM))] * 19)),
    no(SAFARICOM, "count_per_month", "5 MB", Code.GIFT_COUNT_PER_MONTH,
       sent=past(*[("5 MB", early(SAFARICOM))] * 20)),
    ok(SAFARICOM, "count_per_month", "5 MB",
       sent=past(*[("5 MB", early(SAFARICOM, month=10))] * 20)),
    ok(SAFARICOM, "volume_per_day", "10 MB", sent=past(("10 MB", at(SAFARICOM) - HOUR))),
    no(SAFARICOM, "volume_per_day", "10 MB", Code.GIFT_VOLUME_PER_DAY,
       sent=past(("10000001 B", at(SAFARICOM) - HOUR))),
    ok(SAFARICOM, "keep", "10 MB", has=has(SAFARICOM, "15 MB")),
    no(SAFARICOM, "keep", "10 MB", Code.GIFT_KEEP, has=has(SAFARICOM, "14999999 B")),
    ok(SAFARICOM, "excluded", "10 MB", has=has(SAFARICOM, "15 MB", lasts=DAY + MICROSECOND)),
    no(SAFARICOM, "excluded", "10 MB", Code.GIFT_EXCLUDED,
       has=has(SAFARICOM, "15 MB", ends=HOUR, lasts=DAY)),
    no(SAFARICOM, "excluded", "10 MB", Code.GIFT_EXCLUDED,
       has=has(SAFARICOM, "15 MB", source=Source.BONUS)),
    no(SAFARICOM, "excluded", "10 MB", Code.GIFT_EXCLUDED,
       has=has(SAFARICOM, "15 MB", hours=NIGHT)),
    no(SAFARICOM, "excluded", "10 MB", Code.GIFT_EXCLUDED,
       has=has(SAFARICOM, "15 MB", hours=NIGHT, hops=1)),
    ok("safaricom/postpaid", "plan_types", "10 MB"),
    ok(SAFARICOM, "plan_types", "10 MB", to="safaricom/company-postpaid"),
    ok(SAFARICOM, "plan_types", "10 MB", to="safaricom"),
    no("safaricom/company-postpaid", "plan_types", "10 MB", Code.GIFT_PLAN_TYPE, to=SAFARICOM),
    # ------------------------------------------------------------ Vodacom
    ok(VODACOM, "offered", "50 MB"),
    ok(VODACOM, "units", "50 MB"),
    no(VODACOM, "units", "5 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(VODACOM, "recipients", "50 MB", relation=Relation(linked=True)),
    no(VODACOM, "recipients", "50 MB", Code.GIFT_NOT_LINKED, relation=APART),
    open_(VODACOM, "recipients", "50 MB", Code.GIFT_NOT_LINKED, relation=Relation()),
    *(ok(VODACOM, "sizes", size) for size in ("50 MB", "100 MB", "250 MB", "500 MB", "1 GB")),
    no(VODACOM, "sizes", "200 MB", Code.GIFT_SIZE),
    no(VODACOM, "sizes", "2 GB", Code.GIFT_SIZE),
    ok(VODACOM, "excluded", "50 MB", has=has(VODACOM, "50 MB")),
    no(VODACOM, "excluded", "50 MB", Code.GIFT_EXCLUDED,
       has=has(VODACOM, "1 GB", source=Source.BONUS)),
    ok(VODACOM, "last_days", "50 MB", has=has(VODACOM, "1 GB", ends=5 * DAY)),
    no(VODACOM, "last_days", "50 MB", Code.GIFT_TOO_EARLY,
       has=has(VODACOM, "1 GB", ends=5 * DAY + MICROSECOND)),
    ok(VODACOM, "last_days", "50 MB", has=has(VODACOM, "1 GB", ends=3 * DAY, lasts=29 * DAY)),
    no(VODACOM, "last_days", "50 MB", Code.GIFT_TOO_EARLY,
       has=has(VODACOM, "1 GB", ends=3 * DAY + MICROSECOND, lasts=29 * DAY)),
    no(VODACOM, "last_days", "50 MB", Code.GIFT_TOO_EARLY, has=has(VODACOM, "1 GB", ends=None)),
    ok("vodacom-za/hybrid", "plan_types", "50 MB", to="vodacom-za/postpaid"),
    no("vodacom-za/hybrid", "plan_types", "50 MB", Code.GIFT_PLAN_TYPE, to=VODACOM),
    no(VODACOM, "plan_types", "50 MB", Code.GIFT_PLAN_TYPE, to="vodacom-za/nxt-lvl-prepaid"),
    ok("vodacom-za/broadband-hybrid", "plan_types", "50 MB", to="vodacom-za/broadband-postpaid"),
    # ------------------------------------------------------------ Smart
    ok(SMART, "offered", "50 MB"),
    ok(SMART, "units", "50 MB"),
    no(SMART, "units", "1 sms", Code.GIFT_UNIT_NOT_OFFERED),
    ok(SMART, "recipients", "50 MB", relation=APART),
    no(SMART, "recipients", "50 MB", Code.GIFT_OTHER_OPERATOR, to=SAFARICOM),
    ok(SMART, "minimum", "50 MB"),
    no(SMART, "minimum", "49999999 B", Code.GIFT_MINIMUM),
    ok(SMART, "regift", "50 MB", has=has(SMART, "50 MB")),
    no(SMART, "regift", "50 MB", Code.GIFT_REGIFT, has=has(SMART, "50 MB", hops=1)),
    ok(SMART, "plan_types", "50 MB"),
    no(SMART, "plan_types", "50 MB", Code.GIFT_PLAN_TYPE, to="smart-ph/home-wifi"),
    no("smart-ph/home-wifi", "plan_types", "50 MB", Code.GIFT_PLAN_TYPE, to=SMART),
    # ------------------------------------------------------------ Fizz
    ok(FIZZ, "offered", "500 MB"),
    ok(FIZZ, "units", "500 MB"),
    no(FIZZ, "units", "5 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(FIZZ, "recipients", "500 MB", relation=APART),
    no(FIZZ, "recipients", "500 MB", Code.GIFT_OTHER_OPERATOR, to=SMART),
    ok(FIZZ, "minimum", "500 MB"),
    ok(FIZZ, "minimum", "150 GB"),
    no(FIZZ, "minimum", "499999999 B", Code.GIFT_MINIMUM),
    ok(FIZZ, "sources", "500 MB", has=has(FIZZ, "500 MB")),
    no(FIZZ, "sources", "500 MB", Code.GIFT_SOURCE,
       has=has(FIZZ, "5 GB", source=Source.CARRIED_OVER)),
    no(FIZZ, "sources", "500 MB", Code.GIFT_SOURCE, has=has(FIZZ, "5 GB", source=Source.BOUGHT)),
    ok(FIZZ, "regift", "500 MB", has=has(FIZZ, "500 MB")),
    no(FIZZ, "regift", "500 MB", Code.GIFT_REGIFT, has=has(FIZZ, "5 GB", hops=1)),
    # ------------------------------------------------------------ TeleChoice
    ok(TELECHOICE, "offered", "1 GB"),
    ok(TELECHOICE, "units", "1 GB"),
    no(TELECHOICE, "units", "5 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(TELECHOICE, "recipients", "1 GB", relation=APART),
    no(TELECHOICE, "recipients", "1 GB", Code.GIFT_OTHER_OPERATOR, to=SMART),
    ok(TELECHOICE, "step", "2 GB"),
    no(TELECHOICE, "step", "1500 MB", Code.GIFT_STEP),
    ok(TELECHOICE, "minimum", "1 GB"),
    no(TELECHOICE, "minimum", "999 MB", Code.GIFT_MINIMUM),
    ok(TELECHOICE, "cycle_share_percent", "17 GB"),
    # The rule is sure; the size of the plan, which the FAQ takes as its example, is not.
    open_(TELECHOICE, "cycle_share_percent", "18 GB", Code.GIFT_CYCLE_SHARE),
    ok(TELECHOICE, "cycle_share_percent", "10 GB", sent=past(("7 GB", early(TELECHOICE)))),
    open_(TELECHOICE, "cycle_share_percent", "11 GB", Code.GIFT_CYCLE_SHARE,
       sent=past(("7 GB", early(TELECHOICE)))),
    ok(TELECHOICE, "excluded", "1 GB", has=has(TELECHOICE, "1 GB")),
    *(
        no(TELECHOICE, "excluded", "1 GB", Code.GIFT_EXCLUDED,
           has=has(TELECHOICE, "9 GB", source=source))
        for source in (Source.CARRIED_OVER, Source.BOUGHT, Source.BONUS)
    ),
    ok(TELECHOICE, "regift", "1 GB", has=has(TELECHOICE, "1 GB")),
    no(TELECHOICE, "regift", "1 GB", Code.GIFT_REGIFT, has=has(TELECHOICE, "9 GB", hops=2)),
    ok(TELECHOICE, "plan_types", "1 GB", to="telechoice/data-only"),
    no("telechoice/data-only", "plan_types", "1 GB", Code.GIFT_PLAN_TYPE, to=TELECHOICE),
    # ------------------------------------------------------------ Cell C
    ok(CELL_C, "offered", "1 GB"),
    ok(CELL_C, "units", "1 GB"),
    no(CELL_C, "units", "5 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(CELL_C, "count_per_day", "1 MB", sent=past(*[("1 MB", at(CELL_C) - HOUR)] * 2)),
    no(CELL_C, "count_per_day", "1 MB", Code.GIFT_COUNT_PER_DAY,
       sent=past(*[("1 MB", at(CELL_C) - HOUR)] * 3)),
    ok(CELL_C, "volume_per_month", "1 GB"),
    no(CELL_C, "volume_per_month", "1000000001 B", Code.GIFT_VOLUME_PER_MONTH),
    no(CELL_C, "volume_per_month", "1 GB", Code.GIFT_VOLUME_PER_MONTH,
       sent=past(("1 B", early(CELL_C, day=1)))),
    ok(CELL_C, "volume_per_month", "1 GB", sent=past(("1 GB", early(CELL_C, day=31, month=10)))),
    # ------------------------------------------------------------ Liquid Home
    ok(LIQUID, "offered", "1 GB"),
    ok(LIQUID, "units", "1 GB"),
    no(LIQUID, "units", "5 min", Code.GIFT_UNIT_NOT_OFFERED),
    ok(LIQUID, "minimum", "1 GB"),
    no(LIQUID, "minimum", "999 MB", Code.GIFT_MINIMUM),
    ok(LIQUID, "maximum", "10 GB"),
    no(LIQUID, "maximum", "10001 MB", Code.GIFT_MAXIMUM),
    ok(LIQUID, "count_per_month", "1 GB", sent=past(("1 GB", early(LIQUID)))),
    no(LIQUID, "count_per_month", "1 GB", Code.GIFT_COUNT_PER_MONTH,
       sent=past(*[("1 GB", early(LIQUID))] * 2)),
    ok(LIQUID, "volume_per_month", "10 GB", sent=past(("10 GB", early(LIQUID)))),
    no(LIQUID, "volume_per_month", "10 GB", Code.GIFT_VOLUME_PER_MONTH,
       sent=past(("10001 MB", early(LIQUID)))),
    # ------------------------------------------------------------ Yuzuri Mobile
    ok(YUZURI, "offered", "10 MB"),
    ok(YUZURI, "units", "10 MB"),
    ok(YUZURI, "units", "1 min"),
    ok(YUZURI, "units", "1 sms"),
    ok(YUZURI, "recipients", "10 MB", relation=APART),
    no(YUZURI, "recipients", "10 MB", Code.GIFT_OTHER_OPERATOR, to=MINEO),
    ok(YUZURI, "step", "11 MB"),
    no(YUZURI, "step", "11500 kB", Code.GIFT_STEP),
    no(YUZURI, "step", "90 s", Code.GIFT_STEP),
    ok(YUZURI, "minimum", "10 MB"),
    no(YUZURI, "minimum", "9 MB", Code.GIFT_MINIMUM),
    no(YUZURI, "minimum", "59 s", Code.GIFT_MINIMUM),
    ok(YUZURI, "maximum", "10 GB"),
    ok(YUZURI, "maximum", "60 min"),
    ok(YUZURI, "maximum", "100 sms"),
    no(YUZURI, "maximum", "10001 MB", Code.GIFT_MAXIMUM),
    no(YUZURI, "maximum", "61 min", Code.GIFT_MAXIMUM),
    no(YUZURI, "maximum", "101 sms", Code.GIFT_MAXIMUM),
    ok(YUZURI, "count_per_day", "10 MB", sent=past(*[("1 sms", at(YUZURI) - HOUR)] * 19)),
    no(YUZURI, "count_per_day", "10 MB", Code.GIFT_COUNT_PER_DAY,
       sent=past(*[("1 sms", at(YUZURI) - HOUR)] * 20)),
    ok(YUZURI, "count_per_month", "10 MB", sent=past(*[("1 sms", early(YUZURI))] * 199)),
    no(YUZURI, "count_per_month", "10 MB", Code.GIFT_COUNT_PER_MONTH,
       sent=past(*[("1 sms", early(YUZURI))] * 200)),
    ok(YUZURI, "volume_per_day", "5 GB", sent=past(("10 GB", at(YUZURI) - HOUR))),
    ok(YUZURI, "volume_per_day", "5 GB", sent=past(("2 h", at(YUZURI) - HOUR))),
    no(YUZURI, "volume_per_day", "5001 MB", Code.GIFT_VOLUME_PER_DAY,
       sent=past(("10 GB", at(YUZURI) - HOUR))),
    no(YUZURI, "volume_per_day", "1 min", Code.GIFT_VOLUME_PER_DAY,
       sent=past(("2 h", at(YUZURI) - HOUR))),
    ok(YUZURI, "volume_per_month", "10 GB", sent=past(("40 GB", early(YUZURI)))),
    no(YUZURI, "volume_per_month", "10 GB", Code.GIFT_VOLUME_PER_MONTH,
       sent=past(("40001 MB", early(YUZURI)))),
    ok(YUZURI, "received_per_month", "10 GB", received=past(("40 GB", early(YUZURI)))),
    no(YUZURI, "received_per_month", "10 GB", Code.GIFT_RECEIVED_PER_MONTH,
       received=past(("40001 MB", early(YUZURI)))),
    ok(YUZURI, "received_per_month", "1 min", received=past(("50 GB", early(YUZURI)))),
    ok(YUZURI, "keep", "1 GB", has=has(YUZURI, "1100 MB")),
    no(YUZURI, "keep", "1 GB", Code.GIFT_KEEP, has=has(YUZURI, "1099 MB")),
    no(YUZURI, "keep", "2 sms", Code.GIFT_KEEP, has=has(YUZURI, "2 sms", "1 GB")),
    ok(YUZURI, "pending_max", "10 MB",
       sent=past(*[("10 MB", early(YUZURI, month=10))] * 19, is_open=True)),
    no(YUZURI, "pending_max", "10 MB", Code.GIFT_PENDING,
       sent=past(*[("10 MB", early(YUZURI, month=10))] * 20, is_open=True)),
    ok(YUZURI, "regift", "1 GB", has=has(YUZURI, "2 GB", hops=3)),
)  # fmt: skip
