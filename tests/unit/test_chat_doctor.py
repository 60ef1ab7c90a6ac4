"""What ``cti doctor`` says of sites, and what the configuration refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, Settings, from_data, load
from cti_gateway.chat.rules import Closing
from cti_gateway.chat_setup import rules_of, site_of
from cti_gateway.cli.chat_sites import findings


def settings(base: Path, **site: Any) -> Settings:
    chat = site.pop("chat", {})
    http = site.pop("http", {})
    given = {"key": "shop", "queues": ["support"], "origins": ["https://shop.example"]} | site
    data = {"http": http, "queue": [{"name": "support", "pbx": ""}], "chat": chat, "site": [given]}
    return from_data(data, {}, base)


def codes(found: Settings, tmp_path: Path) -> dict[str, str]:
    return {one.code: one.severity for one in findings(found, tmp_path)}


def test_a_site_that_is_right_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "widget.js").write_text("1")
    key = {"kid": "1", "alg": "HS256", "secret": "s" * 32}
    found = findings(settings(tmp_path, user_key=[key], chat={"scanner": ["true", "{file}"]}), tmp_path)
    assert [(one.severity, one.code) for one in found] == [("ok", "site-shop")]
    assert "1 (HS256)" in found[0].text and "ssss" not in repr(found)
    assert findings(from_data({}, {}, tmp_path), tmp_path) == []


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bad = settings(
        tmp_path,
        origins=["http://shop.example", "http://localhost:3000"],
        chat={"folder": str(tmp_path / "file" / "x"), "scanner": ["/nowhere/scan", "{file}"]},
        http={"public_url": "https://desk.example"},
    )
    assert codes(bad, tmp_path) == {
        "site-shop-http": "warning", "site-shop": "ok", "chat-folder": "error", "chat-scanner": "error",
        "chat-proxy": "warning", "chat-widget": "error",
    }  # fmt: skip
    short = settings(tmp_path, user_key=[{"kid": "1", "alg": "HS256", "secret": "short"}], origins=[])
    assert codes(short, tmp_path)["site-shop-key"] == "error"
    bare = codes(settings(tmp_path, origins=[]), tmp_path)
    assert bare["site-shop-origins"] == "warning" and bare["chat-scanner"] == "hint"


@pytest.mark.parametrize(
    ("site", "named"),
    [
        ({"queues": ["nothing"]}, "site[0].queues"),
        ({"queues": []}, "site[0].queues"),
        ({"origins": ["https://shop.example/path"]}, "site[0].origins[0]"),
        ({"origins": ["*"]}, "site[0].origins[0]"),
        ({"origins": ["https://*.shop.example"]}, "site[0].origins[0]"),
        ({"user_key": [{"kid": "1", "alg": "none", "secret": "x"}]}, "site[0].user_key[0].alg"),
        ({"user_key": [{"kid": "1", "alg": "HS256"}]}, "site[0].user_key[0]"),
        ({"user_key": [{"kid": "1", "alg": "EdDSA", "secret": "x"}]}, "site[0].user_key[0]"),
        ({"user_key": [{"kid": "1", "alg": "HS256", "secret_file": "gone"}]}, "site[0].user_key[0].secret_file"),
        ({"user_key": [{"kid": "1", "alg": "EdDSA", "public_key_file": "gone"}]}, "user_key[0].public_key_file"),
        ({"form": [{"code": "x", "label": {"en": "X"}, "kind": "choice"}]}, "site[0].form[0]"),
        ({"form": [{"code": "x", "label": {"en": "X"}, "queue": "other"}]}, "site[0]"),
        ({"limits": {"tabs": 0}}, "site[0].limits.tabs"),
        ({"colour": "red"}, "site[0].colour"),
        ({"chat": {"scanner": ["scan"]}}, "chat"),
    ],
)
def test_what_makes_no_sense_stops_the_start(tmp_path: Path, site: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, **site)
    assert named in str(raised.value), raised.value


def test_secrets_come_from_files_that_others_cannot_read(tmp_path: Path) -> None:
    secret, public = tmp_path / "shop.secret", tmp_path / "shop.pem"
    secret.write_text("s" * 40 + "\n")
    secret.chmod(0o600)
    public.write_text("-----BEGIN PUBLIC KEY-----\n")
    keys = [
        {"kid": "1", "alg": "HS256", "secret_file": "shop.secret"},
        {"kid": "2", "alg": "EdDSA", "public_key_file": "shop.pem"},
    ]
    found = settings(tmp_path, user_key=keys)
    assert found.site[0].user_key[0].secret is not None
    assert found.site[0].user_key[0].secret.get_secret_value() == "s" * 40
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read or written by everybody"):
        settings(tmp_path, user_key=keys)
    file = tmp_path / "callweave.toml"
    file.write_text(
        '[[queue]]\nname = "q"\npbx = ""\n[[site]]\nkey = "s"\nqueues = ["q"]\n'
        '[[site.user_key]]\nkid = "1"\nalg = "HS256"\nsecret = "not to be shown"\n'
    )
    file.chmod(0o644)
    with pytest.raises(ConfigError) as raised:
        load(file, {})
    assert "holds a secret" in str(raised.value) and "not to be shown" not in str(raised.value)


def test_the_rules_of_a_site(tmp_path: Path) -> None:
    form = [
        {"code": "name", "label": {"en": "Name"}},
        {"code": "order", "label": {"en": "Order"}, "queue": "support", "required": True},
        {"code": "why", "label": {"en": "Why"}, "kind": "choice", "choices": ["a", "b"]},
    ]
    table = settings(tmp_path, form=form, limits={"tabs": 3}, file_megabytes=2).site[0]
    rules, site = rules_of(table, {"support": "main"}), site_of(table)
    assert [one["code"] for one in rules.form_of("support")] == ["name", "why", "order"]
    assert [one["code"] for one in rules.form_of("other")] == ["name", "why"]
    assert rules.form_of("other")[1]["choices"] == ["a", "b"] and rules.queues == {"support": "main"}
    assert (site.limits.tabs, site.file_bytes, rules.file_bytes) == (3, 2_000_000, 2_000_000)


def test_conversations_of_a_queue_close_at_times_of_their_own(tmp_path: Path) -> None:
    closing = [{"queue": "support", "idle_seconds": 90}, {"queue": "sales", "gone_seconds": 0}]
    table = settings(tmp_path, closing=closing, idle_warning_seconds=20).site[0]
    rules = rules_of(table, {"support": ""})
    assert rules.closing_in("support") == Closing(idle=90.0, warning=20.0, gone=1_800.0)
    assert rules.closing_in("sales") == Closing(idle=600.0, warning=20.0, gone=0.0)
    assert rules.closing_in("other") == Closing(warning=20.0)
    with pytest.raises(ConfigError, match="two are for the same queue"):
        settings(tmp_path, closing=[closing[0], closing[0]])
