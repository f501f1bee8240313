from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from evenhand.environment import InvalidSetting
from evenhand.secrets import SecretKeyMissing, SecretUnreadable, seal, unseal


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("EVENHAND_SECRET_KEY", raising=False)
    monkeypatch.setenv("EVENHAND_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_key_is_made_beside_the_embedded_database(folder: Path) -> None:
    token = seal("s3cret 密钥")
    assert "s3cret" not in token
    assert unseal(token) == "s3cret 密钥"
    assert seal("s3cret 密钥") != token
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_key(folder: Path) -> None:
    code = "from evenhand.secrets import seal; print(seal('shared'))"

    def one(_: int) -> str:
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ)
        return done.stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        assert [unseal(token) for token in pool.map(one, range(4))] == ["shared"] * 4


def test_without_a_key_nothing_is_sealed_for_a_server_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/crm")
    with pytest.raises(SecretKeyMissing) as refused:
        seal("secret")
    assert "EVENHAND_SECRET_KEY" in refused.value.message
    assert "openssl rand -base64 32" in refused.value.hint
    assert not folder.exists()
    monkeypatch.setenv("EVENHAND_SECRET_KEY", base64.b64encode(bytes(range(224, 256))).decode())
    assert unseal(seal("secret")) == "secret"


def test_keys_are_replaced_by_putting_the_new_one_first(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("EVENHAND_SECRET_KEY", old)
    token = seal("kept")
    monkeypatch.setenv("EVENHAND_SECRET_KEY", f"{new}, {old}")
    assert unseal(token) == "kept"
    fresh = seal("fresh")
    monkeypatch.setenv("EVENHAND_SECRET_KEY", new)
    assert unseal(fresh) == "fresh"
    with pytest.raises(SecretUnreadable):
        unseal(token)


@pytest.mark.parametrize("key", ["short", "ключ", "a" * 43, ",", base64.b64encode(bytes(31)).decode()])
def test_a_bad_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("EVENHAND_SECRET_KEY", key)
    with pytest.raises(InvalidSetting) as refused:
        seal("secret")
    assert "EVENHAND_SECRET_KEY" in refused.value.message
    assert key == "," or key not in str(refused.value)


@given(text=st.text(), where=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=127))
def test_a_changed_token_is_never_opened(text: str, where: int, flip: int) -> None:
    token = seal(text)
    place = where % len(token.rstrip("="))
    changed = token[:place] + chr(ord(token[place]) ^ flip) + token[place + 1 :]
    with suppress(SecretUnreadable):
        assert unseal(changed) == text  # base64 ignores foreign signs and the last unused bits; never another text
