"""What the consoles are shown of what happened: pops, calls, agents, notices. One half of the hub's effects.

Each method carries out one command (``routing.commands``). A call or an agent that changed is shown once for all the
events of one read, a call to supervisors at most once a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent_console.wire import AgentView
from routing import commands as c

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

CALLS_SECONDS: Final = 1.0
"""Supervisors see a call's changes at most so often."""
CALLS: Final = "hub:calls"


class Showing:
    """Commands that end at a screen."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._to_show: dict[str, dict[str, None]] = {}
        """Agents by interaction."""
        self._changed: dict[str, None] = {}
        """Agents whose state is to be shown."""
        self._shown: dict[str, AgentView] = {}
        """As each agent was shown last: a member's pause that is ours changes nothing of it, and comes twice a call."""
        self._to_oversee: dict[str, None] = {}

    def pop_screen(self, command: c.PopScreen) -> None:
        """A telephone of hers rings."""
        self._hub.counts["pops"] += 1
        self._to_show.get(command.interaction_id, {}).pop(command.agent, None)
        self._hub.screens.publish(command.agent, "screen_pop", self._hub.windows.open_pop(command))

    def update_pop(self, command: c.UpdatePop) -> None:
        """More is known of the caller."""
        self._hub.screens.publish(command.agent, "screen_pop_updated", self._hub.windows.update_pop(command))

    def close_pop(self, command: c.ClosePop) -> None:
        """The ringing is over."""
        self._hub.windows.close_pop(command)
        body = {"interaction_id": command.interaction_id, "reason": command.reason}
        self._hub.screens.publish(command.agent, "screen_pop_closed", body)

    def show_consultation(self, agent: str, interaction_id: str) -> None:
        """A colleague is asked about this customer."""
        self._hub.screens.publish(agent, "screen_pop", self._hub.windows.open_consultation(agent, interaction_id))

    def close_consultation(self, agent: str, interaction_id: str, reason: c.CloseReason) -> None:
        """The asking is over; where the call is hers now, its card goes on."""
        self.close_pop(c.ClosePop(agent, interaction_id, reason))

    def show_interaction(self, command: c.ShowInteraction) -> None:
        """It changed; shown at the end of the step (:meth:`changes`)."""
        self._to_show.setdefault(command.interaction_id, {})[command.agent] = None

    def changes(self) -> None:
        """One message for each agent who changed, and for each of her interactions, however many events did it."""
        if self._changed:
            self._show_agents()
        if self._to_show:
            self._show_interactions()
        if self._to_oversee:
            self._oversee()

    def _show_interactions(self) -> None:
        changed, self._to_show = self._to_show, {}
        for interaction_id, agents in changed.items():
            view = self._hub.windows.interaction(interaction_id) if agents else None
            if view is not None:
                self._hub.screens.publish_each(agents, "interaction", {"interaction": view})

    def oversee(self, interaction_id: str) -> None:
        """Supervisors see each call that changed, at most once a second, however many events did it."""
        self._to_oversee[interaction_id] = None

    def _oversee(self) -> None:
        if not self._hub.screens.overseen:
            self._to_oversee.clear()
        elif not self._hub.timers.running(CALLS):
            self._hub.timers.start(CALLS, CALLS_SECONDS)

    def _publish_calls(self) -> None:
        changed, self._to_oversee = self._to_oversee, {}
        for interaction_id in changed:
            view = self._hub.windows.interaction(interaction_id)
            if view is not None:
                self._hub.screens.publish_supervisors("interaction", {"interaction": view})

    def show_agent(self, command: c.ShowAgent) -> None:
        """Her state, to her and to supervisors: at the end of the step, or at once where there is none."""
        self._changed[command.agent] = None
        if not self._hub.busy:
            self._show_agents()

    def _show_agents(self) -> None:
        changed, self._changed = self._changed, {}
        for agent in changed:
            view = self._hub.windows.agent(agent)
            if self._shown.get(agent) == view:
                continue
            self._shown[agent] = view
            body = {"agent": view}
            self._hub.screens.publish(agent, "agent_state", body)
            self._hub.screens.publish_supervisors("agent_state", body)

    def notify(self, command: c.Notify) -> None:
        """A notice for one agent, or for everybody; what it speaks of stands there before it is read."""
        if self._changed:
            self._show_agents()
        body = {"level": command.level, "code": command.code, "params": command.params, "pbx": self._hub.windows.pbxs()}
        if command.agent is not None:
            self._hub.screens.publish(command.agent, "notice", body)
        else:
            self._hub.screens.publish_all("notice", body)
            self._hub.screens.publish_supervisors("notice", body)

    def notify_supervisors(self, command: c.NotifySupervisors) -> None:
        """A notice for supervisors only."""
        body = {"level": command.level, "code": command.code, "params": command.params}
        self._hub.screens.publish_supervisors("notice", body)

    def report(self, command: c.ReportOutcome) -> None:
        """What became of something that an agent asked for; her state stands there before she reads it."""
        if self._changed:
            self._show_agents()
        body: dict[str, Any] = {"id": command.command_id, "ok": command.ok}
        if command.code is not None and not command.ok:
            body["error"] = {"code": command.code, "message": command.message or command.code}
        self._hub.screens.publish(command.agent, "command_result", body)

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key == CALLS:
            self._publish_calls()
        return key == CALLS
