"""Actions as values: every action that Callweave sends, one function each.

Actions that change calls take only names that match an allow-list: a dial string or a channel name is never free text.
``list_complete`` is the event that ends an action's list, for old versions that announce no list in the response.
Sources: ``manager show command`` of Asterisk 16.28 and 22.10; AMI-v2-Specification.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cti_gateway.ami.encode import EncodeError, check_text

Headers = tuple[tuple[str, str], ...]


class ActionError(EncodeError):
    """A value is not allowed in this action; `field` says which, the message never repeats it."""


@dataclass(frozen=True)
class Action:
    """One action: its name, its headers, and the event that ends the list it is answered with (None: no list)."""

    name: str
    headers: Headers = ()
    list_complete: str | None = None

    def __repr__(self) -> str:
        # Headers may hold a secret, so only their names are shown.
        return f"<Action {self.name} {' '.join(key for key, _ in self.headers)}>"


_DIAL_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}", re.ASCII)
_WORD: Final = re.compile(r"[\w.+-]{1,80}")
# A member or device as app_queue and devicestate name it. No & (several devices), no blank, no $ { } ( ) , ; |.
_ENDPOINT: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9]{1,15}/[A-Za-z0-9_.+*#-]{1,64}(?:@[A-Za-z0-9_.-]{1,80})?(?:/n)?", re.ASCII
)
_DEVICE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}[:/][A-Za-z0-9_.+*#@:/-]{1,100}", re.ASCII)
# A channel has what its endpoint has and a suffix; Local ones a ";1". "/^regex$/" of Hangup is not among them.
_CHANNEL: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}/[A-Za-z0-9_.+*#@:/-]{1,120}(?:;[12])?", re.ASCII)
_VARIABLE: Final = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,62}", re.ASCII)
# In "Variable:" a comma begins the next variable, quotes and backslashes hide one; "${" is never evaluated there, but
# the dialplan may evaluate it later.
_VARIABLE_VALUE_REFUSED: Final = re.compile(r'[,"\\|]|\$[{\[]')
_FUNCTION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(?:\([A-Za-z0-9_.,/@-]{0,120}\))?", re.ASCII)


def _matching(pattern: re.Pattern[str], field: str, text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ActionError(field, f"is not {what}")
    return text


def check_dial_number(text: str, field: str = "number") -> str:
    """Return `text` if it can be dialled: ASCII digits, ``*`` and ``#``, a leading ``+``, at most 32 signs.

    Raises ActionError otherwise; the message names `field` and never repeats the text.
    """
    if len(text) > 32:
        raise ActionError(field, "is longer than 32 signs")
    return _matching(_DIAL_NUMBER, field, text, "a number: digits, * and #, a leading + at most")


def check_endpoint(text: str, field: str = "endpoint") -> str:
    """Return `text` if it names one device, as ``PJSIP/1001`` or ``Local/1001@from-queue/n``; raises ActionError."""
    return _matching(_ENDPOINT, field, text, "the name of one device, as PJSIP/1001")


def check_channel(text: str, field: str = "Channel") -> str:
    """Return `text` if it names one channel, as ``PJSIP/1001-0000002a``; raises ActionError."""
    return _matching(_CHANNEL, field, text, "the name of one channel")


def check_word(text: str, field: str) -> str:
    """Return `text` if it names a queue, context or the like: letters, digits, ``_.+-``; raises ActionError."""
    return _matching(_WORD, field, text, "a name of letters, digits and _ . + -")


def _checked(field: str, value: str) -> tuple[str, str]:
    return field, check_text(field, value)


def _some(*headers: tuple[str, str | None]) -> Headers:
    """The headers that have a value."""
    return tuple((key, value) for key, value in headers if value is not None)


def _flag(value: bool) -> str:
    return "true" if value else "false"


# The link itself


def challenge() -> Action:
    """Ask for the challenge of an MD5 login."""
    return Action("Challenge", (("AuthType", "MD5"),))


def login_md5(username: str, secret: str, challenge_text: str, *, events: bool) -> Action:
    """Log in without sending the secret. `events`: whether this connection wants events."""
    key = hashlib.md5((challenge_text + secret).encode(), usedforsecurity=False).hexdigest()
    who = (("AuthType", "MD5"), _checked("Username", username), ("Key", key))
    return Action("Login", (*who, ("Events", "on" if events else "off")))


def login_plain(username: str, secret: str, *, events: bool) -> Action:
    """Log in with the secret itself; for TLS, or a PBX that offers no challenge."""
    return Action(
        "Login",
        (_checked("Username", username), _checked("Secret", secret), ("Events", "on" if events else "off")),
    )


def logoff() -> Action:
    """End the session; Asterisk answers ``Goodbye`` and closes."""
    return Action("Logoff")


def ping() -> Action:
    """Ask for a sign of life; needs no right."""
    return Action("Ping")


def events(mask: str) -> Action:
    """Set the event classes of this connection: ``on``, ``off`` or a list as ``call,agent``."""
    return Action("Events", (("EventMask", _matching(re.compile(r"[a-z]+(?:,[a-z]+)*"), "EventMask", mask, "a mask")),))


def list_commands() -> Action:
    """Ask which actions exist and which rights they need."""
    return Action("ListCommands")


# What is there


def core_status() -> Action:
    """Ask for start and reload time and the number of calls."""
    return Action("CoreStatus")


def core_settings() -> Action:
    """Ask for versions and system name."""
    return Action("CoreSettings")


def core_show_channels() -> Action:
    """List all channels as ``CoreShowChannel``."""
    return Action("CoreShowChannels", (), "CoreShowChannelsComplete")


def core_show_channel_map(channel: str) -> Action:
    """List the channels that are connected to one, through bridges and Local channels (Asterisk 18.20, 20.5 and on)."""
    return Action("CoreShowChannelMap", (("Channel", check_channel(channel)),), "CoreShowChannelMapComplete")


def bridge_list() -> Action:
    """List all bridges as ``BridgeListItem``."""
    return Action("BridgeList", (), "BridgeListComplete")


def bridge_info(bridge_id: str) -> Action:
    """List the channels of a bridge as ``BridgeInfoChannel``."""
    return Action("BridgeInfo", (("BridgeUniqueid", check_word(bridge_id, "BridgeUniqueid")),), "BridgeInfoComplete")


def device_state_list() -> Action:
    """List the state of all devices as ``DeviceStateChange``."""
    return Action("DeviceStateList", (), "DeviceStateListComplete")


def pjsip_show_endpoints() -> Action:
    """List the PJSIP endpoints as ``EndpointList``; an error when there is none."""
    return Action("PJSIPShowEndpoints", (), "EndpointListComplete")


def pjsip_show_aors() -> Action:
    """List the PJSIP addresses of record as ``AorList``; an error when there is none."""
    return Action("PJSIPShowAors", (), "AorListComplete")


def getvar(variable: str, channel: str | None = None) -> Action:
    """Read a channel variable or function, or a global variable without a channel."""
    name = _matching(_FUNCTION, "Variable", variable, "a variable or function")
    return Action("Getvar", _some(("Channel", channel and check_channel(channel)), ("Variable", name)))


def setvar(variable: str, value: str, channel: str | None = None) -> Action:
    """Set a channel variable, or a global one without a channel. It loses against the first ring of a new channel."""
    name = _matching(_FUNCTION, "Variable", variable, "a variable or function")
    channel = channel and check_channel(channel)
    return Action("Setvar", _some(("Channel", channel), ("Variable", name), _checked("Value", value)))


def command(line: str) -> Action:
    """Run a CLI command; needs ``write=command``. For operators' commands and tests."""
    return Action("Command", (_checked("Command", line),))


