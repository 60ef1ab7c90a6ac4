"""The configuration: what it takes, and what stops the start (N58)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import ConfigError, Settings, load, load_offline

PBX = """
[[pbx]]
name = "main"
username = "callweave"
devices = ["PJSIP/10??"]
"""
HUSH = "hush-hush"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "callweave.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def complaints(path: Path | None, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    assert HUSH not in str(caught.value)
    return caught.value.lines


def test_nothing_given_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings.http.port == 8080
    assert settings.http.host == "127.0.0.1"
    assert settings.phone.default_region == "CN"
    assert settings.database.url == f"sqlite:///{tmp_path}/var/callweave.db"
    assert settings.database.journal == tmp_path / "var/journal"


def test_the_sample_is_valid(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "config" / "sample.toml"
    path = write(tmp_path, sample.read_text("utf-8"), 0o644)  # it holds no secret itself
    secret = tmp_path / "callweave.secret"
    secret.write_text(HUSH + "\n")
    secret.chmod(0o600)
    settings = load(path, {})
    assert settings.pbx[0].secret.get_secret_value() == HUSH
    assert settings.queue[0].pbx == "main"
    assert HUSH not in repr(settings)


def test_every_commented_key_of_the_sample_exists_with_that_default(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "config" / "sample.toml"
    lines = []
    for line in sample.read_text("utf-8").splitlines():
        bare = line.removeprefix("#")
        commented = line.startswith("#") and (" = " in bare or bare.startswith("[")) and not line.startswith("# ")
        lines.append(bare if commented else line)
    for name in ("callweave.secret", "callweave-system.secret", "browser.secret", "browser.secrets", "shop.secret"):
        (tmp_path / name).write_text(f'1101 = "{HUSH}"' if name == "browser.secrets" else HUSH)
        (tmp_path / name).chmod(0o600)
    path = write(tmp_path, "\n".join(lines))
    load(path, {})


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, PBX + f'secret = "{HUSH}"\n[http]\nport = 1234\n')
    environ = {
        "CTI_HTTP__PORT": "8081",
        "CTI_PBX__0__HOST": "10.0.0.1",
        "CTI_PBX__0__TLS": "True",
        "CTI_PBX__0__DEVICES": '["SIP/1??", "PJSIP/2??"]',
        "CTI_PBX__0__SECRET": "12345",
        "CTI_QUEUE__0__NAME": "support",
        "CTI_QUEUE__0__WRAP_UP_SECONDS": "5",
        "CTI_HTTP__PUBLIC_URL": "https://desk.example.com",
        "CTI_CONFIG": "not a key: it has no section",
    }
    settings = load(path, environ)
    assert settings.http.port == 8081
    assert settings.http.public_url == "https://desk.example.com"
    pbx = settings.pbx[0]
    assert (pbx.host, pbx.tls, pbx.devices) == ("10.0.0.1", True, ("SIP/1??", "PJSIP/2??"))
    assert pbx.secret.get_secret_value() == "12345"
    assert (settings.queue[0].pbx, settings.queue[0].wrap_up_seconds) == ("main", 5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[http]\nprot = 1\n", "http.prot: no such key"),
        ("[htp]\nport = 1\n", "htp: no such key"),
        ('[http]\nport = "8080"\n', "http.port: Input should be a valid integer"),
        ("[http]\nport = true\n", "http.port: Input should be a valid integer"),
        ("[http]\nport = 70000\n", "http.port: Input should be less than or equal to 65535"),
        ('[http]\ntrusted_proxies = ["x"]\n', "http.trusted_proxies[0]:"),
        ('[database]\nurl = "mysql://u:hush-hush@h/d"\n', "database.url: begins neither"),
        ('[database]\nurl = "hush-hush"\n', "database.url: is no database URL"),
        ('[phone]\ndefault_region = "hush-hush"\n', "phone.default_region:"),
        ('[log]\nlevel = "hush-hush"\n', "log.level:"),
        (PBX, "pbx[0].secret: is missing"),
        (PBX + "secret = 12345\n", "pbx[0].secret:"),
        (PBX + 'secret = "hush-hush"\ntls = "yes"\n', "pbx[0].tls:"),
        (PBX + 'secret = "hush-hush"\ndevices = []\n', "callweave.toml: is no TOML"),
        (PBX + 'secret = "hush-hush"\nsystem_username = "x"\n', "pbx[0]: system_username and system_secret"),
        (PBX + 'secret = "hush-hush"\n[[queue]]\nname = "a"\npbx = "other"\n', "queue[0].pbx: names no [[pbx]]"),
        ("this is hush-hush", "callweave.toml: is no TOML"),
    ],
)
def test_what_is_wrong_is_named_and_never_shown(tmp_path: Path, text: str, complaint: str) -> None:
    lines = complaints(write(tmp_path, text))
    assert any(complaint in line for line in lines), lines


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    lines = complaints(write(tmp_path, "[http]\nport = 0.5\nhsot = 1\n"), {"CTI_LOG__LEVEL": "loud"})
    assert len(lines) == 3


@pytest.mark.parametrize("name", ["CTI_HTTP__PROT", "CTI_NO__SUCH", "CTI_PBX__7__HOST", "CTI_PBX__X__HOST"])
def test_an_unknown_variable_stops_the_start(name: str) -> None:
    assert complaints(None, {name: HUSH})


def test_a_file_with_a_secret_must_not_be_readable_by_everybody(tmp_path: Path) -> None:
    assert "chmod o=" in complaints(write(tmp_path, PBX + f'secret = "{HUSH}"\n', 0o644))[0]
    assert "chmod o=" in complaints(write(tmp_path, f'[database]\nurl = "postgresql://u:{HUSH}@h/d"\n', 0o604))[0]
    assert load(write(tmp_path, PBX + f'secret = "{HUSH}"\n', 0o640), {})
    assert load(write(tmp_path, '[database]\nurl = "postgresql://u@h/d"\n', 0o644), {})


def test_a_secret_file_must_not_be_readable_by_everybody(tmp_path: Path) -> None:
    secret = tmp_path / "s"
    path = write(tmp_path, PBX + 'secret_file = "s"\n')
    assert complaints(path)[0].startswith("pbx[0].secret_file:")
    secret.write_text(HUSH)
    secret.chmod(0o644)
    lines = complaints(path)
    assert len(lines) == 1
    assert "pbx[0].secret_file" in lines[0]
    assert "chmod o=" in lines[0]
    secret.write_text("")
    secret.chmod(0o600)
    assert "empty" in complaints(path)[0]
    both = write(tmp_path, PBX + f'secret_file = "s"\nsecret = "{HUSH}"\n')
    assert "one of them must go" in complaints(both)[0]


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load(None, {}).http.port = 1  # type: ignore[misc]
    assert isinstance(load(None, {}), Settings)


def test_same_names_are_refused(tmp_path: Path) -> None:
    twice = (PBX + f'secret = "{HUSH}"\n') * 2
    assert "same name" in complaints(write(tmp_path, twice))[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "No such file" in complaints(tmp_path / "none.toml")[0]


def test_a_command_that_connects_to_nothing_needs_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[[pbx]]\nsecret = "x"\ndevices = ["PJSIP/10??"]\noutbound_prefix = "9"\n')
    file.chmod(0o644)
    [pbx] = load_offline(file).pbx
    assert (list(pbx.devices), pbx.outbound_prefix) == (["PJSIP/10??"], "9")
