"""Texts that people agree to: one file a version and language, which never changes once shipped."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from yuzuri.kernel.names import Language


@cache
def read_terms(version: str, language: Language) -> Mapping[str, str]:
    """Return the text of a version and the clauses that go into it, each with {places}."""
    path = files("yuzuri.words") / "terms" / f"{version}.{language.value}.toml"
    terms: Mapping[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    return terms
