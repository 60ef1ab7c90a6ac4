"""What the consoles see of the live state: the reading half of ``agent_console.ports.Live``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from agent_console.ports import DeviceView, Part
from agent_console.views import interaction_view
from agent_console.wire import AgentQueueView, AgentView, InteractionView, PbxView, QueuePauseView, QueueView
from cti_gateway.board import plain
from cti_gateway.pbx import Pbx
from interaction_log import events as e
from interaction_log.devices import at
from interaction_log.interaction import Interaction
from interaction_log.records import User
from routing import commands as c
from routing.agents import HOLDERS, Agent
from routing.pauses import is_ours, penalties_among, queues_among

if TYPE_CHECKING:
    from cti_gateway.hub import Hub


def in_hand(agent: Agent) -> dict[str, int]:
    """How many contacts an agent has, by channel."""
    found: dict[str, int] = {}
    if agent.talking:
        found["voice"] = len({interaction_id for interaction_id, _ in agent.talking})
    for channel in agent.in_hand.values():
        found[channel] = found.get(channel, 0) + 1
    return found


_LINK_WORDS: Final = {"connecting": "connecting", "logging_in": "connecting", "lost": "lost", "refused": "refused"}


class Windows:
    """Views of the hub's live state, and the pops that are on screens now."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._live = hub.distributor
        self._pops: dict[tuple[str, str], dict[str, Any]] = {}
        self._received: dict[str, float | None] = {}

    # --- pops ----------------------------------------------------------------------------------------

    HEARS: Final = (e.InteractionOffered, e.InteractionEnded)

    def noted(self, event: e.InteractionOffered | e.InteractionEnded) -> None:
        """Remember when the bytes of a ring came in: the pop's latency counts from there."""
        if isinstance(event, e.InteractionOffered):
            self._received[event.interaction_id] = self._hub.received_at
        else:
            self._received.pop(event.interaction_id, None)

    def open_pop(self, command: c.PopScreen) -> dict[str, Any]:
        """``wire.ScreenPop`` without its numbers."""
        body = self._pop_body(command.interaction_id, command.match)
        self._pops[command.agent, command.interaction_id] = body
        return body

    def update_pop(self, command: c.UpdatePop) -> dict[str, Any]:
        """The same with what is known now."""
        body = self._pop_body(command.interaction_id, command.match)
        self._pops[command.agent, command.interaction_id] = body
        return body

    def open_consultation(self, agent: str, interaction_id: str) -> dict[str, Any]:
        """The card of a colleague who is asked: a pop that is no offer."""
        body = {**self._pop_body(interaction_id, self._live.pops.match(interaction_id)), "consultation": True}
        self._pops[agent, interaction_id] = body
        return body

    def close_pop(self, command: c.ClosePop) -> None:
        """It is no longer on the screen."""
        self._pops.pop((command.agent, command.interaction_id), None)

    def _pop_body(self, interaction_id: str, match: e.CallerFound | None) -> dict[str, Any]:
        one = self._live.interactions[interaction_id]
        now = self._hub.wall()
        visit = one.waiting_in()
        since = visit.entered_at if visit is not None else one.started_at
        until = self._hub.dispatch.offers.until(interaction_id)
        return {
            **({"until": until} if until is not None else {}),
            "interaction": interaction_view(one, self._known_name(one)),
            "customer": match.customer if match is not None else None,
            "candidates": match.candidates if match is not None else [],
            "strength": match.strength if match is not None else "unknown",
            "looking_up": match is None,
            "timeline": match.timeline if match is not None else [],
            "open_cases": match.open_cases if match is not None else [],
            "queue": one.queue,
            "waited_seconds": max(0.0, now - since) if since is not None else None,
            "pbx_received_at": self._received.get(interaction_id),
            "emitted_at": self._hub.wall(),
        }

    # --- single things -------------------------------------------------------------------------------

    def interaction(self, interaction_id: str) -> InteractionView | None:
        """One interaction as it is now."""
        one = self._live.interactions.get(interaction_id)
        return interaction_view(one, self._known_name(one)) if one is not None else None

    def _known_name(self, one: Interaction) -> str | None:
        match = self._live.pops.match(one.id)
        known = match.customer if match is not None else None
        if match is None or known is None:
            return None
        if one.customer_id != str(known["id"]) and one.customer_id not in match.also:
            return None
        return str(known["name"])

    def agent(self, name: str) -> AgentView:
        """An agent as everyone may see her; somebody who never signed in is logged out."""
        agent = self._live.agents.get(name) or self._stranger(name)
        user, members = self._hub.people.get(name), self._live.pauses.members_of(agent.devices)
        return {
            "agent": agent.name,
            "name": agent.display_name,
            "state": agent.state,
            "reason": agent.reason,
            "since": agent.since,
            "until": agent.until,
            "interaction_id": agent.current(),
            "devices": list(agent.devices),
            "queues": queues_among(members),
            "skills": dict(user.skills) if user is not None else {},
            "penalties": penalties_among(members),
            "in_hand": in_hand(agent),
            "places": self._places(agent, user, members),
        }

    def _places(self, agent: Agent, user: User | None, members: list[e.MemberChanged]) -> list[AgentQueueView]:
        """Her queues one by one, with who holds which pause there."""
        given = self._hub.memberships.given(user)
        foreign = {(m.pbx, m.queue): m.paused_reason for m in members if m.paused and not is_ours(m)}
        inside = {(m.pbx, m.queue) for m in members}
        return [
            {
                "pbx": place[0],
                "queue": place[1],
                "member": place in inside,
                "own": place in given,
                "pauses": _queue_pauses(agent, place, foreign.get(place)),
            }
            for place in sorted(inside.union(given))
        ]

    def queues_of(self, name: str) -> list[str]:
        """The names of the queues that this agent serves."""
        agent = self._live.agents.get(name)
        return self._live.pauses.queues_of(agent.devices) if agent is not None else []

    def _stranger(self, name: str) -> Agent:
        user = self._hub.people.get(name)
        return Agent(name, user.display_name if user is not None else name, list(user.devices) if user else [])

    # --- lists ---------------------------------------------------------------------------------------

    def agents(self) -> list[AgentView]:
        """Every agent that ever signed in."""
        return [self.agent(name) for name in sorted(self._live.agents)]

    def queues(self) -> list[QueueView]:
        """The figures of all queues, with their channels (``live_figures``)."""
        return self._hub.live.queues()

    def pbxs(self) -> list[PbxView]:
        """The state of each link. ``up`` means that what is shown is right, not only that TCP is connected."""
        return [self._pbx(pbx) for pbx in self._hub.pbxs.values()]

    def _pbx(self, pbx: Pbx) -> PbxView:
        if pbx.ready_since is not None:
            up: PbxView = {"pbx": pbx.name, "state": "up", "since": pbx.ready_since, "reason": None}
            up = {**up, "can_hold": pbx.has_system, "can_record": pbx.has_system}
            return {**up, "cannot": list(pbx.cannot)} if pbx.cannot else up
        state = pbx.states.get("events")
        word = _LINK_WORDS.get(state.name, "connecting") if state is not None else "connecting"
        since = pbx.lost_since or (state.since if state is not None else 0.0)
        return cast("PbxView", {"pbx": pbx.name, "state": word, "since": since, "reason": state and state.reason})

    def devices(self) -> list[DeviceView]:
        """Every phone that serves a queue or told its state."""
        keys = {(m.pbx, m.device) for m in self._live.pauses.members()} | set(self._live.device_states)
        return [self._device(pbx, device) for pbx, device in sorted(keys)]

    def _device(self, pbx: str, device: str) -> DeviceView:
        owner = self._live.owner(device, pbx)
        return {
            "pbx": pbx,
            "device": device,
            "state": self._live.device_states.get((pbx, device), "UNKNOWN").lower(),
            "agent": owner.name if owner is not None else None,
            "queues": self._live.pauses.queues_of([at(pbx, device)]),
        }

    def snapshot(self, agent: str) -> dict[str, Any]:
        """Everything one console needs to draw itself."""
        pops = [{"seq": 0, "prev": 0, **body} for (who, _), body in self._pops.items() if who == agent]
        mine = self._live.interactions_of(agent)
        return {
            "agent": self.agent(agent),
            "interactions": [interaction_view(one, self._known_name(one)) for one in mine],
            "offers": pops,
            "pops": pops,
            "queues": [plain(queue) for queue in self.queues()],
            "agents": self.agents(),
            "pbx": self.pbxs(),
            "transfers": self._hub.control.book.views(agent),
            "muted": self._hub.control.mutes.of(agent),
            "recording": self._hub.recording.view(),
            "chats": self._hub.chat_views(agent),
            "messages": self._hub.messages.of_agent(agent),
        }

    def supervisor_snapshot(self) -> dict[str, Any]:
        """Everybody, every queue, every open interaction."""
        running = [one for one in self._live.interactions.values() if not one.ended]
        return {
            "agents": self.agents(),
            "queues": self.queues(),
            "interactions": [interaction_view(one, self._known_name(one)) for one in running],
            "pbx": self.pbxs(),
        }

    # --- health and numbers --------------------------------------------------------------------------

    def health(self) -> list[Part]:
        """The PBX links (whether what we show of them is right) and the log."""
        pbxs = (part for pbx in self._hub.pbxs.values() for part in self._parts(pbx))
        return [*pbxs, *self._log_part(), *(look() for look in self._hub.parts)]

    def _log_part(self) -> list[Part]:
        """While the journal takes the events, everything still works; degraded means that some are lost."""
        state = self._hub.log_health()
        if state is None:
            return []
        age = max(0.0, self._hub.wall() - state.since)
        ok = state.name == "ok"
        return [Part(name="log", ok=ok, state=state.name, age_seconds=age, detail=state.reason, required=False)]

    def _parts(self, pbx: Pbx) -> list[Part]:
        view, now = self._pbx(pbx), self._hub.wall()
        age = max(0.0, now - view["since"]) if view["since"] else 0.0
        ok = view["state"] == "up"
        parts = [Part(name=f"pbx {pbx.name}", ok=ok, state=view["state"], age_seconds=age, detail=view["reason"])]
        actions = pbx.states.get("actions")
        if actions is not None:
            parts.append(
                Part(
                    name=f"pbx {pbx.name} actions",
                    ok=actions.up,
                    state=actions.name,
                    age_seconds=max(0.0, now - actions.since),
                    detail=actions.reason or None,
                    required=False,
                )
            )
        return parts

    def counters(self) -> dict[str, float]:
        """Numbers that only grow."""
        pbxs = self._hub.pbxs.values()
        return {
            **self._hub.counts,
            "ami_messages": sum(p.messages for p in pbxs),
            "ami_gaps": sum(p.gaps for p in pbxs),
            "ami_suspicious_blocks": sum(p.tracker.suspicious for p in pbxs),
        }

    def gauges(self) -> dict[str, float]:
        """Numbers of now."""
        running = sum(1 for one in self._live.interactions.values() if not one.ended)
        return {
            "interactions_open": running,
            "pops_open": len(self._pops),
            "agents_signed_in": sum(1 for agent in self._live.agents.values() if agent.signed_in),
            "pbx_up": sum(1 for p in self._hub.pbxs.values() if p.ready_since is not None),
            "background_tasks": len(self._hub.tasks),
            **self._log_gauges(),
        }

    def _log_gauges(self) -> dict[str, float]:
        state = self._hub.log_health()
        if state is None:
            return {}
        return {"log_ok": float(state.name == "ok"), "log_backlog": state.backlog, "log_lost": state.lost}


def _queue_pauses(agent: Agent, place: tuple[str, str], foreign: str | None) -> list[QueuePauseView]:
    held = agent.queue_pauses.get(place)
    if not held and foreign is None:  # nearly always
        return []
    held = held or {}
    found: list[QueuePauseView] = [
        {"holder": holder, "reason": held[holder].reason, "by": held[holder].by, "since": held[holder].since}
        for holder in HOLDERS
        if holder in held
    ]
    if foreign is not None:
        found.append({"holder": "pbx", "reason": foreign, "by": None, "since": None})
    return found
