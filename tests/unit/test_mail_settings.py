"""``[mail]``: a whole table or a word on what is missing; the password never in a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import ConfigError, load

MAIL = '[mail]\nhost = "mail.example.com"\nsender = "cti@example.com"\n'


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "callweave.toml"
    path.touch(mode=mode)
    path.write_text(text)
    return path


def test_a_password_out_of_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "mail.password"
    secret.touch(mode=0o600)
    secret.write_text("quiet words\n")
    path = written(tmp_path, MAIL + 'user = "cti"\npassword_file = "mail.password"\n')
    mail = load(path, {}).mail
    assert mail is not None and mail.password is not None
    assert (mail.port, mail.tls, mail.password.get_secret_value()) == (587, "starttls", "quiet words")
    assert "quiet" not in repr(mail)
    assert load(written(tmp_path, ""), {}).mail is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('user = "cti"\n', "user and password go together"),
        ('user = "cti"\npassword = "quiet words"\ntls = "none"\n', "not sent to another machine without tls"),
        ('password_file = "none"\n', "mail.password_file"),
        ('colour = "red"\n', "mail.colour: no such key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, MAIL + more), {})
    assert said in str(caught.value) and "quiet" not in str(caught.value)


def test_a_file_with_a_password_is_private(tmp_path: Path) -> None:
    path = written(tmp_path, MAIL + 'user = "cti"\npassword = "quiet words"\n')
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read or written by everybody"):
        load(path, {})
