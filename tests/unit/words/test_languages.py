"""Which language a reader gets."""

import pytest

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language
from yuzuri.words.languages import choose_language, parse_language

EN, JA, ZH = Language.EN, Language.JA, Language.ZH


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("ja", JA),
        ("JA", JA),
        ("ja-JP", JA),
        ("zh", ZH),
        ("zh-CN", ZH),
        ("zh-Hans-SG", ZH),
        ("zh-TW", ZH),
        ("en-US,en;q=0.9,ja;q=0.8", EN),
        ("fr-FR,fr;q=0.9,ja;q=0.5,en;q=0.4", JA),
        ("en;q=0.3, zh;q=0.7", ZH),
        ("ja;q=0, en;q=0.1", EN),
        ("en;q=0.5,ja;q=0.5", EN),
        ("ja; q=0.9 , zh ; Q=1.0", ZH),
        ("japanese, zh;q=0.1", ZH),
        ("ja;q=much, zh;q=0.1", ZH),
        ("zh;q=0.1, fr;q=nan, ja;q=0.9", JA),
        ("ja;q=7, zh;q=0.1", ZH),
        (",,;q=1,ja", JA),
    ],
)
def test_the_language_liked_best_is_chosen(accept_language: str, language: Language) -> None:
    default = next(other for other in Language if other is not language)
    assert choose_language(accept_language, default) is language


@pytest.mark.parametrize("accept_language", [None, "", "*", "fr", "ja;q=0", ";", "q=1", "\0"])
def test_without_a_known_language_it_is_the_default(accept_language: str | None) -> None:
    assert choose_language(accept_language) is EN
    assert choose_language(accept_language, ZH) is ZH


def test_a_header_without_an_end_is_read_only_so_far() -> None:
    assert choose_language("fr," * 100_000 + "ja") is EN


@pytest.mark.parametrize(
    ("text", "language"),
    [("ja", JA), ("EN", EN), ("ja-JP", JA), ("zh_CN", ZH), ("zh-Hans", ZH), ("en_GB.UTF-8", EN)],
)
def test_a_language_is_read_as_systems_name_it(text: str, language: Language) -> None:
    assert parse_language(text) is language


@pytest.mark.parametrize("text", ["", "fr", "japanese", "-ja", "*"])
def test_a_language_that_nobody_here_speaks_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as raised:
        parse_language(text)
    assert raised.value.refusal.code is Code.LANGUAGE_UNKNOWN
