"""Settings of telephones in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, Settings, from_data

HUSH = "do not show"


def settings(base: Path, **more: Any) -> Settings:
    pbx = {"name": "main", "username": "u", "secret": "s", "devices": ["PJSIP/1???"], **more}
    return from_data({"pbx": [pbx]}, {}, base)


def complaint(base: Path, **more: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        settings(base, **more)
    text = str(refused.value)
    assert HUSH not in text
    return text


WS = {"websocket_url": "ws://127.0.0.1:8088/ws", "browser_devices": ["PJSIP/11??"]}


def test_one_password_for_all_and_own_ones(tmp_path: Path) -> None:
    (tmp_path / "own").write_text(f'1101 = "{HUSH}"\n')
    (tmp_path / "own").chmod(0o600)
    (pbx,) = settings(tmp_path, **WS, browser_secret="common", browser_secrets_file="own").pbx
    assert pbx.browser_secrets["1101"].get_secret_value() == HUSH
    assert pbx.browser_secret is not None and pbx.browser_secret.get_secret_value() == "common"
    assert HUSH not in repr(pbx) and "common" not in repr(pbx)


def test_half_of_it_is_refused(tmp_path: Path) -> None:
    assert "websocket_url" in complaint(tmp_path, browser_devices=["PJSIP/11??"], browser_secret=HUSH)
    assert "browser_secret" in complaint(tmp_path, **WS)
    assert "websocket_url" in complaint(tmp_path, **{**WS, "websocket_url": "http://pbx/"}, browser_secret=HUSH)
    with_password = {**WS, "websocket_url": f"ws://me:{HUSH}@pbx/ws"}
    assert "websocket_url" in complaint(tmp_path, **with_password, browser_secret=HUSH)


@pytest.mark.parametrize(
    ("text", "mode", "word"),
    [
        (f'1101 = "{HUSH}"', 0o644, "chmod o="),
        (f"1101 = {HUSH}", 0o600, "is no TOML"),
        ("", 0o600, "is empty"),
        ("1101 = 5", 0o600, "browser_secrets.1101"),
    ],
)
def test_a_file_of_passwords_that_cannot_be_used(tmp_path: Path, text: str, mode: int, word: str) -> None:
    path = tmp_path / "own"
    path.write_text(text)
    path.chmod(mode)
    assert word in complaint(tmp_path, **WS, browser_secrets_file="own")


def test_no_file(tmp_path: Path) -> None:
    assert "browser_secrets_file: No such file" in complaint(tmp_path, **WS, browser_secrets_file="nowhere")
