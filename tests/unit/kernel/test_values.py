"""Quantities, names, ids, and field values that are kept as JSON and given back unchanged."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.kernel.errors import Code, DomainError, FieldValue, Refusal
from yuzuri.kernel.fields import pack_fields, unpack_fields
from yuzuri.kernel.ids import derived_id, new_id, parse_id
from yuzuri.kernel.names import Language, Name
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit

quantities = st.builds(Quantity, st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(Unit))
texts = st.text(max_size=20)
values: st.SearchStrategy[FieldValue] = st.one_of(
    texts,
    st.integers(),
    st.datetimes(timezones=st.just(UTC)),
    quantities,
    st.builds(Name, en=texts, ja=texts, zh=texts),
    st.lists(quantities, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
)


@given(st.dictionaries(texts, values, max_size=5))
def test_field_values_come_back_from_json_as_they_were(fields: dict[str, FieldValue]) -> None:
    kept = json.loads(json.dumps(pack_fields(fields)))
    given_back = unpack_fields(kept)
    assert given_back == fields
    assert {k: type(v) for k, v in given_back.items()} == {k: type(v) for k, v in fields.items()}


def test_a_kept_instant_keeps_its_offset() -> None:
    at = datetime.fromisoformat("2026-11-10T12:00:00.000001+09:00")
    assert unpack_fields(pack_fields({"at": at}))["at"] == at


@pytest.mark.parametrize(
    ("language", "name"), [(Language.EN, "one"), (Language.JA, "一つ"), (Language.ZH, "一个")]
)
def test_a_name_is_read_in_each_language(language: Language, name: str) -> None:
    assert Name(en="one", ja="一つ", zh="一个").in_language(language) == name


def test_a_quantity_is_told_apart_by_its_unit_too() -> None:
    assert Quantity(1, Unit.DATA) != Quantity(1, Unit.SMS)
    assert (Quantity(5, Unit.VOICE).amount, Quantity(5, Unit.VOICE).unit) == (5, Unit.VOICE)
    assert repr(Quantity(5, Unit.VOICE)) == "Quantity(5, voice)"


def test_ids_sort_by_when_they_were_made_and_derived_ones_follow_from_their_parent() -> None:
    made = [new_id() for _ in range(100)]
    assert made == sorted(made)
    assert {one.version for one in made} == {7}
    parent = UUID(int=1)
    assert derived_id(parent, "a") == derived_id(parent, "a")
    assert len({derived_id(parent, "a"), derived_id(parent, "b"), derived_id(made[0], "a")}) == 3


def test_a_text_that_can_be_no_id_is_unknown() -> None:
    known = new_id()
    assert parse_id(str(known), Code.GIFT_UNKNOWN) == known
    for text in ("", "gift", f"{known}0", "\0"):
        with pytest.raises(DomainError) as raised:
            parse_id(text, Code.GIFT_UNKNOWN)
        assert raised.value.refusal == Refusal(Code.GIFT_UNKNOWN)


def test_an_error_carries_its_code_and_values() -> None:
    error = DomainError(Code.AMOUNT_TOO_LARGE, limit=7)
    assert error.refusal == Refusal(Code.AMOUNT_TOO_LARGE, {"limit": 7})
    assert Refusal(Code.INTERNAL).fields == {}


def test_codes_are_names_with_dots_and_told_once() -> None:
    assert all(set(code.value) <= set("abcdefghijklmnopqrstuvwxyz_.") for code in Code)
    assert len({code.value for code in Code}) == len(Code)
