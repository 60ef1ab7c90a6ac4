"""What the simulated PBX answers to actions. Texts are those of Asterisk 22.10."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cti_gateway.simulator.brought_call import BroughtCall
from cti_gateway.simulator.consultation import Consultation
from cti_gateway.simulator.outbound_call import OutboundCall
from cti_gateway.simulator.parts import Channel, Headers, Member, Queue
from cti_gateway.simulator.pbx import Pbx
from cti_gateway.simulator.queue_call import QueueCall

VERSION = "22.10.1"
AMI_VERSION = "11.0.0"


@dataclass
class Action:
    """An action as it was received. Header names are lower case; of equal ones the first counts."""

    name: str
    headers: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)

    def get(self, key: str, default: str = "") -> str:
        """A header's value."""
        return self.headers.get(key.lower(), default)

    def flag(self, key: str) -> bool:
        """A header that says yes or no, in any of Asterisk's words."""
        return self.get(key).lower() in {"true", "yes", "on", "1", "y", "t"}


@dataclass
class Answer:
    """A response, and the events of a list that follow it."""

    ok: bool
    lines: Headers
    items: list[tuple[str, Headers]] = field(default_factory=list)
    complete: str = ""
    """Event that ends the list; empty: no list."""


def parse_action(block: bytes) -> Action:
    """An action of the block's lines; lines without a colon are skipped."""
    headers: dict[str, str] = {}
    variables: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        key, value = key.strip().lower(), value.strip()
        if key == "variable" and "=" in value:
            name, _, text = value.partition("=")
            variables[name] = text
        else:
            headers.setdefault(key, value)
    return Action(headers.get("action", ""), headers, variables)


def _done(message: str) -> Answer:
    return Answer(True, [("Message", message)])


def _refused(message: str) -> Answer:
    return Answer(False, [("Message", message)])


