"""The key that this machine signs with: made once, and for its owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.keys import instance_id, load_signing_key


def test_the_key_is_made_at_first_use_and_stays(tmp_path: Path) -> None:
    key = load_signing_key(tmp_path / "data")
    file = tmp_path / "data" / "keys" / "network.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["network.pem"]
    assert instance_id(load_signing_key(tmp_path / "data")) == instance_id(key)


def test_of_several_that_make_it_at_once_one_decides(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(load_signing_key, [tmp_path] * 16))
    assert len({instance_id(key) for key in keys}) == 1


def test_a_folder_that_cannot_be_used_is_told_as_a_setting(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("not a folder")
    with pytest.raises(DomainError) as caught:
        load_signing_key(tmp_path)
    assert caught.value.refusal.code is Code.SETTING_INVALID
    (tmp_path / "other" / "keys").mkdir(parents=True)
    (tmp_path / "other" / "keys" / "network.pem").write_text("no key")
    with pytest.raises(DomainError):
        load_signing_key(tmp_path / "other")
