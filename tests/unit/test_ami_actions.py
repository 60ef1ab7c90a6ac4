"""Actions as values, and the allow-lists in front of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cti_gateway.ami import actions
from cti_gateway.ami.backoff import QUICK, SLOW, Backoff
from cti_gateway.ami.encode import EncodeError, encode_action


@pytest.mark.parametrize("number", ["1", "+8613800138000", "*97", "700#", "9" * 32])
def test_numbers_that_can_be_dialled(number: str):
    assert actions.check_dial_number(number) == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "1\r\nApplication: System",
        "1&PJSIP/x",
        "${SHELL(id)}",
        "1" * 300,
        "١٢٣",
        "１２３",
        "1 2",
        "1-2",
        "++1",
        "1+",
        "1,2",
        "1@x",
        "1\n",
    ],
)
def test_n13_numbers_that_cannot(number: str):
    with pytest.raises(actions.ActionError) as refused:
        actions.originate("PJSIP/1001", exten=number, context="from-internal", timeout=30)
    assert refused.value.field == "Exten"
    if len(number) > 2:
        assert number not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["PJSIP/1001", "SIP/trunk.a-b", "Local/1001@from-queue/n", "Local/1001@from-queue", "DAHDI/1"]
)
def test_endpoints(name: str):
    assert actions.check_endpoint(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "1001", "PJSIP/", "PJSIP/1&PJSIP/2", "PJSIP/1 2", "PJSIP/$(x)", "PJSIP/1\r\nA: b", "Local/1@a@b", "/x/"],
)
def test_no_endpoints(name: str):
    with pytest.raises(actions.ActionError):
        actions.check_endpoint(name)


@pytest.mark.parametrize(
    "name", ["PJSIP/1001-0000002a", "Local/1002@from-internal-00000001;2", "SIP/a.b.example-1", "DAHDI/i1/5551234-1"]
)
def test_channels(name: str):
    assert actions.hangup(name).headers[0] == ("Channel", name)


@pytest.mark.parametrize("name", ["/^PJSIP/.*$/", "", "PJSIP/1001-1;3", "PJSIP/a b", "PJSIP/1\n"])
def test_n13_no_channels(name: str):
    with pytest.raises(actions.ActionError):
        actions.hangup(name)


def test_originate():
    action = actions.originate(
        "PJSIP/1001",
        exten="913800138000",
        context="from-internal",
        timeout=30,
        caller_name='Li "L" <Lei>\\',
        caller_number="13800138000",
        variables=[("__CALLWEAVE_ID", "abc")],
    )
    assert dict(action.headers) == {
        "Channel": "PJSIP/1001",
        "Exten": "913800138000",
        "Context": "from-internal",
        "Priority": "1",
        "Timeout": "30000",
        "CallerID": '"Li  L   Lei" <13800138000>',
        "Async": "true",
        "Variable": "__CALLWEAVE_ID=abc",
    }
    for timeout in (0, -1, 4000):
        with pytest.raises(actions.ActionError, match="Timeout"):
            actions.originate("PJSIP/1001", exten="1", context="c", timeout=timeout)


@pytest.mark.parametrize("value", ["a,B=2", "${SHELL(id)}", 'a"b', "a\\,b", "$[1]", "a\r\nb"])
def test_n14_variables_stay_one(value: str):
    with pytest.raises(EncodeError, match="Variable"):
        actions.originate("PJSIP/1001", exten="1", context="c", timeout=1, variables=[("A", value)])


def test_n14_caller_names_with_line_ends():
    with pytest.raises(EncodeError, match="CallerID"):
        actions.originate(
            "PJSIP/1001", exten="1", context="c", timeout=1, caller_name="x\r\nApplication: System", caller_number="1"
        )


def test_every_action_can_be_encoded():
    made = [
        actions.challenge(),
        actions.login_md5("u", "s", "1", events=True),
        actions.login_plain("u", "s", events=False),
        actions.logoff(),
        actions.ping(),
        actions.events("call,agent"),
        actions.list_commands(),
        actions.core_status(),
        actions.core_settings(),
        actions.core_show_channels(),
        actions.core_show_channel_map("PJSIP/1-1"),
        actions.bridge_list(),
        actions.bridge_info("a-b"),
        actions.device_state_list(),
        actions.pjsip_show_endpoints(),
        actions.pjsip_show_aors(),
        actions.getvar("CHANNEL(state)", "PJSIP/1-1"),
        actions.setvar("A", "b", "PJSIP/1-1"),
        actions.command("core show uptime"),
        actions.user_event("X", [("A", "b")]),
        actions.queue_status("support", "PJSIP/1"),
        actions.queue_summary(),
        actions.queue_pause("PJSIP/1", True, queue="s", reason="callweave:wrapup"),
        actions.queue_add(
            "s", "PJSIP/1", paused=True, reason="r", member_name="Anna", state_interface="hint:1001@ext-local"
        ),
        actions.queue_remove("s", "PJSIP/1"),
        actions.queue_penalty("PJSIP/1", 3),
        actions.hangup("PJSIP/1-1", 21),
        actions.redirect("PJSIP/1-1", exten="1", context="c", extra_channel="PJSIP/2-1"),
        actions.atxfer("PJSIP/1-1", exten="1", context="c"),
        actions.cancel_atxfer("PJSIP/1-1"),
        actions.blind_transfer("PJSIP/1-1", exten="1", context="c"),
        actions.park("PJSIP/1-1", announce_to="PJSIP/2-1", timeout=45, lot="default"),
    ]
    for action in made:
        assert encode_action(action.name, action.headers, "1").endswith(b"\r\n\r\n")
    assert "hush" not in repr(actions.login_plain("u", "hush", events=True))


def test_refusals_name_the_field():
    for make, field in [
        (lambda: actions.queue_add("s", "PJSIP/1", paused=False, penalty=-1), "Penalty"),
        (lambda: actions.queue_add("a b", "PJSIP/1", paused=False), "Queue"),
        (lambda: actions.queue_pause("x", True), "Interface"),
        (lambda: actions.queue_pause("PJSIP/1", True, reason="a\nb"), "Reason"),
        (lambda: actions.redirect("PJSIP/1-1", exten="1", context="a b"), "Context"),
        (lambda: actions.hangup("PJSIP/1-1", 999), "Cause"),
        (lambda: actions.events("call;x"), "EventMask"),
        (lambda: actions.getvar("A B"), "Variable"),
    ]:
        with pytest.raises(EncodeError) as refused:
            make()
        assert refused.value.field == field


def test_waits_double_up_to_their_limit_and_begin_anew():
    backoff = Backoff(lambda: 1.0)
    assert [backoff.wait("unreachable") for _ in range(5)] == [0.5, 1.0, 2.0, 2.0, QUICK[1]]
    assert [backoff.wait("refused") for _ in range(6)] == [5.0, 10.0, 20.0, 40.0, 60.0, SLOW[1]]
    backoff.succeeded()
    assert backoff.wait("refused") == 5.0
    low = Backoff(lambda: 0.0)
    assert [low.wait("unreachable") for _ in range(3)] == [0.25, 0.5, 1.0]


def test_importing_us_installs_no_reactor():
    pure = [f"cti_gateway.ami.{name}" for name in ("codec", "encode", "actions", "backoff", "session")]
    rim = [*pure, "cti_gateway.bridge", "cti_gateway.service"]
    for modules, refused in ((rim, {"twisted.internet.reactor"}), (pure, {"twisted", "asyncio", "socket"})):
        code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
sys.exit(bool({refused!r} & set(sys.modules)))
"""
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