def user_event(name: str, headers: Iterable[tuple[str, str]] = ()) -> Action:
    """Raise a ``UserEvent`` for everybody who reads class user."""
    return Action("UserEvent", (("UserEvent", check_word(name, "UserEvent")), *headers))


# Queues


def _queue(name: str | None) -> str | None:
    return None if name is None else check_word(name, "Queue")


def queue_status(queue: str | None = None, member: str | None = None) -> Action:
    """List queues with their members and callers: ``QueueParams``, ``QueueMember``, ``QueueEntry``."""
    headers = _some(("Queue", _queue(queue)), ("Member", member and check_endpoint(member, "Member")))
    return Action("QueueStatus", headers, "QueueStatusComplete")


def queue_summary(queue: str | None = None) -> Action:
    """List queues with their numbers only."""
    return Action("QueueSummary", _some(("Queue", _queue(queue))), "QueueSummaryComplete")


def queue_pause(interface: str, paused: bool, *, queue: str | None = None, reason: str | None = None) -> Action:
    """Pause or release a member, in one queue or in all of his."""
    first = (("Interface", check_endpoint(interface, "Interface")), ("Paused", _flag(paused)))
    return Action("QueuePause", (*first, *_some(("Queue", _queue(queue)), ("Reason", _reason(reason)))))


