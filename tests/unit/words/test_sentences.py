"""Every code has a sentence, and it says what happened with whatever values there are."""

import ast
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import yuzuri
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.names import Language, Name
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profiles import read_profiles
from yuzuri.words.sentence_table import CLASSES, EXPECTED, PLAN_TYPES, SENTENCES, STATES
from yuzuri.words.sentences import placeholders, say

SOURCE = Path(yuzuri.__file__).parent
TOKYO = ZoneInfo("Asia/Tokyo")
EN, JA, ZH = Language.EN, Language.JA, Language.ZH

MINEO = Name(en="mineo", ja="マイネオ", zh="迈奈奥")
AU = Name(en="au", ja="au", zh="au")
AT = datetime(2026, 12, 31, 0, 0, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)


def data(amount: int) -> Quantity:
    return Quantity(amount, Unit.DATA)


GB, MB_10, MB_15 = data(10**9), data(10**7), data(15 * 10**6)

Fields = Mapping[str, FieldValue]

CASES: dict[Code, tuple[Fields, ...]] = {
    Code.REQUEST_INVALID: ({"field": "amount", "problem": "Expected `int`"},),
    Code.REQUEST_MALFORMED: ({"problem": "JSON is malformed"},),
    Code.REQUEST_TOO_LARGE: ({"limit": 65_536},),
    Code.AMOUNT_UNREADABLE: ({"text": "some {left}"},),
    Code.AMOUNT_FRACTIONAL: ({"text": "0.5 sms"},),
    Code.UNIT_UNKNOWN: ({"text": "points"},),
    Code.UNIT_MISMATCH: ({"unit": "data", "text": "10 min"},),
    Code.TIME_UNREADABLE: ({"text": "noon"},),
    Code.MESSAGE_TOO_LONG: ({"limit": 200},),
    Code.LANGUAGE_UNKNOWN: ({"text": "fr"},),
    Code.NUMBER_UNREADABLE: ({"text": "call me"},),
    Code.NUMBER_TAKEN: ({"number": "+819012345678"},),
    Code.LINKED_NUMBERS_FULL: ({"limit": 5},),
    Code.CONTACTS_FULL: ({"limit": 500},),
    Code.TOO_MANY_TRIES: ({"seconds": 61},),
    Code.SUPI_UNREADABLE: ({"text": "imsi-1"},),
    Code.SUPI_TAKEN: ({"supi": "imsi-440101234567890"},),
    Code.NETWORK_FUNCTION_UNKNOWN: ({"network_function": "smf-1"},),
    Code.NOTIFY_ORIGIN_UNREADABLE: ({"text": "smf.example"},),
    Code.TOKEN_ISSUER_UNKNOWN: ({"issuer": "nrf-1"},),
    Code.OPERATOR_UNKNOWN: ({"operator": "acme", "known": ("mineo", "docomo")},),
    Code.PLAN_UNKNOWN: ({"operator": "mineo", "plan": "gold", "known": ("mypita-1gb",)},),
    Code.TOP_UP_UNKNOWN: ({"top_up": "gold", "known": ("1gb", "3gb")},),
    Code.PROFILE_INVALID: ({"file": "acme.toml", "problem": "two plans share one id"},),
    Code.BALANCE_NOT_ENOUGH: (
        {"available": MB_10, "amount": MB_15},
        {"available": data(0), "amount": MB_15},
    ),
    Code.ALLOWANCE_EXPIRED: (
        {"available": MB_10, "amount": MB_15},
        {"available": data(0), "amount": MB_15},
    ),
    Code.GIFT_NOT_OFFERED: ({"operator": MINEO},),
    Code.GIFT_RULES_UNKNOWN: ({"operator": MINEO},),
    Code.GIFT_UNIT_NOT_OFFERED: ({"operator": MINEO, "unit": "sms", "offered": ("data", "voice")},),
    Code.GIFT_OTHER_OPERATOR: (
        {"operator": MINEO, "other": AU},
        {"operator": MINEO, "other": MINEO},
    ),
    Code.GIFT_OTHER_ACCOUNT: ({"operator": MINEO, "other": MINEO},),
    Code.GIFT_OTHER_BILLING_GROUP: ({"operator": AU, "other": AU},),
    Code.GIFT_NOT_LINKED: ({"operator": MINEO, "other": MINEO},),
    Code.GIFT_PLAN_TYPE: (
        {"operator": MINEO, "types": ("prepaid", "a new kind")},
        {"operator": MINEO},
    ),
    Code.GIFT_STEP: (
        {"operator": MINEO, "step": MB_10, "amount": MB_15},
        {"operator": MINEO, "step": MB_10},
    ),
    Code.GIFT_MINIMUM: ({"operator": MINEO, "limit": MB_10},),
    Code.GIFT_MAXIMUM: ({"operator": MINEO, "limit": MB_10},),
    Code.GIFT_SIZE: ({"operator": MINEO, "sizes": (MB_10, MB_15)},),
    Code.GIFT_SOURCE: (
        {"operator": MINEO, "classes": ("base", "bought")},
        {"operator": MINEO, "classes": ("base",), "available": MB_10},
        {"operator": MINEO, "classes": ("base",), "available": data(0)},
    ),
    Code.GIFT_EXCLUDED: (
        {"operator": MINEO, "classes": ("night", "daily", "bonus")},
        {"operator": MINEO, "classes": ("night",), "available": MB_10},
        {"operator": MINEO, "classes": ("a new kind",), "available": data(0)},
    ),
    Code.GIFT_REGIFT: (
        {"operator": MINEO, "classes": ("received",)},
        {"operator": MINEO, "classes": ("received",), "available": MB_10},
    ),
    Code.GIFT_KEEP: ({"operator": MINEO, "limit": MB_10},),
    Code.GIFT_CYCLE_SHARE: (
        {"operator": MINEO, "limit": GB, "left": MB_10},
        {"operator": MINEO, "limit": GB},
        {"operator": MINEO},
    ),
    Code.GIFT_COUNT_PER_DAY: ({"operator": MINEO, "limit": 1}, {"operator": MINEO, "limit": 5}),
    Code.GIFT_COUNT_PER_MONTH: ({"operator": MINEO, "limit": 1}, {"operator": MINEO, "limit": 9}),
    Code.GIFT_VOLUME_PER_DAY: (
        {"operator": MINEO, "limit": GB, "left": MB_10},
        {"operator": MINEO, "limit": GB},
    ),
    Code.GIFT_VOLUME_PER_MONTH: (
        {"operator": MINEO, "limit": GB, "left": MB_10},
        {"operator": MINEO, "limit": GB},
    ),
    Code.GIFT_RECEIVED_PER_MONTH: ({"operator": MINEO, "limit": GB},),
    Code.GIFT_LINE_TOO_YOUNG: ({"operator": MINEO, "days": 90},),
    Code.GIFT_YOUNG_LINE_VOLUME: (
        {"operator": MINEO, "limit": GB, "left": MB_10},
        {"operator": MINEO, "limit": GB, "days": 45},
        {"operator": MINEO, "limit": GB},
    ),
    Code.GIFT_PENDING: ({"operator": MINEO, "limit": 3},),
    Code.GIFT_BLACKOUT: ({"operator": AU, "until": AT}, {"operator": AU}),
    Code.GIFT_TOO_EARLY: ({"operator": AU, "since": AT}, {"operator": AU}),
    Code.GIFT_FEE: ({"operator": AU, "minor": 110, "currency": "JPY"}, {"operator": AU}),
    Code.GIFT_IRREVERSIBLE: ({"operator": AU},),
    Code.GIFT_EXPIRES_UNCLAIMED: ({"until": NEW_YEAR},),
    Code.HOLD_TOO_SMALL: ({"available": MB_10}, {"available": data(0)}),
    Code.LAW_PAID_VALUE_EXPIRY: ({"days": 180, "until": NEW_YEAR}, {"days": 180}),
    Code.GIFT_ENDED: tuple({"state": state} for state in STATES),
    Code.GIFT_EXPIRED: ({"deadline": NEW_YEAR},),
    Code.LINK_TOO_MANY_SHARES: ({"limit": 10, "least": MB_10}, {"limit": 100_000}),
    Code.LINK_OTHER_OPERATOR: ({"operator": MINEO},),
    Code.LINK_LINE_TOO_YOUNG: ({"days": 30},),
    Code.LINK_SHARES_PER_DAY: ({"limit": 20},),
    Code.PASSCODE_WRONG: ({"left": 1}, {"left": 4}),
    Code.GIFT_REQUEST_TOO_MUCH: ({"left": MB_10},),
    Code.POOL_NOT_OFFERED: ({"operator": MINEO},),
    Code.POOL_OTHER_OPERATOR: ({"operator": MINEO, "other": AU},),
    Code.POOL_OTHER_ACCOUNT: ({"operator": MINEO},),
    Code.POOL_FULL: ({"operator": MINEO, "limit": 10},),
    Code.TANK_CLOSED: ({"since": AT},),
    Code.TANK_NOT_OFFERED: ({"operator": MINEO},),
    Code.TANK_OTHER_OPERATOR: ({"operator": MINEO, "other": AU},),
    Code.TANK_NOT_YET: ({"operator": MINEO, "since": AT}, {"operator": MINEO}),
    Code.TANK_DRAWS_PER_MONTH: (
        {"operator": MINEO, "limit": 2, "since": AT},
        {"operator": MINEO, "limit": 2},
    ),
    Code.TANK_VOLUME_PER_MONTH: (
        {"operator": MINEO, "limit": GB, "left": MB_10, "since": AT},
        {"operator": MINEO, "limit": GB, "left": data(0), "since": AT},
        {"operator": MINEO, "limit": GB},
    ),
    Code.TANK_LEFT: (
        {"operator": MINEO, "limit": MB_10, "available": MB_15},
        {"operator": MINEO, "limit": MB_10},
    ),
    Code.TANK_NET_TAKER: (
        {"operator": MINEO, "limit": MB_10, "available": MB_15},
        {"operator": MINEO, "limit": MB_10},
    ),
    Code.TANK_OUT_OF_AREA: ({"operator": MINEO, "area": "JP-17"}, {"operator": MINEO}),
    Code.TANK_NOT_ENOUGH: ({"available": MB_10, "amount": MB_15},),
    Code.TANK_FOR_ALL: ({"operator": MINEO},),
    Code.TANK_OPEN_ALREADY: ({"operator": MINEO},),
    Code.TANK_NOT_EXTENDABLE: ({"operator": MINEO},),
    Code.TANK_OPEN_DAYS: ({"operator": MINEO, "days": 14},),
    Code.AREA_UNREADABLE: ({"text": "Noto"},),
    Code.POOL_SOURCE: (
        {"operator": MINEO, "classes": ("carried_over",), "available": MB_10},
        {"operator": MINEO, "classes": ("carried_over",), "available": data(0)},
        {"operator": MINEO, "classes": ("carried_over",)},
    ),
    Code.LAW_LINE_HANDING: ({"operator": MINEO},),
    Code.DELEGATION_TIME: ({"days": 366},),
    Code.DELEGATION_NOT_OFFERED: ({"operator": MINEO},),
    Code.DELEGATION_RULES_UNKNOWN: ({"operator": MINEO},),
    Code.DELEGATION_SCOPE_NOT_OFFERED: ({"operator": MINEO},),
    Code.DELEGATION_OTHER_OPERATOR: ({"operator": MINEO},),
    Code.DELEGATION_CAP: ({"available": MB_10, "amount": MB_15}, {"available": data(0)}),
    Code.INSTEAD_AMOUNT: ({"amount": MB_10},),
    Code.INSTEAD_FROM: ({"since": AT},),
    Code.INSTEAD_SERVICE: ({"operator": AU, "service": Name(en="Code", ja="コード", zh="码")},),
    Code.INSTEAD_LINE: ({"label": "Travel"},),
    Code.INSTEAD_NEW_LINE: ({"operator": MINEO},),
    Code.SETTING_INVALID: ({"setting": "YUZURI_PORT", "expected": "a whole number"},),
    Code.HOMES_FIXED: ({"homes": 16},),
}
"""The values that each code comes with; a code that is not here comes with none."""


