"""What the doctor says: facts in, findings out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cti_gateway.cli.doctor import look_at_redis
from cti_gateway.diagnosis import (
    DatabaseFacts,
    Facts,
    ManagerConf,
    MemberFacts,
    PbxFacts,
    PortFacts,
    QueueConf,
    RedisFacts,
    diagnose,
    worst,
)

ANNA = MemberFacts("support", "PJSIP/1001", "PJSIP/1001", "Anna", False, "", 1)
COMMANDS = frozenset({"CoreShowChannels", "QueuePause", "Redirect", "Originate", "PJSIPNotify"})
GOOD = PbxFacts(
    "main",
    "127.0.0.1:5038",
    reachable=True,
    logged_in=True,
    ami_version="11.0.0",
    asterisk_version="22.10.1",
    commands=COMMANDS,
    second_commands=COMMANDS,
    clock_difference=0.01,
    event_seen=True,
    event_stamped=True,
    queues=("support",),
    members=(ANNA,),
    devices=("PJSIP/1001", "PJSIP/pstn"),
    device_globs=("PJSIP/10??",),
    configured_queues=("support",),
)
DATABASE = DatabaseFacts("sqlite", True, schema="1", wanted="1", writable=True, agents={"anna": ["PJSIP/1001"]})
PORT = PortFacts("127.0.0.1:8080", free=True)


def codes(pbx: PbxFacts = GOOD, database: DatabaseFacts = DATABASE, port: PortFacts = PORT) -> dict[str, str]:
    """Code → severity of all that is not well."""
    found = diagnose(Facts([pbx], database, port))
    assert all(one.text for one in found)
    return {one.code: one.severity for one in found if one.severity != "ok"}


def test_all_is_well() -> None:
    assert codes() == {}
    assert worst(diagnose(Facts([GOOD], DATABASE, PORT))) == "ok"


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"reachable": False, "error": "Connection refused"}, "pbx-unreachable", "error"),
        ({"logged_in": False, "error": "Authentication failed"}, "login-refused", "error"),
        ({"ami_version": "1.3"}, "ami-version", "error"),
        ({"ami_version": "?"}, "ami-version", "warning"),
        ({"commands": COMMANDS - {"Originate"}, "second_commands": None}, "right-missing", "error"),
        ({"commands": COMMANDS | {"Command"}, "second_commands": None}, "rights-broad", "warning"),
        ({"commands": COMMANDS - {"PJSIPNotify"}, "second_commands": None}, "no-phone-control", "hint"),
        ({"second_commands": frozenset({"Ping"})}, "second-opinion", "warning"),
        ({"second_error": "no answer"}, "second-opinion", "warning"),
        ({"clock_difference": -61.0}, "clock", "warning"),
        ({"event_stamped": False}, "no-timestamps", "warning"),
        ({"event_seen": False, "event_stamped": False}, "no-events", "hint"),
        ({"noise": {"VarSet": 3}}, "noise", "hint"),
        ({"configured_queues": ("support", "sales")}, "queue-unknown", "error"),
        ({"queues": (), "members": (), "configured_queues": ()}, "no-queues", "warning"),
        ({"members": (), "configured_queues": ("support",)}, "queue-empty", "warning"),
        ({"devices": ("PJSIP/1002",)}, "device-unknown", "error"),
        ({"device_globs": ("PJSIP/10??", "SIP/*")}, "glob-empty", "warning"),
        ({"members": (ANNA, replace(ANNA, device="PJSIP/1009"))}, "member-unowned", "hint"),
        ({"members": (ANNA, replace(ANNA, device="SIP/77"))}, "member-not-device", "error"),
        ({"members": (replace(ANNA, paused=True, reason="callweave:wrapup"),)}, "pauses-left", "warning"),
        ({"queue_conf": (QueueConf("support", ringinuse="yes"),)}, "ringinuse", "warning"),
        ({"queue_conf": (QueueConf("support", ringinuse="no", joinempty="no"),)}, "joinempty", "warning"),
        ({"queue_conf": (QueueConf("support", ringinuse="no", leavewhenempty="strict"),)}, "joinempty", "warning"),
        ({"manager_conf": ManagerConf(writetimeout=None)}, "writetimeout", "warning"),
        ({"manager_conf": ManagerConf(writetimeout="5000", read=frozenset({"agent"}))}, "read-missing", "error"),
    ],
)
def test_each_trouble_has_its_finding(change: dict[str, Any], code: str, severity: str) -> None:
    assert codes(replace(GOOD, **change)).get(code) == severity


@pytest.mark.parametrize(
    "change",
    [
        {"members": (replace(ANNA, paused=True, reason="lunch"),)},
        {"queue_conf": (QueueConf("support", ringinuse="no", joinempty="no", wrapuptime="2"),)},
        {"queue_conf": (QueueConf("support", ringinuse="no", joinempty="yes", leavewhenempty="no"),)},
        {"queue_conf": (QueueConf("other", ringinuse="yes"),)},
        {"manager_conf": ManagerConf(writetimeout="5000", read=frozenset({"all"}))},
        {"clock_difference": None},
    ],
)
def test_what_is_no_trouble_is_not_told(change: dict[str, Any]) -> None:
    assert codes(replace(GOOD, **change)) == {}


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"reachable": False, "error": "no such host"}, "database-away", "error"),
        ({"schema": None}, "database-new", "hint"),
        ({"schema": "0"}, "database-schema", "warning"),
        ({"writable": False}, "database-readonly", "error"),
    ],
)
def test_the_database(change: dict[str, Any], code: str, severity: str) -> None:
    assert codes(database=replace(DATABASE, **change)).get(code) == severity


def test_the_port() -> None:
    assert codes(port=replace(PORT, free=False)) == {"port-taken": "error"}
    assert codes(port=replace(PORT, free=False, ours=True)) == {}


def test_our_own_pauses_are_right_while_we_run() -> None:
    pbx = replace(GOOD, members=(replace(ANNA, paused=True, reason="callweave:wrapup"),))
    assert codes(pbx, port=replace(PORT, free=False, ours=True)) == {}


def test_no_pbx_is_an_error() -> None:
    found = diagnose(Facts([], DATABASE, PORT))
    assert worst(found) == "error"


def test_the_bus_of_several_processes_is_looked_at_where_there_is_one() -> None:
    def codes(redis: RedisFacts | None) -> list[str]:
        return [one.code for one in diagnose(Facts([GOOD], DATABASE, PORT, redis)) if one.code.startswith("redis")]

    assert codes(None) == [] and codes(RedisFacts()) == ["redis"]
    assert codes(RedisFacts("ConnectionError")) == ["redis-away"]


def test_a_redis_that_is_not_there() -> None:
    assert look_at_redis("redis://127.0.0.1:1/0").error == "ConnectionError"