def _reason(reason: str | None) -> str | None:
    return None if reason is None else check_text("Reason", reason)


def queue_add(
    queue: str,
    interface: str,
    *,
    paused: bool,
    penalty: int = 0,
    reason: str | None = None,
    member_name: str | None = None,
    state_interface: str | None = None,
) -> Action:
    """Add a member. `paused` has no default, because a paused agent who is added unpaused gets calls."""
    headers = _some(
        ("Queue", _queue(queue)),
        ("Interface", check_endpoint(interface, "Interface")),
        ("Penalty", _penalty(penalty)),
        ("Paused", _flag(paused)),
        ("Reason", _reason(reason)),
        ("MemberName", None if member_name is None else check_text("MemberName", member_name)),
        ("StateInterface", state_interface and _matching(_DEVICE, "StateInterface", state_interface, "a device")),
    )
    return Action("QueueAdd", headers)


def _penalty(penalty: int) -> str:
    if penalty < 0:
        raise ActionError("Penalty", "is below 0")
    return str(penalty)


def queue_remove(queue: str, interface: str) -> Action:
    """Remove a member."""
    return Action(
        "QueueRemove", (("Queue", check_word(queue, "Queue")), ("Interface", check_endpoint(interface, "Interface")))
    )


def queue_penalty(interface: str, penalty: int, queue: str | None = None) -> Action:
    """Set a member's penalty, in one queue or in all of his."""
    first = (("Interface", check_endpoint(interface, "Interface")), ("Penalty", _penalty(penalty)))
    return Action("QueuePenalty", (*first, *_some(("Queue", _queue(queue)))))


# Calls


def _variables(variables: Iterable[tuple[str, str]]) -> Headers:
    checked = []
    for name, value in variables:
        _matching(_VARIABLE, "Variable", name, "the name of a variable")
        if _VARIABLE_VALUE_REFUSED.search(value):
            raise ActionError("Variable", 'has a sign that Asterisk would evaluate: , " \\ | ${ $[')
        checked.append(("Variable", f"{name}={check_text('Variable', value)}"))
    return tuple(checked)


def caller_id(name: str, number: str) -> str:
    """Caller id as ``"name" <number>``. Quotes, backslashes and angle brackets of the name become blanks."""
    plain = re.sub(r'["\\<>]', " ", check_text("CallerID", name)).strip()
    return f'"{plain}" <{check_dial_number(number, "CallerID") if number else ""}>'


def originate(
    endpoint: str,
    *,
    exten: str,
    context: str,
    timeout: float,
    caller_name: str = "",
    caller_number: str = "",
    variables: Iterable[tuple[str, str]] = (),
    early_media: bool = False,
) -> Action:
    """Ring `endpoint` for `timeout` seconds; when it is lifted, send it to `exten` in `context`.

    The action is queued at once (Async); the outcome is the event ``OriginateResponse`` with the same ActionID, on the
    connection that has events.
    """
    if not 0 < timeout <= 3600:
        raise ActionError("Timeout", "is not between 0 and 3600 seconds")
    headers = _some(
        ("Channel", check_endpoint(endpoint, "Channel")),
        ("Exten", check_dial_number(exten, "Exten")),
        ("Context", check_word(context, "Context")),
        ("Priority", "1"),
        ("Timeout", str(round(timeout * 1000))),
        ("CallerID", caller_id(caller_name, caller_number) if caller_name or caller_number else None),
        ("EarlyMedia", "true" if early_media else None),
        ("Async", "true"),
    )
    return Action("Originate", headers + _variables(variables))


def originate_wait(endpoint: str, *, timeout: float, patience: int, caller_number: str = "") -> Action:
    """Ring `endpoint` for `timeout` seconds; lifted, it waits `patience` seconds in silence for company."""
    number = check_dial_number(caller_number, "CallerID") if caller_number else ""
    headers = _some(
        ("Channel", check_endpoint(endpoint, "Channel")),
        ("Application", "Wait"),
        ("Data", str(patience)),
        ("Timeout", str(round(timeout * 1000))),
        ("CallerID", caller_id("", number) if number else None),
        ("Async", "true"),
    )
    return Action("Originate", headers)