def test_every_code_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Code)


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("language", Language)
def test_every_code_can_be_said_with_its_values_and_without(code: Code, language: Language) -> None:
    for fields in (*CASES.get(code, ()), {}):
        said = say(code, fields, language, TOKYO)
        assert said.text
        assert code.value not in said.text
        operator = fields.get("operator")
        if isinstance(operator, Name):
            assert operator.in_language(language) in said.text


@pytest.mark.parametrize("code", Code)
def test_every_code_says_nothing_that_is_not_in_its_language(code: Code) -> None:
    for fields in (*CASES.get(code, ()), {}):
        english = say(code, fields, EN, TOKYO)
        for language in (JA, ZH):
            said = say(code, fields, language, TOKYO)
            assert said.text != english.text
            assert said.next_step != english.next_step or not english.next_step


@pytest.mark.parametrize("code", Code)
def test_no_text_and_no_next_step_is_there_in_vain(code: Code) -> None:
    said = [say(code, fields, EN, TOKYO) for fields in (*CASES.get(code, ()), {})]
    sentence = SENTENCES[code]
    for text in sentence.texts:
        assert any(_could_be(text, one.text) for one in said), text
    for step in sentence.next_steps:
        assert any(_could_be(step, one.next_step) for one in said), step


def _could_be(text: str, said: str) -> bool:
    """Tell whether a text, its placeholders left out, is what was said."""
    parts = [part.split("}")[-1] for part in text.split("{")]
    return said.startswith(parts[0]) and said.endswith(parts[-1]) and all(p in said for p in parts)


