"""Names that differ from language to language."""

import msgspec


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a thing is called in each language of the product (zh: simplified Chinese)."""

    en: str
    ja: str
    zh: str
