"""What the consoles are shown of what happened: pops, calls, agents, notices. One half of the hub's effects.

Each method carries out one command (``routing.commands``). A ring is shown at once. A call or an agent that changed is
shown once for all the events of one step: at its end, or a moment later where nobody waits for an answer; a call to
supervisors at most once a second.
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
CHANGES: Final = "hub:changes"
CHANGES_SECONDS: Final = 0.01
"""So much later what a PBX said is on the screens: what it says next may be a ring, and nobody sees the difference."""


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
        self._closed: dict[tuple[str, str], c.CloseReason] = {}
        """Pops that are over and still shown, by agent and interaction."""

    def pop_screen(self, command: c.PopScreen) -> None:
        """A telephone of hers rings."""
        self._hub.counts["pops"] += 1
        self._clear(command.agent)
        self._to_show.get(command.interaction_id, {}).pop(command.agent, None)
        self._hub.screens.publish(command.agent, "screen_pop", self._hub.windows.open_pop(command))

    def update_pop(self, command: c.UpdatePop) -> None:
        """More is known of the caller."""
        self._hub.screens.publish(command.agent, "screen_pop_updated", self._hub.windows.update_pop(command))

    def close_pop(self, command: c.ClosePop) -> None:
        """The ringing is over."""
        self._hub.windows.close_pop(command)
        self._closed[command.agent, command.interaction_id] = command.reason
        if not self._hub.busy:
            self._show_closed(command.agent, command.interaction_id)

    def show_consultation(self, agent: str, interaction_id: str) -> None:
        """A colleague is asked about this customer."""
        self._clear(agent)
        self._hub.screens.publish(agent, "screen_pop", self._hub.windows.open_consultation(agent, interaction_id))

    def close_consultation(self, agent: str, interaction_id: str, reason: c.CloseReason) -> None:
        """The asking is over; where the call is hers now, its card goes on."""
        self.close_pop(c.ClosePop(agent, interaction_id, reason))

    def show_interaction(self, command: c.ShowInteraction) -> None:
        """It changed; shown at the end of the step (:meth:`changes`)."""
        self._to_show.setdefault(command.interaction_id, {})[command.agent] = None

    def changes(self) -> None:
        """One message for each agent who changed, and for each of her interactions, however many events did it."""
        while self._show_next():
            pass
        if self._to_oversee:
            self._oversee()

    def soon(self) -> None:
        """The same in a moment, and one by one: a ring that comes in between waits for one of them, not for all."""
        if (self._closed or self._changed or self._to_show) and not self._hub.timers.running(CHANGES):
            self._hub.timers.start(CHANGES, CHANGES_SECONDS)
        if self._to_oversee:
            self._oversee()

    def _show_next(self) -> bool:
        """Whether there was something to show."""
        if self._closed:
            self._show_closed(*next(iter(self._closed)))
        elif self._changed:
            self._show_agent(next(iter(self._changed)))
        elif self._to_show:
            self._show_interaction(next(iter(self._to_show)))
        else:
            return False
        return True

    def _show_closed(self, agent: str, interaction_id: str) -> None:
        body = {"interaction_id": interaction_id, "reason": self._closed.pop((agent, interaction_id))}
        self._hub.screens.publish(agent, "screen_pop_closed", body)

    def _clear(self, agent: str) -> None:
        """The pops of hers that are over go before her next one; those of others do not stand in its way."""
        for key in [one for one in self._closed if one[0] == agent]:
            self._show_closed(*key)

    def _show_interaction(self, interaction_id: str) -> None:
        agents = self._to_show.pop(interaction_id)
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
        while self._closed:
            self._show_closed(*next(iter(self._closed)))
        while self._changed:
            self._show_agent(next(iter(self._changed)))

    def _show_agent(self, agent: str) -> None:
        del self._changed[agent]
        view = self._hub.windows.agent(agent)
        if self._shown.get(agent) != view:
            self._shown[agent] = view
            body = {"agent": view}
            self._hub.screens.publish(agent, "agent_state", body)
            self._hub.screens.publish_supervisors("agent_state", body)

    def notify(self, command: c.Notify) -> None:
        """A notice for one agent, or for everybody; what it speaks of stands there before it is read."""
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
        self._show_agents()
        body: dict[str, Any] = {"id": command.command_id, "ok": command.ok}
        if command.code is not None and not command.ok:
            body["error"] = {"code": command.code, "message": command.message or command.code}
        self._hub.screens.publish(command.agent, "command_result", body)

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key == CALLS:
            self._publish_calls()
        elif key == CHANGES and self._show_next():
            self._hub.timers.start(CHANGES, 0.0)
        return key in (CALLS, CHANGES)
