"""What a machine's owner may choose, read once from the environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class SettingsError(DomainError):
    """A setting cannot be understood; `str()` is a sentence that never shows its value."""

    def __init__(self, setting: str, expected: str) -> None:
        super().__init__(Code.SETTING_INVALID, setting=setting, expected=expected)
        self.setting = setting
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.setting} must be {self.expected}; correct it or leave it out."


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of this process; a URL never shows in its text, as it may carry a password."""

    data: Path
    """Where the embedded database and all that this machine keeps lives; absolute."""
    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str | None = field(default=None, repr=False)
    """A PostgreSQL to use instead of the embedded one."""
    migration_url: str | None = field(default=None, repr=False)
    """The same database, signed in as a role that may change its tables."""
    demo: bool = False
    lang: Language = Language.EN


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `YUZURI_…` variables; an empty one counts as left out.

    Raises `SettingsError` for the first that cannot be understood.
    """
    given = _Given(os.environ if environment is None else environment)
    database_url = given.database_url("YUZURI_DATABASE_URL")
    migration_url = given.database_url("YUZURI_MIGRATION_URL")
    if migration_url is not None and database_url is None:
        raise SettingsError("YUZURI_MIGRATION_URL", "given together with YUZURI_DATABASE_URL")
    return Settings(
        data=given.folder("YUZURI_DATA", default=default_data),
        host=given.text("YUZURI_HOST") or "127.0.0.1",
        port=given.port("YUZURI_PORT", default=8080),
        database_url=database_url,
        migration_url=migration_url,
        demo=given.switch("YUZURI_DEMO", default=False),
        lang=given.language("YUZURI_LANG", default=Language.EN),
    )


def default_data() -> Path:
    """The user's data folder; for root, one that the database's own account can enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/yuzuri")
    return platformdirs.user_data_path("yuzuri", appauthor=False)


class _Given:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def database_url(self, name: str) -> str | None:
        url = self.text(name)
        if url is None:
            return None
        try:
            scheme = urlsplit(url).scheme
        except ValueError:
            scheme = ""
        if scheme not in {"postgresql", "postgres"}:
            raise SettingsError(
                name, "a PostgreSQL URL such as postgresql://user:password@host:5432/yuzuri"
            )
        return url

    def folder(self, name: str, *, default: Callable[[], Path]) -> Path:
        text = self.text(name)
        if text is None:
            return default()
        if "\0" in text:
            raise SettingsError(name, "a folder")
        try:
            folder = Path(text).expanduser().absolute()
        except RuntimeError:
            raise SettingsError(name, "a folder of a user that exists") from None
        if folder.exists() and not folder.is_dir():
            raise SettingsError(name, "a folder, not a file")
        return folder

    def port(self, name: str, *, default: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
            raise SettingsError(name, "a whole number from 1 to 65535")
        return int(text)

    def switch(self, name: str, *, default: bool) -> bool:
        text = (self.text(name) or "").lower()
        if not text:
            return default
        if text not in _TRUE | _FALSE:
            raise SettingsError(name, "1 or 0")
        return text in _TRUE

    def language(self, name: str, *, default: Language) -> Language:
        text = self.text(name)
        if text is None:
            return default
        try:
            return Language(text.lower())
        except ValueError:
            raise SettingsError(name, "en, ja or zh") from None
