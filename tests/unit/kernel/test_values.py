"""Quantities, names, ids, and field values that are kept as JSON and given back unchanged."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ids import numbered

from yuzuri.kernel.errors import Code, DomainError, FieldValue, Refusal
from yuzuri.kernel.fields import pack_fields, unpack_fields
from yuzuri.kernel.ids import (
    HOME,
    HOMES_MAX,
    Home,
    Id,
    by_home,
    derived_id,
    home_of,
    in_home,
    new_id,
    parse_id,
)
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
    assert {one.uuid.version for one in made} == {7}
    parent = numbered(1)
    assert derived_id(parent, "a") == derived_id(parent, "a")
    assert len({derived_id(parent, "a"), derived_id(parent, "b"), derived_id(made[0], "a")}) == 3


@given(st.uuids(), st.uuids())
def test_an_id_is_the_uuid_that_it_is_shown_as(one: UUID, other: UUID) -> None:
    mine, theirs = Id(one.bytes), Id(other.bytes)
    assert (str(mine), mine.uuid) == (str(one), one)
    assert repr(mine) == f"Id({one})"
    assert parse_id(str(mine), Code.GIFT_UNKNOWN) == mine
    assert parse_id(str(one).upper(), Code.GIFT_UNKNOWN) == mine
    assert ((mine < theirs), (mine == theirs)) == ((one < other), (one == other))


@given(st.integers(0, HOMES_MAX - 1), st.integers(0, HOMES_MAX - 1))
def test_an_id_says_its_home_and_keeps_all_else_in_another(one: int, other: int) -> None:
    here, there = Home(one), Home(other)
    made = new_id(here)
    assert home_of(made) == here
    moved = in_home(made, there)
    assert home_of(moved) == there
    assert in_home(moved, here) == made
    assert (moved == made) == (one == other)
    assert moved.uuid.version == 7


def test_an_id_that_names_no_home_is_of_the_first() -> None:
    assert home_of(new_id()) == HOME == 0


def test_ids_made_in_different_homes_are_never_the_same() -> None:
    made = [in_home(new_id(Home(n % 16)), HOME) for n in range(10_000)]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("homes", [(), (0,), (3,), (0, 1), (5, 0, 5, 1023, 0, 7)])
def test_ids_are_found_by_their_homes_each_once(homes: tuple[int, ...]) -> None:
    ids = [numbered(n, Home(home)) for n, home in enumerate(homes)]
    found = by_home(iter([*ids, *ids]))
    assert {home: set(those) for home, those in found.items()} == {
        home: {one for one in ids if home_of(one) == home} for home in set(homes)
    }
    assert sum(map(len, found.values())) == len(ids)


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