@pytest.mark.parametrize("code", Code)
def test_the_last_text_needs_no_value(code: Code) -> None:
    assert not placeholders(SENTENCES[code].texts[-1])


def test_the_values_of_the_cases_are_those_that_the_code_gives() -> None:
    for code, names in _fields_in_source():
        known = {name for fields in CASES.get(code, ()) for name in fields}
        assert names <= known, f"{code.name} comes with {sorted(names - known)}"


MAKERS = frozenset(
    [
        "DomainError",
        "Instead",
        "Reason",
        "Refusal",
        "_refused",
        "refused",
        "not_published",
        "note",
        "refuse",
        "refuse_by",
        "undecided",
    ]
)
"""What makes something of a code and its values."""


def _fields_in_source() -> Iterator[tuple[Code, set[str]]]:
    """Yield what stands beside a code wherever one is made: keywords, or the keys of a dict."""
    found = 0
    for path in SOURCE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or _name(call.func) not in MAKERS:
                continue
            for code in filter(None, map(_code_of, call.args)):
                found += 1
                names = {word.arg for word in call.keywords if word.arg is not None}
                for argument in call.args:
                    if isinstance(argument, ast.Dict):
                        names |= {
                            str(k.value) for k in argument.keys if isinstance(k, ast.Constant)
                        }
                yield (
                    code,
                    names - {"amount", "at", "line"} if _name(call.func) == "Instead" else names,
                )
    assert found > 30


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else ""


