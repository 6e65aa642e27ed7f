"""Every text that a person can read stands in every catalog, whole and for a reason."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

import yuzuri
from yuzuri.kernel.names import Language
from yuzuri.operators.sources import Confidence
from yuzuri.sharing.gifts import GiftState
from yuzuri.words.formats import UNITS
from yuzuri.words.sentence_table import (
    CLASSES,
    EXPECTED,
    PLAN_TYPES,
    SENTENCES,
    STATEMENT_FAULTS,
    STATES,
)
from yuzuri.words.sentences import placeholders
from yuzuri.words.translations import TRANSLATED, translate

SOURCE = Path(yuzuri.__file__).parent
LOCALE = SOURCE / "words" / "locale"


def texts_of_tables() -> Iterator[str]:
    for sentence in SENTENCES.values():
        yield from sentence.texts
        yield from sentence.next_steps
    for names in CLASSES.values():
        yield from names
    for table in (PLAN_TYPES, STATEMENT_FAULTS, STATES, UNITS):
        yield from table.values()
    yield from EXPECTED


def texts_of_values() -> Iterator[str]:
    """Yield what is said by the value of a member: `translate(language, gift.state.value)`."""
    yield from (member.value for member in (*GiftState, *Confidence))


def texts_of_python() -> Iterator[str]:
    """Yield what `translate(…)` says, headings of tables, and titles of invariants."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="translate"), args=[_, text, *_]):
                    yield from _constants(text)
                case ast.Call(func=ast.Name(id="show_table"), args=[_, headings, *_]):
                    yield from _constants(headings)
                case ast.Assign(targets=[ast.Name(id="headings")], value=headings):
                    yield from _constants(headings)
                case ast.Call(func=ast.Name(id="Invariant"), args=[_, title, *_]):
                    yield from _constants(title)
                case _:
                    pass


def _constants(expression: ast.expr) -> Iterator[str]:
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _constants(one)
            yield from _constants(other)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _constants(part)
        case _:
            pass


def texts_of_templates() -> Iterator[str]:
    environment = Environment(autoescape=True)
    for path in (SOURCE / "web" / "templates").rglob("*"):
        if path.is_file():
            for call in environment.parse(path.read_text()).find_all(nodes.Call):
                if isinstance(call.node, nodes.Name) and call.node.name == "_":
                    yield from (
                        text.value
                        for text in call.args[0].find_all(nodes.Const)
                        if isinstance(text.value, str)
                    )
                    if isinstance(call.args[0], nodes.Const):
                        yield str(call.args[0].value)


def all_texts() -> set[str]:
    return {
        *texts_of_tables(),
        *texts_of_values(),
        *texts_of_python(),
        *texts_of_templates(),
    }


def read_catalog(language: Language) -> Catalog:
    with (LOCALE / f"{language.value}.po").open("rb") as file:
        return read_po(file, locale=language.value, abort_invalid=True)


def test_every_language_but_english_has_a_catalog() -> None:
    assert {*TRANSLATED, Language.EN} == set(Language)
    assert {path.stem for path in LOCALE.iterdir()} == {language.value for language in TRANSLATED}


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_is_missing_and_none_is_there_in_vain(language: Language) -> None:
    known = {str(message.id) for message in read_catalog(language) if message.id}
    texts = all_texts()
    assert sorted(texts - known) == [], "no translation"
    assert sorted(known - texts) == [], "nobody says this any more"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_is_whole(language: Language) -> None:
    for message in read_catalog(language):
        if message.id:
            text, translation = str(message.id), str(message.string)
            assert translation.strip() == translation != "", text
            assert not message.fuzzy, text
            assert placeholders(translation) == placeholders(text), text
            ends = (".", "!", "?"), ("。", "！", "？")
            assert text.endswith(ends[0]) == translation.endswith(ends[1]), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_is_translated_twice(language: Language) -> None:
    lines = (LOCALE / f"{language.value}.po").read_text().splitlines()
    counted = Counter(line for line in lines if re.match(r'msgid "[^"]', line))
    assert [line for line, count in counted.items() if count > 1] == []


def test_a_text_without_a_translation_stays_english() -> None:
    for language in Language:
        assert translate(language, "{n} unheard of", n=3) == "3 unheard of"


def test_a_value_is_never_read_as_a_text_with_places() -> None:
    said = translate(Language.JA, "Known plans: {known}.", known="{operator} {0.__class__}")
    assert said == "登録されているプラン：{operator} {0.__class__}。"


def test_a_value_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError):
        translate(Language.EN, "Known plans: {known}.")


def test_a_value_may_have_any_name() -> None:
    assert translate(Language.EN, "{text} in {language}", text="a", language="b") == "a in b"
