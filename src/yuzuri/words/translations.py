"""English text in the reader's language, from the catalogs in `locale/`."""

from collections.abc import Mapping
from importlib.resources import files

from babel.messages.pofile import read_po

from yuzuri.kernel.names import Language

TRANSLATED = (Language.JA, Language.ZH)
"""The languages that have a catalog; English is what the catalogs translate from."""


def read_catalog(language: Language) -> Mapping[str, str]:
    """Return the translation of each English text; what is empty or fuzzy is left out."""
    path = files("yuzuri.words") / "locale" / f"{language.value}.po"
    with path.open("rb") as file:
        catalog = read_po(file, locale=language.value, abort_invalid=True)
    return {
        str(message.id): str(message.string)
        for message in catalog
        if message.id and message.string and not message.fuzzy
    }


_CATALOGS = {language: read_catalog(language) for language in TRANSLATED}


def translate(language: Language, text: str, /, **values: object) -> str:
    """Return an English text in a language, `{name}` replaced by the value of that name.

    A text that no catalog has stays English. Raises `KeyError` for a value that is missing.
    """
    return _CATALOGS.get(language, {}).get(text, text).format_map(values)
