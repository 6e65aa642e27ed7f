"""What a machine's owner may choose, read once from the environment."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_ALL_INTERFACES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never listened on here
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)

PROXIES_MAX = 9


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
    tls_certificate: Path | None = None
    """A PEM with our certificate and what signed it: then we listen with TLS only."""
    tls_key: Path | None = None
    client_ca: Path | None = None
    """A PEM with who may sign the certificates of network functions: then each caller needs one."""
    network_open: bool = False
    """Every program of this machine is the network function `demo`; in the demo only."""
    rating_groups: Path | None = None
    """A table of rating groups to use instead of the one that comes with Yuzuri."""
    public_origin: str | None = None
    """Where people find this installation, if not where this process listens."""
    proxies: int = 0
    """How many proxies of ours a request comes through, each of which adds to X-Forwarded-For."""

    @property
    def origin(self) -> str:
        """What every address that is passed on begins with; never taken from a request."""
        if self.public_origin is not None:
            return self.public_origin
        return served_origin(self.host, self.port, has_tls=self.tls_certificate is not None)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `YUZURI_…` variables; an empty one counts as left out.

    Raises `SettingsError` for the first that cannot be understood.
    """
    given = _Given(os.environ if environment is None else environment)
    database_url = given.database_url("YUZURI_DATABASE_URL")
    migration_url = given.database_url("YUZURI_MIGRATION_URL")
    if migration_url is not None and database_url is None:
        raise SettingsError("YUZURI_MIGRATION_URL", "given together with YUZURI_DATABASE_URL")
    certificate, key = given.file("YUZURI_TLS_CERTIFICATE"), given.file("YUZURI_TLS_KEY")
    if (certificate is None) != (key is None):
        missing = "YUZURI_TLS_KEY" if key is None else "YUZURI_TLS_CERTIFICATE"
        raise SettingsError(missing, "given, as its other half is")
    client_ca = given.file("YUZURI_CLIENT_CA")
    if client_ca is not None and certificate is None:
        raise SettingsError(
            "YUZURI_CLIENT_CA", "given together with YUZURI_TLS_CERTIFICATE and YUZURI_TLS_KEY"
        )
    demo = given.switch("YUZURI_DEMO", default=False)
    network_open = given.switch("YUZURI_NETWORK_OPEN", default=False)
    if network_open and not demo:
        raise SettingsError("YUZURI_NETWORK_OPEN", "given together with YUZURI_DEMO=1")
    return Settings(
        data=given.folder("YUZURI_DATA", default=default_data),
        host=given.text("YUZURI_HOST") or "127.0.0.1",
        port=given.port("YUZURI_PORT", default=8080),
        database_url=database_url,
        migration_url=migration_url,
        demo=demo,
        lang=given.language("YUZURI_LANG", default=Language.EN),
        tls_certificate=certificate,
        tls_key=key,
        client_ca=client_ca,
        network_open=network_open,
        rating_groups=given.file("YUZURI_RATING_GROUPS"),
        public_origin=given.origin("YUZURI_ORIGIN"),
        proxies=given.count("YUZURI_PROXIES", at_most=PROXIES_MAX),
    )


def served_origin(host: str, port: int, *, has_tls: bool) -> str:
    """Return the origin of what listens on a host and a port: of this machine, where on all."""
    here = _ALL_INTERFACES.get(host, host)
    scheme, usual = ("https", 443) if has_tls else ("http", 80)
    place = f"[{here}]" if ":" in here else here
    return f"{scheme}://{place}" + (f":{port}" if port != usual else "")


def default_data() -> Path:
    """The user's data folder; for root, one that the database's own account can enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/yuzuri")
    return platformdirs.user_data_path("yuzuri", appauthor=False)


def check_tls(settings: Settings) -> None:
    """Raise `SETTING_INVALID` where a certificate, its key or an authority's cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if settings.tls_certificate is not None:
        try:
            # No passphrase, so that nobody is asked for one.
            context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
        except (OSError, ValueError) as error:
            raise SettingsError(
                "YUZURI_TLS_CERTIFICATE",
                "a PEM with a certificate, whose private key YUZURI_TLS_KEY holds unencrypted",
            ) from error
    if settings.client_ca is not None:
        try:
            context.load_verify_locations(settings.client_ca)
        except (OSError, ValueError) as error:
            raise SettingsError(
                "YUZURI_CLIENT_CA", "a PEM with the certificates of authorities"
            ) from error


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

    def file(self, name: str) -> Path | None:
        text = self.text(name)
        if text is None:
            return None
        if "\0" in text or not (file := Path(text).absolute()).is_file():
            raise SettingsError(name, "a file that exists")
        return file

    def port(self, name: str, *, default: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
            raise SettingsError(name, "a whole number from 1 to 65535")
        return int(text)

    def origin(self, name: str) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        origin = text.lower().removesuffix("/")
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(name, "an origin such as https://yuzuri.example")
        return origin

    def count(self, name: str, *, at_most: int) -> int:
        text = self.text(name) or "0"
        if not (text.isascii() and text.isdigit() and len(text) == 1 and int(text) <= at_most):
            raise SettingsError(name, "a whole number from 0 to 9")
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