def _code_of(argument: ast.expr) -> Code | None:
    if (
        isinstance(argument, ast.Attribute)
        and isinstance(argument.value, ast.Name)
        and argument.value.id == "Code"
    ):
        return Code[argument.attr]
    return None


# ---------------------------------------------------------------- what some of them say


@pytest.mark.parametrize(
    ("code", "fields", "language", "text", "next_step"),
    [
        (
            Code.GIFT_STEP,
            {"operator": MINEO, "step": MB_10, "amount": MB_15},
            EN,
            "mineo gives in steps of 10 MB, and 15 MB is not a multiple of it.",
            "Choose a multiple of 10 MB.",
        ),
        (
            Code.GIFT_STEP,
            {"operator": MINEO, "step": MB_10, "amount": MB_15},
            JA,
            "マイネオでは10MB単位で贈れます。15MBは10MBの倍数ではありません。",
            "10MBの倍数を指定してください。",
        ),
        (
            Code.GIFT_STEP,
            {"operator": MINEO, "step": MB_10, "amount": MB_15},
            ZH,
            "迈奈奥的赠送单位为10MB，15MB不是其整数倍。",
            "请选择10MB的整数倍。",
        ),
        (
            Code.GIFT_EXCLUDED,
            {"operator": MINEO, "classes": ("night", "daily", "bonus")},
            EN,
            "mineo does not let you give night data, daily bundles or bonus data.",
            "",
        ),
        (
            Code.GIFT_EXCLUDED,
            {"operator": MINEO, "classes": ("bonus",), "available": Quantity(60, Unit.VOICE)},
            EN,
            "mineo does not let you give bonuses. Of what you have, 1 min can be given.",
            "Give 1 min or less.",
        ),
        (
            Code.GIFT_COUNT_PER_DAY,
            {"operator": MINEO, "limit": 1},
            EN,
            "mineo lets you give at most once a day.",
            "Try again tomorrow.",
        ),
        (
            Code.GIFT_BLACKOUT,
            {"operator": AU, "until": AT},
            EN,
            "au takes no gifts at this hour; it does again from Thu 31 December 2026, 09:00 JST.",
            "Try again from Thu 31 December 2026, 09:00 JST.",
        ),
        (
            Code.GIFT_FEE,
            {"operator": AU, "minor": 110, "currency": "JPY"},
            ZH,
            "au每次赠送收取110日元手续费。",
            "",
        ),
        (
            Code.AMOUNT_UNREADABLE,
            {"text": "{operator.__class__}"},
            EN,
            "“{operator.__class__}” is not an amount that we can read.",
            "Write it like 1 GB, 500 MB, 10 min or 3 SMS.",
        ),
        (
            Code.SETTING_INVALID,
            {"setting": "YUZURI_DEMO", "expected": "1 or 0"},
            JA,
            "設定YUZURI_DEMOが正しくありません。指定できる値：1または0。",
            "修正するか、指定を外してください。",
        ),
    ],
)
def test_a_sentence_says_the_rule_and_the_values(
    code: Code, fields: Fields, language: Language, text: str, next_step: str
) -> None:
    said = say(code, fields, language, TOKYO)
    assert (said.text, said.next_step) == (text, next_step)


