"""The languages of the product, and names that differ from one to the other."""

from enum import StrEnum

import msgspec


class Language(StrEnum):
    """A language in which everything can be read; zh is simplified Chinese."""

    EN = "en"
    JA = "ja"
    ZH = "zh"


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a thing is called in each language."""

    en: str
    ja: str
    zh: str

    def in_language(self, language: Language) -> str:
        """Return the name as it is read in a language."""
        return {Language.EN: self.en, Language.JA: self.ja, Language.ZH: self.zh}[language]