def hangup(channel: str, cause: int = 16) -> Action:
    """Hang up one channel. Never a pattern: ``/…/`` would hang up many."""
    if not 0 <= cause <= 127:
        raise ActionError("Cause", "is not a cause of Q.850 (0 to 127)")
    return Action("Hangup", (("Channel", check_channel(channel)), ("Cause", str(cause))))


def _target(channel: str, exten: str, context: str) -> Headers:
    return (
        ("Channel", check_channel(channel)),
        ("Exten", check_dial_number(exten, "Exten")),
        ("Context", check_word(context, "Context")),
    )


def redirect(channel: str, *, exten: str, context: str, extra_channel: str | None = None) -> Action:
    """Send a channel, and with `extra_channel` also its partner, to an extension.

    Without its partner the other leg is hung up or goes on in the dialplan.
    """
    headers = (*_target(channel, exten, context), ("Priority", "1"))
    if extra_channel is None:
        return Action("Redirect", headers)
    extra = (("ExtraChannel", check_channel(extra_channel, "ExtraChannel")), ("ExtraExten", exten))
    return Action("Redirect", (*headers, *extra, ("ExtraContext", context), ("ExtraPriority", "1")))


def atxfer(channel: str, *, exten: str, context: str) -> Action:
    """Begin an attended transfer by feature code on the agent's `channel`; ``Success`` only says that it was queued."""
    return Action("Atxfer", _target(channel, exten, context))


def cancel_atxfer(channel: str) -> Action:
    """Return from a consultation to the customer."""
    return Action("CancelAtxfer", (("Channel", check_channel(channel)),))


def blind_transfer(channel: str, *, exten: str, context: str) -> Action:
    """Transfer the partner of the agent's `channel` to an extension."""
    return Action("BlindTransfer", _target(channel, exten, context))


# A file of the PBX: an absolute path without "..", and nothing that the shell or the dialplan would read.
_FILE: Final = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}){1,12}", re.ASCII)


def mixmonitor(channel: str, file: str) -> Action:
    """Record a channel into `file` while it is bridged (option ``b``); needs ``write=system``."""
    name = _matching(_FILE, "File", file, "an absolute path of plain letters")
    return Action("MixMonitor", (("Channel", check_channel(channel)), ("File", name), ("Options", "b")))


def mixmonitor_mute(channel: str, muted: bool) -> Action:
    """Write silence instead of the audio of both directions, or the audio again; ``write=call`` is enough."""
    state = "1" if muted else "0"
    return Action("MixMonitorMute", (("Channel", check_channel(channel)), ("Direction", "both"), ("State", state)))


def stop_mixmonitor(channel: str) -> Action:
    """End the recording of a channel; ``write=call`` is enough."""
    return Action("StopMixMonitor", (("Channel", check_channel(channel)),))


def park(
    channel: str,
    *,
    announce_to: str | None = None,
    timeout_to: str | None = None,
    timeout: float | None = None,
    lot: str | None = None,
) -> Action:
    """Park a channel; `announce_to` is the channel that hears the space. After `timeout` s the call goes back to it,
    or to `timeout_to`, which hears nothing."""
    back_to = timeout_to or announce_to
    headers = _some(
        ("Channel", check_channel(channel)),
        ("TimeoutChannel", back_to and check_channel(back_to, "TimeoutChannel")),
        ("AnnounceChannel", announce_to and check_channel(announce_to, "AnnounceChannel")),
        ("Timeout", None if timeout is None else str(round(timeout * 1000))),
        ("Parkinglot", lot and check_word(lot, "Parkinglot")),
    )
    return Action("Park", headers)


def mute_audio(channel: str, on: bool) -> Action:
    """Let nothing of what this channel's phone sends be heard (``res_mutestream.c``); needs ``write=system``.

    ``Direction: in`` is what comes in from the phone. Nothing but the answer tells that it was done.
    """
    state = "on" if on else "off"
    return Action("MuteAudio", (("Channel", check_channel(channel)), ("Direction", "in"), ("State", state)))


def bridge(channel: str, other: str) -> Action:
    """Take two channels out of whatever they do and join them; each goes on in its dialplan afterwards."""
    return Action(
        "Bridge", (("Channel1", check_channel(channel, "Channel1")), ("Channel2", check_channel(other, "Channel2")))
    )