def test_a_beginning_is_an_hour_and_an_end_is_the_end_of_a_day() -> None:
    opens = say(Code.GIFT_BLACKOUT, {"operator": AU, "until": NEW_YEAR}, EN, TOKYO)
    assert "from Fri 1 January 2027, 00:00 JST" in opens.text
    ending: dict[Code, Fields] = {
        Code.GIFT_EXPIRES_UNCLAIMED: {"until": NEW_YEAR},
        Code.GIFT_EXPIRED: {"deadline": NEW_YEAR},
        Code.LAW_PAID_VALUE_EXPIRY: {"days": 180, "until": NEW_YEAR},
    }
    for code, fields in ending.items():
        assert "until end of 31 December 2026" in say(code, fields, EN, TOKYO).text


def test_what_is_left_of_a_limit_is_said_only_where_some_of_it_is_used() -> None:
    for left, said in ((MB_10, "10 MB of that is left today."), (GB, "at most 1 GB a day.")):
        fields: Fields = {"operator": MINEO, "limit": GB, "left": left}
        assert say(Code.GIFT_VOLUME_PER_DAY, fields, EN, TOKYO).text.endswith(said)


def test_amounts_that_differ_never_read_the_same() -> None:
    fields: Fields = {"operator": MINEO, "step": MB_10, "amount": data(10**7 + 1)}
    said = say(Code.GIFT_STEP, fields, EN, TOKYO)
    assert said.text.endswith("steps of 10 MB, and 10,000.001 kB is not a multiple of it.")


def test_nobody_is_told_to_give_nothing() -> None:
    for code, cases in CASES.items():
        for fields in cases:
            assert "0 MB or less" not in say(code, fields, EN, TOKYO).next_step.replace("10 MB", "")


# ---------------------------------------------------------------- the words that others use


def test_every_class_of_allowance_has_a_name() -> None:
    assert set(CLASSES) == {known.value for known in AllowanceClass}


def test_every_plan_type_that_a_rule_names_has_a_name() -> None:
    named: set[str] = set()
    for profile in read_profiles().values():
        for rules in (profile.gift, *(brand.gift for brand in profile.brands.values())):
            if rules.plan_types is not None:
                for giver, receivers in rules.plan_types.value.items():
                    named |= {giver, *receivers}
    assert named - {"*"} <= set(PLAN_TYPES)


def test_all_that_a_setting_must_be_can_be_said() -> None:
    tree = ast.parse((SOURCE / "settings.py").read_text())
    expected = {
        call.args[1].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "SettingsError"
        and isinstance(call.args[1], ast.Constant)
    }
    assert expected == EXPECTED
