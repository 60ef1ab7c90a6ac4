"""What can be typed, and the parts of commands that need no PBX."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from cti_gateway.cli import commands, customers, init, replay, site_files, user
from cti_gateway.cli.init import Found, globs, guess, manager_lines, toml
from cti_gateway.diagnosis import NOISE, MemberFacts
from interaction_log.records import Conflict, NotFound, Refused, User
from interaction_log.store import Store


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--demo"],
        ["init", "--yes"],
        ["doctor", "--json", "--config", "x.toml"],
        ["replay", "a.ami", "b.ami"],
        ["record", "a.ami", "--seconds", "3"],
        ["user", "add", "anna", "--role", "agent", "--device", "PJSIP/1001", "--password-stdin"],
        ["user", "list", "--json"],
        ["customers", "import", "x.csv", "--dry-run"],
        ["queue", "release"],
        ["db", "upgrade"],
        ["db", "check", "--json"],
    ],
)
def test_every_command_is_understood(words: list[str]) -> None:
    assert commands.parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("words", [[], ["bogus"], ["user"], ["replay"], ["user", "add"], ["db", "drop"]])
def test_wrong_use_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.parser().parse_args(words)
    assert caught.value.code == commands.WRONG_USE


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.parser().parse_args(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(
        name in text for name in ("run", "init", "doctor", "replay", "record", "user", "customers", "queue", "db")
    )


def test_the_configuration_that_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parser = commands.parser()
    assert commands.config_path(parser.parse_args(["db", "check"]), {}) is None
    (tmp_path / "callweave.toml").write_text("")
    assert commands.config_path(parser.parse_args(["db", "check"]), {}) == Path("callweave.toml")
    assert commands.config_path(parser.parse_args(["db", "check"]), {"CTI_CONFIG": "/b"}) == Path("/b")
    given = parser.parse_args(["db", "check", "--config", "/c"])
    assert commands.config_path(given, {"CTI_CONFIG": "/b"}) == Path("/c")


# ---- init --------------------------------------------------------------------------------------------------------
def test_globs_say_as_few_as_possible() -> None:
    assert globs(["PJSIP/1001", "PJSIP/1002", "PJSIP/1101", "SIP/77", "PJSIP/reception"]) == [
        "PJSIP/10??",
        "PJSIP/11??",
        "SIP/7?",
        "PJSIP/reception",
    ]


def test_members_and_numbers_are_telephones_the_rest_is_trunks() -> None:
    member = MemberFacts("support", "Local/1001@from-queue/n", "PJSIP/desk-anna", "Anna", False, "", 1)
    found = Found(members=[member], devices=["PJSIP/1002", "PJSIP/desk-anna", "PJSIP/pstn", "PJSIP/sip-provider"])
    assert guess(found) == (["PJSIP/10??", "PJSIP/desk-anna"], ["PJSIP/pstn", "PJSIP/sip-provider"])


def test_what_init_writes_is_valid_and_secret(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"host": "h", "port": 5038, "username": "u", "secret": 'a"b\\ü', "tls": False}
    settings |= {"devices": ["PJSIP/10??"], "trunks": [], "outbound_prefix": "9"}
    path = tmp_path / "c.toml"
    init.write(path, toml("main", settings, "CN", ["support", "vip"]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = load(path, {})
    assert loaded.pbx[0].secret.get_secret_value() == 'a"b\\ü'
    assert [one.name for one in loaded.queue] == ["support", "vip"]
    assert tomllib.loads(path.read_text("utf-8"))["pbx"][0]["outbound_prefix"] == "9"


@pytest.mark.parametrize(
    ("version", "hashed"),
    [("22.10.1", True), ("22.0.0", False), ("20.11.0", True), ("20.10.1", False), ("16.28.0", False), ("", True)],
)
def test_filters_in_the_form_that_the_version_knows(version: str, hashed: bool) -> None:
    active = [one for one in manager_lines("callweave", version).splitlines() if one.startswith("eventfilter")]
    assert active
    assert all(("name(" in one) == hashed for one in active)
    assert "write = call,agent,originate,reporting" in manager_lines("callweave", version)


# ---- Site files --------------------------------------------------------------------------------------------------
def test_a_sites_queues_conf_with_templates_and_includes(tmp_path: Path) -> None:
    path = tmp_path / "queues.conf"
    path.write_text(
        "[general]\npersistentmembers = yes\n#include more.conf\n[usual](!)\nringinuse=no ; a comment\n"
        "joinempty => yes\n"
        "[support](usual)\nmember => PJSIP/1001,0,Anna\nnonsense\n[sales](usual)\njoinempty = strict\n"
    )
    found = {one.name: one for one in site_files.queues(path)}
    assert found["support"].ringinuse == "no"
    assert found["support"].joinempty == "yes"
    assert found["sales"].joinempty == "strict"


def test_our_own_sample_manager_conf() -> None:
    path = Path(__file__).parents[2] / "config" / "asterisk" / "manager.conf"
    found = site_files.manager(path, "callweave")
    assert found is not None
    assert found.timestampevents == "yes"
    assert found.writetimeout == "5000"
    assert found.write == frozenset({"call", "agent", "originate", "reporting"})
    assert found.filters == len(NOISE)
    assert site_files.manager(path, "nobody") is None


def test_a_site_file_that_is_not_there() -> None:
    with pytest.raises(site_files.SiteFileError):
        site_files.queues(Path("/nowhere/queues.conf"))


# ---- user and customers, on fakes ----------------------------------------------------------------------------------
class FakeUsers:
    """Keeps users in memory."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.passwords: dict[str, str] = {}
        self.closed: list[str] = []

    async def all(self) -> list[User]:
        return list(self.users.values())

    async def create(self, made: User, password: str) -> User:
        if made.name in self.users:
            raise Conflict("it exists already")
        if len(password) < 4:
            raise Refused("password", "is too short")
        self.users[made.name] = made
        self.passwords[made.name] = password
        return made

    async def update(self, name: str, fields: dict[str, Any]) -> User:
        if name not in self.users:
            raise NotFound(name)
        self.users[name] = User(**{**{k: getattr(self.users[name], k) for k in User.__slots__}, **fields})
        return self.users[name]

    async def set_password(self, name: str, password: str) -> None:
        if name not in self.users:
            raise NotFound(name)
        self.passwords[name] = password

    async def close_sessions_of(self, name: str) -> None:
        self.closed.append(name)


