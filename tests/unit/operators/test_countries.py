"""A mobile country code says in which country of ISO 3166 a network is."""

from importlib.resources import files

import pytest

from yuzuri.operators.countries import country_of_mcc, known_countries


@pytest.mark.parametrize(
    ("mcc", "country"),
    [
        ("202", "GR"),
        ("208", "FR"),
        ("221", "XK"),
        ("234", "GB"),
        ("235", "GB"),
        ("310", "US"),
        ("316", "US"),
        ("340", "GP"),
        ("362", "CW"),
        ("404", "IN"),
        ("440", "JP"),
        ("441", "JP"),
        ("450", "KR"),
        ("454", "HK"),
        ("460", "CN"),
        ("466", "TW"),
        ("505", "AU"),
        ("639", "KE"),
        ("647", "RE"),
        ("655", "ZA"),
        ("750", "FK"),
    ],
)
def test_a_network_is_in_the_country_of_its_code(mcc: str, country: str) -> None:
    assert country_of_mcc(mcc) == country


@pytest.mark.parametrize("mcc", ["001", "999", "901", "442", "000", "", "44", "4400", "JP"])
def test_a_code_of_no_country_has_none(mcc: str) -> None:
    assert country_of_mcc(mcc) is None


def test_the_countries_are_those_of_iso_3166_and_kosovo() -> None:
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    listed = {line.split("\t")[0] for line in table.splitlines() if not line.startswith("#")}
    assert known_countries() == listed | {"XK"}


def test_there_are_237_codes_and_each_is_of_one_country() -> None:
    countries = [country_of_mcc(f"{code:03}") for code in range(1000)]
    listed = [country for country in countries if country is not None]
    assert len(listed) == 237
    assert set(listed) <= known_countries()


def test_no_code_stands_in_the_list_twice() -> None:
    text = (files("yuzuri.operators") / "countries.toml").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    codes = [code for row in rows for code in row.split('"')[1::2]]
    assert len(codes) == len(set(codes)) == 237