class Answers:
    """Does what actions ask of a PBX, and answers."""

    def __init__(self, pbx: Pbx, customer: Callable[[OutboundCall], None] | None = None) -> None:
        self.pbx = pbx
        self.customer = customer
        """Told when a dialled customer's telephone rings; decides what he does."""
        self.colleague: Callable[[Consultation], None] | None = None
        """Told when a colleague's telephone rings because an agent asks; decides whether he lifts."""
        self.brought: Callable[[BroughtCall], None] | None = None
        """Told when a caller who waited talks to whom he was brought; decides how long."""
        self.lift_seconds: float | None = None
        """After so long the agent's own telephone is lifted when she dials; None: it rings until somebody lifts."""
        self.without: frozenset[str] = frozenset()
        """Actions that this manager user may not use, in small letters."""
        self._table: dict[str, Callable[[Action], Answer]] = {
            "ping": lambda _: Answer(True, [("Ping", "Pong"), ("Timestamp", f"{pbx.clock.now():.6f}")]),
            "listcommands": self._list_commands,
            "corestatus": self._core_status,
            "coresettings": self._core_settings,
            "coreshowchannels": self._channels,
            "coreshowchannelmap": self._channel_map,
            "bridgelist": self._bridges,
            "bridgeinfo": self._bridge_info,
            "devicestatelist": self._devices,
            "queuestatus": self._queue_status,
            "queuesummary": self._queue_summary,
            "queuepause": self._queue_pause,
            "queueadd": self._queue_add,
            "queueremove": self._queue_remove,
            "queuepenalty": self._queue_penalty,
            "originate": self._originate,
            "bridge": self._bridge,
            "hangup": self._hangup,
            "redirect": self._redirect,
            "blindtransfer": self._blind_transfer,
            "atxfer": self._atxfer,
            "cancelatxfer": self._cancel_atxfer,
            "pjsipnotify": self._notify,
            "pjsipshowendpoints": self._endpoints,
            "muteaudio": self._mute_audio,
            "getvar": self._getvar,
            "setvar": lambda _: _done("Variable Set"),
            "playdtmf": self._play_dtmf,
            "userevent": self._user_event,
        }

    def answer(self, action: Action) -> Answer:
        """The answer; unknown actions are refused as a real one refuses them."""
        known = self._table.get(action.name.lower())
        if known is None or action.name.lower() in self.without:
            text = f"Invalid/unknown command: {action.name}. Use Action: ListCommands to show available commands."
            return _refused(text)
        return known(action)

    # ---- The PBX ---------------------------------------------------------------------------------------------------
    def _list_commands(self, _: Action) -> Answer:
        allowed = [name for name in NAMES if name.lower() not in self.without]
        return Answer(True, [(name, "Simulated.  (Priv: all)") for name in allowed])

    def _core_status(self, _: Action) -> Answer:
        started = time.localtime(self.pbx.started)
        day, hour = time.strftime("%Y-%m-%d", started), time.strftime("%H:%M:%S", started)
        return Answer(
            True,
            [
                ("CoreStartupDate", day),
                ("CoreStartupTime", hour),
                ("CoreReloadDate", day),
                ("CoreReloadTime", hour),
                ("CoreCurrentCalls", str(len(self.pbx.channels))),
                ("CoreProcessedCalls", str(self.pbx.processed)),
            ],
        )

    def _core_settings(self, _: Action) -> Answer:
        return Answer(
            True,
            [
                ("AMIversion", AMI_VERSION),
                ("AsteriskVersion", VERSION),
                ("SystemName", "simulator"),
                ("CoreMaxCalls", "0"),
                ("CoreMaxLoadAvg", "0.000000"),
                ("CoreRunUser", ""),
                ("CoreRunGroup", ""),
                ("CoreMaxFilehandles", "0"),
                ("CoreRealTimeEnabled", "No"),
                ("CoreCDRenabled", "No"),
                ("CoreHTTPenabled", "No"),
                ("SoundsSearchCustomDir", "No"),
            ],
        )

    def _list(self, items: list[tuple[str, Headers]], message: str, complete: str) -> Answer:
        return Answer(True, [("EventList", "start"), ("Message", message)], items, complete)

    def _channels(self, _: Action) -> Answer:
        items = [("CoreShowChannel", self._shown(one)) for one in self.pbx.channels.values()]
        return self._list(items, "Channels will follow", "CoreShowChannelsComplete")

    def _shown(self, channel: Channel) -> Headers:
        seconds = int(self.pbx.clock.now() - channel.created)
        return [
            *channel.headers(),
            ("Application", channel.application),
            ("ApplicationData", channel.data),
            ("Duration", f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"),
            ("BridgeId", channel.bridge.id if channel.bridge else ""),
        ]

    def _channel_map(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        if channel is None:
            return _refused("Channel does not exist")
        others = [one for one in (channel.bridge.channels if channel.bridge else []) if one is not channel]
        items = [("CoreShowChannelMap", [("Channel", channel.name), ("ConnectedChannel", one.name)]) for one in others]
        return self._list(items, "Channel map will follow", "CoreShowChannelMapComplete")

    def _bridges(self, _: Action) -> Answer:
        bridges = {one.bridge.id: one.bridge for one in self.pbx.channels.values() if one.bridge}
        items = [("BridgeListItem", one.headers()) for one in bridges.values()]
        return self._list(items, "Bridge listing will follow", "BridgeListComplete")

    def _bridge_info(self, action: Action) -> Answer:
        wanted = action.get("BridgeUniqueid")
        inside = [one for one in self.pbx.channels.values() if one.bridge and one.bridge.id == wanted]
        if not inside:
            return _refused("Bridge not found")
        items = [("BridgeInfoChannel", one.headers()) for one in inside]
        return self._list(items, "Bridge channel listing will follow", "BridgeInfoComplete")

    def _devices(self, _: Action) -> Answer:
        items = [("DeviceStateChange", [("Device", one), ("State", state)]) for one, state in self.pbx.devices()]
        return self._list(items, "Device State Changes will follow", "DeviceStateListComplete")

    def _endpoints(self, _: Action) -> Answer:
        items = [
            ("EndpointList", [("ObjectType", "endpoint"), ("ObjectName", one.partition("/")[2]), ("Aor", "")])
            for one, _state in self.pbx.devices()
            if one.startswith("PJSIP/")
        ]
        return self._list(items, "A listing of Endpoints follows, presented as EndpointList events", ENDPOINTS_END)

    # ---- Queues ----------------------------------------------------------------------------------------------------
    def _chosen(self, action: Action) -> list[Queue]:
        name = action.get("Queue")
        return [one for one in self.pbx.queues.values() if not name or one.name == name]

    def _queue_status(self, action: Action) -> Answer:
        items: list[tuple[str, Headers]] = []
        wanted = action.get("Member")
        for queue in self._chosen(action):
            items.append(("QueueParams", queue.headers(len(self.pbx.waiting[queue.name]))))
            items += [
                ("QueueMember", one.listed(queue.name, self.pbx.device_state(one.interface)))
                for one in queue.members
                if not wanted or one.interface == wanted
            ]
            items += [("QueueEntry", one) for one in self._entries(queue)]
        return self._list(items, "Queue status will follow", "QueueStatusComplete")

    def _entries(self, queue: Queue) -> list[Headers]:
        now = int(self.pbx.clock.now())
        return [
            [
                ("Queue", queue.name),
                ("Position", str(position)),
                ("Channel", one.caller.name),
                ("Uniqueid", one.caller.unique_id),
                ("CallerIDNum", _bare(one.caller.number)),
                ("CallerIDName", _bare(one.caller.caller_name)),
                ("ConnectedLineNum", _bare(one.caller.connected_number)),
                ("ConnectedLineName", _bare(one.caller.connected_name)),
                ("Wait", str(now - int(one.joined))),
                ("Priority", "0"),
            ]
            for position, one in enumerate(self.pbx.waiting[queue.name], 1)
        ]

    def _queue_summary(self, action: Action) -> Answer:
        now = int(self.pbx.clock.now())
        items: list[tuple[str, Headers]] = []
        for queue in self._chosen(action):
            waiting = self.pbx.waiting[queue.name]
            longest = max((now - int(one.joined) for one in waiting), default=0)
            free = sum(map(self.pbx.is_free, queue.members))
            counts = {"LoggedIn": len(queue.members), "Available": free, "Callers": len(waiting)}
            counts |= {"HoldTime": queue.hold_seconds, "TalkTime": queue.talk_seconds, "LongestHoldTime": longest}
            items.append(("QueueSummary", [("Queue", queue.name), *((key, str(one)) for key, one in counts.items())]))
        return self._list(items, "Queue summary will follow", "QueueSummaryComplete")

    def _queue_pause(self, action: Action) -> Answer:
        paused = action.flag("Paused")
        if not self.pbx.pause(action.get("Interface"), paused, action.get("Reason"), action.get("Queue")):
            return _refused("Interface not found")
        return _done(f"Interface {'paused' if paused else 'unpaused'} successfully")

    def _queue_add(self, action: Action) -> Answer:
        queue = self.pbx.queues.get(action.get("Queue"))
        interface = action.get("Interface")
        if queue is None:
            return _refused("Unable to add interface to queue: No such queue")
        member = Member(interface, action.get("MemberName") or interface, int(action.get("Penalty") or 0))
        member.paused, member.reason = action.flag("Paused"), action.get("Reason")
        if not self.pbx.add_member(queue, member):
            return _refused("Unable to add interface: Already there")
        return _done("Added interface to queue")

    def _queue_remove(self, action: Action) -> Answer:
        queue = self.pbx.queues.get(action.get("Queue"))
        if queue is None:
            return _refused("Unable to remove interface from queue: No such queue")
        member = queue.member(action.get("Interface"))
        if member is not None and not member.dynamic:
            return _refused("Member not dynamic")
        if not self.pbx.remove_member(queue, action.get("Interface")):
            return _refused("Unable to remove interface: Not there")
        return _done("Removed interface from queue")

    def _queue_penalty(self, action: Action) -> Answer:
        found = [one for queue in self._chosen(action) if (one := queue.member(action.get("Interface")))]
        for one in found:
            one.penalty = int(action.get("Penalty") or 0)
        return _done("Interface penalty set successfully") if found else _refused("Invalid interface")

    # ---- Calls -----------------------------------------------------------------------------------------------------
    def _originate(self, action: Action) -> Answer:
        exten = action.get("Exten")
        if action.get("Application") == "Wait" and action.get("Channel"):
            self.pbx.clock.later(0, lambda: self._bring(action))
            return _done("Originate successfully queued")
        if not action.get("Channel") or not exten:
            return _refused("Channel not specified" if exten else "Originate with no extension")
        number = re.search(r"<([^>]*)>", action.get("CallerID"))
        timeout = int(action.get("Timeout") or 30_000) / 1000
        call_id = number[1] if number else action.get("CallerID")
        self.pbx.clock.later(0, lambda: self._dial(action, exten, call_id, timeout))
        return _done("Originate successfully queued")

    def _dial(self, action: Action, exten: str, number: str, timeout: float) -> None:
        call = OutboundCall(
            self.pbx,
            action.get("Channel"),
            exten,
            number,
            action_id=action.get("ActionID"),
            timeout=timeout,
            ringing=self.customer,
        )
        agent = call.agent
        if self.lift_seconds is not None and agent is not None:
            self.pbx.clock.later(self.lift_seconds, lambda: call.answer(agent))

    def _bring(self, action: Action) -> None:
        number, seconds = action.get("CallerID"), int(action.get("Timeout") or 30_000) / 1000
        found = re.search(r"<([^>]*)>", number)
        call = BroughtCall(
            self.pbx,
            action.get("Channel"),
            action.get("Data"),
            found[1] if found else number,
            action_id=action.get("ActionID"),
            timeout=seconds,
        )
        agent = call.agent
        if self.lift_seconds is not None and agent is not None:
            self.pbx.clock.later(self.lift_seconds, lambda: call.answer(agent))

    def _bridge(self, action: Action) -> Answer:
        """Brings a caller who waits to a telephone that was lifted for him; nothing else is joined here."""
        caller, agent = (self.pbx.channels.get(action.get(name)) for name in ("Channel1", "Channel2"))
        waits = self.pbx.calls.get(caller) if caller is not None else None
        lifted = self.pbx.calls.get(agent) if agent is not None else None
        if not (isinstance(waits, QueueCall) and waits.in_line and isinstance(lifted, BroughtCall)):
            return _refused("The demo's telephone system joins a waiting caller with a telephone alone")
        self.pbx.clock.later(0, lambda: self._join(waits, lifted))
        return _done("Channels have been bridged")

    def _join(self, waits: QueueCall, lifted: BroughtCall) -> None:
        if waits.in_line and waits.caller.alive:
            lifted.ended = waits.brought_ended
            lifted.join(waits.caller, waits.brought)
            if self.brought is not None:
                self.brought(lifted)

    def _hangup(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        if channel is None:
            return _refused("No such channel")
        self.pbx.clock.later(0, lambda: self._end(channel))
        return _done("Channel Hungup")

    def _end(self, channel: Channel) -> None:
        if channel.alive:
            self.pbx.calls[channel].hang_up(channel, by_action=True)

    def _redirect(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        if channel is None:
            return _refused(f"Channel does not exist: {action.get('Channel')}")
        if not self.pbx.calls[channel].redirect(channel, action.get("Context"), action.get("Exten")):
            return _refused("Redirect failed")
        return _done("Redirect successful")

    def _blind_transfer(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        if channel is None or channel.bridge is None:
            return _refused("Channel specified does not exist")
        other = next(one for one in channel.bridge.channels if one is not channel)
        call = self.pbx.calls[other]
        send = call.blind_transfer if isinstance(call, QueueCall) else call.redirect
        if not send(other, action.get("Context"), action.get("Exten")):
            return _refused("Blind transfer failed")
        return _done("Transfer succeeded")

    def _atxfer(self, action: Action) -> Answer:
        """A real one says ``Success`` to what it cannot do; this one says what is wrong."""
        agent = self.pbx.channels.get(action.get("Channel"))
        if agent is None or agent.bridge is None or len(agent.bridge.channels) != 2:
            return _refused("Channel specified does not exist")
        line = f"PJSIP/{action.get('Exten')}"
        if line not in self.pbx.lines or line == agent.endpoint:
            return _refused("The demo's telephone system asks colleagues only")
        if self.pbx.device_state(line) != "NOT_INUSE":
            return _refused("This telephone is busy")
        customer = next(one for one in agent.bridge.channels if one is not agent)
        self.pbx.clock.later(0, lambda: self._ask(agent, customer, line))
        return _done("Atxfer successfully queued")

    def _ask(self, agent: Channel, customer: Channel, line: str) -> None:
        if not (agent.alive and customer.alive and agent.bridge is customer.bridge is not None):
            return
        call = self.pbx.calls[agent]
        left = call.agent_left if isinstance(call, QueueCall) else _nothing
        asked = Consultation(self.pbx, call, agent, customer, line, left)
        if self.colleague is not None:
            self.colleague(asked)

    def _cancel_atxfer(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        call = self.pbx.calls.get(channel) if channel is not None else None
        if not isinstance(call, Consultation):
            return _refused("No attended transfer is under way")
        self.pbx.clock.later(0, call.cancel)
        return _done("CancelAtxfer successfully queued")

    def _notify(self, action: Action) -> Answer:
        """``Event: talk`` lifts, ``Event: hold`` holds or resumes, as desk phones of some makes do."""
        name = action.get("Channel")
        channel = self.pbx.channels.get(name)
        endpoint = channel.endpoint if channel else f"PJSIP/{action.get('Endpoint')}"
        if endpoint not in self.pbx.lines:
            return _refused("Unable to retrieve endpoint")
        asked = action.variables.get("Event") or action.get("Event")
        self.pbx.clock.later(0, lambda: self._telephone(endpoint, asked))
        return _done("NOTIFY sent")

    def _telephone(self, endpoint: str, asked: str) -> None:
        if asked == "talk" and (ringing := self.pbx.ringing_at(endpoint)):
            self.pbx.calls[ringing].answer(ringing)
            return
        talking = self.pbx.talking_at(endpoint)
        if talking and (asked == "hold" or (asked == "talk" and talking.on_hold)):
            self.pbx.calls[talking].toggle_hold(talking)

    def _getvar(self, action: Action) -> Answer:
        name = action.get("Channel")
        if name and name not in self.pbx.channels:
            return _refused("No such channel")
        return Answer(True, [("Variable", action.get("Variable")), ("Value", "")])

    def _mute_audio(self, action: Action) -> Answer:
        """Nobody speaks here: there is nothing to silence."""
        known = action.get("Channel") in self.pbx.channels
        return _done("Channel muted") if known else _refused("Channel not found")

    def _play_dtmf(self, action: Action) -> Answer:
        channel = self.pbx.channels.get(action.get("Channel"))
        if channel is None:
            return _refused("Channel not found")
        call, digit = self.pbx.calls.get(channel), action.get("Digit")
        if isinstance(call, Consultation) and channel is call.agent and action.flag("Receive"):
            self.pbx.clock.later(0, lambda: call.key(digit))
        return _done("DTMF successfully queued")

    def _user_event(self, action: Action) -> Answer:
        own = {"action", "actionid", "userevent"}
        more = [(key.title(), value) for key, value in action.headers.items() if key not in own]
        self.pbx.emit("UserEvent", "user", [("UserEvent", action.get("UserEvent")), *more])
        return _done("Event Sent")


def _nothing() -> None:
    """Nobody needs to know."""


ENDPOINTS_END = "EndpointListComplete"


def _bare(text: str) -> str:
    """In ``QueueEntry`` an unknown number is written without the angle brackets."""
    return "unknown" if text == "<unknown>" else text


NAMES = (
    *(
        "Atxfer",
        "BlindTransfer",
        "Bridge",
        "BridgeInfo",
        "BridgeList",
        "CancelAtxfer",
        "Challenge",
        "CoreSettings",
        "CoreShowChannelMap",
    ),
    *("CoreShowChannels", "CoreStatus", "DeviceStateList", "Events", "Getvar", "Hangup", "ListCommands", "Login"),
    *(
        "Logoff",
        "MuteAudio",
        "Originate",
        "PJSIPNotify",
        "PJSIPShowEndpoints",
        "Ping",
        "PlayDTMF",
        "QueueAdd",
        "QueuePause",
    ),
    *("QueuePenalty", "QueueRemove", "QueueStatus", "QueueSummary", "Redirect", "Setvar", "UserEvent"),
)