async def type_in(users: FakeUsers, words: list[str], said: str = "") -> int:
    arguments = commands.parser().parse_args(["user", *words])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(said))
        return await user.run(arguments, users)  # type: ignore[arg-type]


async def test_users_are_added_listed_and_locked_out(capsys: pytest.CaptureFixture[str]) -> None:
    users = FakeUsers()
    words = ["add", "anna", "--device", "PJSIP/1001", "--password-stdin", "--display-name", "Anna"]
    assert await type_in(users, words, "open sesame\n") == 0
    assert users.passwords == {"anna": "open sesame"}
    assert users.users["anna"].devices == ["PJSIP/1001"]
    assert await type_in(users, words, "open sesame\n") == 1
    assert await type_in(users, ["add", "ben", "--password-stdin"], "x\n") == 1
    assert await type_in(users, ["disable", "anna"]) == 0
    assert users.users["anna"].disabled
    assert users.closed == ["anna"]
    assert await type_in(users, ["disable", "nobody"]) == 1
    assert await type_in(users, ["password", "anna", "--password-stdin"], "new one\n") == 0
    capsys.readouterr()
    assert await type_in(users, ["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed[0]["name"] == "anna"
    assert "password" not in listed[0]


async def test_customers_are_taken_from_files_given_out_and_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/c.db", default_region="CN")

    async def cti(*words: str) -> tuple[int, str, str]:
        code = await customers.run(commands.parser().parse_args(["customers", *words]), store.imports, store.audit)
        told = capsys.readouterr()
        return code, told.out, told.err

    try:
        path = tmp_path / "c.csv"
        path.write_text("Who,phone\nAnna,13800138001\nBo,12\n")
        code, _, err = await cti("import", str(path))
        assert (code, err) == (2, "cti customers import: mapping: there is no column for the name\n")
        code, out, err = await cti("import", str(path), "--map", "Who=name", "--dry-run")
        assert code == 1 and out.startswith("2 rows read; 1 would be new, 0 are customers already")
        assert "line 3: phones.0: '12' is no valid telephone number" in err
        assert await cti("imports") == (0, "", "")  # nothing is left of a dry run
        code, out, _ = await cti("import", str(path), "--map", "Who=name")
        assert code == 1 and "2 rows read; 1 created, 1 refused" in out
        of = out.splitlines()[-1].split()[3]
        assert (await cti("export", str(tmp_path / "out.vcf")))[0] == 0
        assert "TEL;VALUE=uri:tel:+8613800138001" in (tmp_path / "out.vcf").read_text()
        assert (await cti("export", str(tmp_path / "out.vcf")))[0] == 2  # never over what is there
        assert (await cti("export", str(tmp_path / "out.pdf")))[0] == 2
        assert (await cti("undo", of))[:2] == (0, "1 refused, 1 undone\n")
        assert (await store.customers.search("", 10, None))[0] == []
        assert (await cti("undo", "none"))[0] == (await cti("import", str(tmp_path / "none.csv")))[0] == 2
        acts = [row.entry.action for row in await store.audit.page()]
        assert acts == ["undo_import", "export_customers", "export_customers", "import_customers"]
    finally:
        store.close()


def test_replay_prints_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    golden = Path(__file__).parents[1] / "golden" / "answered.ami"
    arguments = commands.parser().parse_args(["replay", str(golden)])
    assert replay.run(arguments, None) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["outcome"] for one in printed] == ["answered"]
    assert replay.run(commands.parser().parse_args(["replay", str(golden), "--pbx", "none"]), None) == 2
    assert replay.run(commands.parser().parse_args(["replay", os.devnull]), None) == 2


def test_commands_run_without_an_event_loop() -> None:
    assert asyncio.iscoroutinefunction(user.run)
    assert not asyncio.iscoroutinefunction(replay.run)
