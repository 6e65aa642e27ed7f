"""The countries there are (ISO 3166), and in which of them a mobile network is."""

from functools import cache
from pathlib import Path

import msgspec

_FILE = Path(__file__).with_name("countries.toml")


@cache
def known_countries() -> frozenset[str]:
    """Return every ISO 3166 alpha-2 code, and XK."""
    return frozenset(_codes_of_countries())


def country_of_mcc(mcc: str) -> str | None:
    """Return the country (ISO 3166) of a mobile country code, such as "440" (ITU-T E.212).

    None: the code is no country's (ships, aircraft, satellites, tests) or is not in the list. Where
    several territories share a code, it is the one that the ITU gave it to: 340 is GP, though MQ
    uses it too.
    """
    return _countries_of_codes().get(mcc)


@cache
def _countries_of_codes() -> dict[str, str]:
    return {mcc: country for country, codes in _codes_of_countries().items() for mcc in codes}


@cache
def _codes_of_countries() -> dict[str, tuple[str, ...]]:
    return msgspec.toml.decode(_FILE.read_bytes(), type=dict[str, tuple[str, ...]])
