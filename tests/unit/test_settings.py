"""Settings: what the environment may say, and the sentence when it says something else."""

import os
from pathlib import Path

import pytest

from yuzuri.cli.serving import say_where_links_lead
from yuzuri.kernel.errors import Code
from yuzuri.kernel.names import Language
from yuzuri.settings import Settings, SettingsError, check_tls, default_data, read_settings

FILES = ("YUZURI_TLS_CERTIFICATE", "YUZURI_TLS_KEY", "YUZURI_CLIENT_CA", "YUZURI_RATING_GROUPS")
SECRET_URL = "postgresql://maya:s3cret@db.example:5432/yuzuri"


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings(
        data=default_data(),
        host="127.0.0.1",
        port=8080,
        database_url=None,
        migration_url=None,
        demo=False,
        lang=Language.EN,
    )


def test_an_empty_value_counts_as_left_out() -> None:
    empty = dict.fromkeys(
        ["YUZURI_DATABASE_URL", "YUZURI_DATA", "YUZURI_PORT", "YUZURI_DEMO", "YUZURI_LANG"], " "
    )
    assert read_settings(empty) == read_settings({})


def test_every_setting_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    settings = read_settings(
        {
            "YUZURI_DATABASE_URL": SECRET_URL,
            "YUZURI_MIGRATION_URL": "postgres://owner@db.example/yuzuri",
            "YUZURI_DATA": str(tmp_path),
            "YUZURI_HOST": "0.0.0.0",
            "YUZURI_PORT": "65535",
            "YUZURI_DEMO": "yes",
            "YUZURI_LANG": "JA",
            "YUZURI_NETWORK_OPEN": "1",
            "YUZURI_ORIGIN": "https://Yuzuri.example/",
            "YUZURI_PROXIES": "2",
            **{name: str(file) for name in FILES},
        }
    )
    assert settings == Settings(
        data=tmp_path,
        host="0.0.0.0",
        port=65535,
        database_url=SECRET_URL,
        migration_url="postgres://owner@db.example/yuzuri",
        demo=True,
        lang=Language.JA,
        network_open=True,
        tls_certificate=file,
        tls_key=file,
        client_ca=file,
        rating_groups=file,
        public_origin="https://yuzuri.example",
        proxies=2,
    )


def test_a_relative_data_folder_is_made_absolute() -> None:
    assert read_settings({"YUZURI_DATA": "data"}).data == Path.cwd() / "data"


def test_a_tilde_is_the_home_folder() -> None:
    assert read_settings({"YUZURI_DATA": "~/yuzuri"}).data == Path.home() / "yuzuri"


def test_root_keeps_data_where_another_account_can_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data() == Path("/var/lib/yuzuri")


def test_a_user_keeps_data_in_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_data().name == "yuzuri"
    assert default_data().is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("YUZURI_PORT", "0"),
        ("YUZURI_PORT", "65536"),
        ("YUZURI_PORT", "-1"),
        ("YUZURI_PORT", "8080.0"),
        ("YUZURI_PORT", "８０８０"),
        ("YUZURI_PORT", "9" * 400),
        ("YUZURI_DEMO", "maybe"),
        ("YUZURI_LANG", "fr"),
        ("YUZURI_DATABASE_URL", "mysql://maya@db.example/yuzuri"),
        ("YUZURI_DATABASE_URL", "db.example"),
        ("YUZURI_DATABASE_URL", "postgresql://[::1/yuzuri"),
        ("YUZURI_DATA", "/etc/passwd"),
        ("YUZURI_DATA", "~nobody-of-this-name/yuzuri"),
        ("YUZURI_DATA", "a\0b"),
        ("YUZURI_NETWORK_OPEN", "maybe"),
        ("YUZURI_ORIGIN", "yuzuri.example"),
        ("YUZURI_ORIGIN", "ftp://yuzuri.example"),
        ("YUZURI_ORIGIN", "https://maya@yuzuri.example"),
        ("YUZURI_ORIGIN", "https://yuzuri.example/gifts"),
        ("YUZURI_ORIGIN", "https://yuzuri.example?a=b"),
        ("YUZURI_ORIGIN", "https://"),
        ("YUZURI_PROXIES", "-1"),
        ("YUZURI_PROXIES", "10"),
        ("YUZURI_PROXIES", "一"),
        *((name, value) for name in FILES for value in ("/", "/nowhere", "a\0b")),
    ],
)
def test_what_cannot_be_understood_gives_one_sentence(setting: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({setting: value})
    assert caught.value.refusal.code is Code.SETTING_INVALID
    assert caught.value.setting == setting
    assert str(caught.value).startswith(f"{setting} must be ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_migration_url_alone_is_refused() -> None:
    with pytest.raises(SettingsError, match="YUZURI_MIGRATION_URL must be given together"):
        read_settings({"YUZURI_MIGRATION_URL": SECRET_URL})


def test_tls_needs_both_halves_and_client_certificates_need_tls() -> None:
    here = __file__
    for given, missing in (
        ({"YUZURI_TLS_CERTIFICATE": here}, "YUZURI_TLS_KEY"),
        ({"YUZURI_TLS_KEY": here}, "YUZURI_TLS_CERTIFICATE"),
        ({"YUZURI_CLIENT_CA": here}, "YUZURI_CLIENT_CA"),
    ):
        with pytest.raises(SettingsError, match=f"^{missing} must be given"):
            read_settings(given)


def test_the_network_is_open_in_the_demo_only() -> None:
    assert read_settings({"YUZURI_DEMO": "1", "YUZURI_NETWORK_OPEN": "1"}).network_open
    for demo in ("", "0"):
        with pytest.raises(SettingsError, match="YUZURI_NETWORK_OPEN must be given together"):
            read_settings({"YUZURI_DEMO": demo, "YUZURI_NETWORK_OPEN": "1"})


def test_files_that_no_server_could_use_are_told_before_it_starts(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.write_text("no certificate")
    with pytest.raises(SettingsError, match="YUZURI_TLS_CERTIFICATE must be a PEM"):
        check_tls(Settings(data=tmp_path, tls_certificate=file, tls_key=file))
    with pytest.raises(SettingsError, match="YUZURI_CLIENT_CA must be a PEM"):
        check_tls(Settings(data=tmp_path, client_ca=file))


def test_a_password_shows_neither_in_the_settings_nor_in_a_sentence() -> None:
    assert "s3cret" not in repr(read_settings({"YUZURI_DATABASE_URL": SECRET_URL}))
    with pytest.raises(SettingsError) as caught:
        read_settings({"YUZURI_DATABASE_URL": SECRET_URL.replace("postgresql", "mysql")})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"YUZURI_HOST": "0.0.0.0", "YUZURI_PORT": "80"}, "http://127.0.0.1"),
        ({"YUZURI_HOST": "::"}, "http://[::1]:8080"),
        ({"YUZURI_HOST": "yuzuri.local"}, "http://yuzuri.local:8080"),
        ({"YUZURI_ORIGIN": "https://yuzuri.example:8443"}, "https://yuzuri.example:8443"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_origin_is_the_one_that_is_set_or_that_of_what_is_served(
    settings: dict[str, str], origin: str
) -> None:
    assert read_settings(settings).origin == origin


def test_what_listens_with_tls_has_a_secure_origin(tmp_path: Path) -> None:
    pem = tmp_path / "own.pem"
    assert Settings(data=tmp_path, port=443, tls_certificate=pem).origin == "https://127.0.0.1"


def test_serving_says_with_what_links_begin(tmp_path: Path) -> None:
    here = say_where_links_lead(Settings(data=tmp_path))
    assert "http://127.0.0.1:8080" in here
    assert "YUZURI_ORIGIN" in here
    public = Settings(data=tmp_path, public_origin="https://yuzuri.example")
    assert say_where_links_lead(public) == (
        "Links that people pass on begin with https://yuzuri.example."
    )
