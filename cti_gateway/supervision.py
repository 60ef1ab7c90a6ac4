"""What supervisors do about agents: states, queues, listening, taking over. The other half of ``desk``.

Each command is in the audit trail before anything happens, with its reason; refused and failed ones too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.access import may_command
from agent_console.wire import Ack, ClientCommand
from cti_gateway.ami import actions
from cti_gateway.desk import OWN_REASONS, no
from cti_gateway.hands import Hands
from cti_gateway.memberships import SEEN_SECONDS, Seat
from cti_gateway.pbx import Outcome, Pbx
from cti_gateway.taps import RING_SECONDS, Tap, Taps
from interaction_log import events as e
from interaction_log.devices import split
from interaction_log.records import AuditEntry, User
from routing import commands as c
from routing.agents import Agent

if TYPE_CHECKING:
    from cti_gateway.hub import Hub
    from routing.ports import Audit

log = logging.getLogger(__name__)

Work = Coroutine[Any, Any, Outcome]
REPEAT_SECONDS: Final = 60.0
"""The same refused attempt of the same person is written once in so long: nobody fills the trail with them."""
NO_AGENT: Final = no("unknown_agent", "There is no such agent.", "agent")
NO_PHONE: Final = no("no_phone", "No phone is assigned to you.")
NOT_IN_CALL: Final = no("agent_not_in_call", "The agent is in no call now.", "agent")


class Supervision:
    """Commands of supervisors, by name."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.audit: Audit | None = None
        """The trail; ``None`` in tests only."""
        self.tell_agent = False
        self.taps = Taps(hub, self._show_taps, self._tap_moved)
        self.hands = Hands(hub)
        self._waiting: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._refused_at: dict[tuple[str, str, str], float] = {}
        self._writing = asyncio.Lock()
        self._methods: dict[str, Callable[[User, Any], Work | Ack]] = {
            "listen": self._listen,
            "stop_listening": self._stop_listening,
            "force_state": self._force_state,
            "join_queue": self._join_queue,
            "leave_queue": self._leave_queue,
            "pause_queue": self._pause_queue,
            "resume_queue": self._resume_queue,
            "take_over": self._take_over,
            **self.hands.methods,
        }

    def add(self, methods: Mapping[str, Callable[[User, Any], Work | Ack]]) -> None:
        """Further commands, by name (``cti_gateway.chat``)."""
        self._methods.update(methods)

    # --- the way of a command ------------------------------------------------------------------------

    def submit(self, supervisor: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        """Accept or refuse; what is observed later goes to the supervisors as ``command_result``."""
        user = self._hub.people.get(supervisor)
        if user is None or user.disabled or not may_command(user, "/supervisor", name):
            self.refused(supervisor, name, getattr(command, "agent", ""))
            return no("forbidden", "Your role does not allow this.")
        return self._take(user, name, command)

    async def _take(self, user: User, name: str, command: ClientCommand) -> Ack:
        plan = self._methods[name](user, command)
        refusal = plan if isinstance(plan, dict) else None
        code = refusal["error"]["code"] if refusal is not None and "error" in refusal else None
        try:
            await self._write(self._entry(user.name, name, command, "refused" if code else "accepted", code))
        except Exception:
            if not isinstance(plan, dict):
                plan.close()
            log.exception("the audit trail cannot be written")
            return no("audit_failed", "This cannot be put on record now, so it is not done.")
        if isinstance(plan, dict):
            return plan
        self._hub.spawn(self._report(user.name, name, command, plan))
        return {"ok": True}

    async def _report(self, supervisor: str, name: str, command: ClientCommand, work: Work) -> None:
        try:
            outcome = await work
        except Exception:
            self._tell(command.id, Outcome(False, "failed", "This did not work; the cause is in the log."))
            raise
        self._tell(command.id, outcome)
        if not outcome.ok:
            await self._write(self._entry(supervisor, name, command, "failed", outcome.code))

    def _tell(self, command_id: str, outcome: Outcome) -> None:
        body: dict[str, Any] = {"id": command_id, "ok": outcome.ok}
        if not outcome.ok:
            body["error"] = {"code": outcome.code or "failed", "message": outcome.message or ""}
        self._hub.screens.publish_supervisors("command_result", body)

    # --- the audit trail -----------------------------------------------------------------------------

    def _entry(self, actor: str, name: str, command: ClientCommand, outcome: str, code: str | None) -> AuditEntry:
        given = command.model_dump(exclude={"id", "agent", "why", "text"}, exclude_none=True)
        details = {key: str(value) for key, value in given.items()} | ({"code": code} if code else {})
        return AuditEntry(
            at=self._hub.wall(),
            actor=actor,
            action=name,
            subject=getattr(command, "agent", None) or getattr(command, "to", None) or actor,
            outcome=outcome,
            reason=getattr(command, "why", None),
            details=details,
        )

    async def _write(self, entry: AuditEntry) -> None:
        if self.audit is not None:
            async with self._writing:  # in the order in which things were asked
                await self.audit.append(entry)

    def note(self, actor: str, action: str, subject: str, details: dict[str, str], outcome: str = "done") -> None:
        """Something that was done elsewhere (an administrator changed a user)."""
        entry = AuditEntry(
            at=self._hub.wall(), actor=actor, action=action, subject=subject, outcome=outcome, details=details
        )
        self._hub.spawn(self._write(entry))

    def refused(self, actor: str, action: str, subject: str) -> None:
        """Somebody tried what his role does not allow."""
        key, now = (actor, action, subject), self._hub.wall()
        if abs(now - self._refused_at.get(key, float("-inf"))) < REPEAT_SECONDS:
            return
        if len(self._refused_at) > 1_000:
            self._refused_at.clear()
        self._refused_at[key] = now
        self.note(actor, action, subject, {}, "refused")

    # --- states --------------------------------------------------------------------------------------

    def _agent_user(self, name: str) -> User | None:
        user = self._hub.people.get(name)
        return user if user is not None and not user.disabled and user.devices else None

    def _force_state(self, user: User, command: wire.ForceState) -> Work | Ack:
        her = self._agent_user(command.agent)
        if her is None:
            return NO_AGENT
        reason = command.reason if command.state == "NOT_READY" else None
        known = self._hub.pause_reasons | (OWN_REASONS & {"telephone"})
        if command.state == "NOT_READY" and self._hub.pause_reasons and reason not in known:
            return no("unknown_reason", "Choose one of the reasons that there are.", "reason")
        agent = self._hub.distributor.agents.get(her.name)
        if command.state != "LOGGED_OUT" and (agent is None or not agent.signed_in) and self._taken(her):
            return no("phone_taken", "Somebody else sits at this phone.", "agent")
        return self._forced(user, her, command.state, reason)

    def _taken(self, her: User) -> bool:
        owners = [self._hub.distributor.owner(split(seat)[1], split(seat)[0]) for seat in her.devices]
        return any(owner is not None and owner.name != her.name for owner in owners)

    async def _forced(self, user: User, her: User, state: e.AgentState, reason: str | None) -> Outcome:
        hub, live = self._hub, self._hub.distributor
        agent = live.agents.get(her.name)
        if state != "LOGGED_OUT" and (agent is None or not agent.signed_in):
            hub.desk.sign_in(her.name)
        agent = live.agents.get(her.name)
        if agent is None:
            return Outcome(True)  # never was here, so she is logged out
        if agent.state == "WRAP_UP" and agent.wrapping is not None:
            hub.take([self._wrapped_up(agent, agent.wrapping)])
        hub.take([e.StateChosen(at=hub.wall(), agent=her.name, state=state, reason=reason)])
        params = {"state": state, "reason": reason or "", "by": user.display_name}
        hub.carry_out(c.Notify(her.name, "warning", "state_forced", params))
        if state == "READY" and agent.pbx_reason is not None:
            return Outcome(False, "paused_at_pbx", "Somebody paused the phone at the PBX; that pause stays.")
        return Outcome(True)

    def _wrapped_up(self, agent: Agent, interaction_id: str) -> e.Event:
        return e.InteractionWrappedUp(
            at=self._hub.wall(),
            interaction_id=interaction_id,
            agent=agent.name,
            disposition=self._hub.distributor.wrap_up_rule(interaction_id).automatic,
            notes=None,
        )

    # --- queues --------------------------------------------------------------------------------------

    def _join_queue(self, _: User, command: wire.JoinQueue) -> Work | Ack:
        seat = self._seat(command)
        if isinstance(seat, dict):
            return seat
        self._hub.skilled.decided_by_hand(command.agent, *seat.place)
        return self._hub.memberships.join(seat, command.penalty)

    def _leave_queue(self, user: User, command: wire.LeaveQueue) -> Work | Ack:
        seat = self._seat(command, inside=True)
        if isinstance(seat, dict):
            return seat
        self._hub.skilled.decided_by_hand(command.agent, *seat.place)
        return self._hub.memberships.leave(seat, user.name)

    def _pause_queue(self, user: User, command: wire.PauseQueue) -> Work | Ack:
        seat = self._seat(command, inside=True)
        if isinstance(seat, dict):
            return seat
        if not self._hub.memberships.knows_reason(command.reason):
            return no("unknown_reason", "Choose one of the reasons that there are.", "reason")
        params = {"queue": seat.queue, "reason": command.reason, "by": user.display_name}
        self._hub.carry_out(c.Notify(command.agent, "warning", "queue_paused", params))
        return self._hub.memberships.pause(seat, command.reason, "supervisor", user.name)

    def _resume_queue(self, user: User, command: wire.ResumeQueue) -> Work | Ack:
        """Her own pause there too: a supervisor may force a state, so she may end this."""
        seat = self._seat(command, inside=True)
        if isinstance(seat, dict):
            return seat
        if not seat.holders():
            return no("not_paused_there", "The agent is not paused in this queue by us.", "queue")
        params = {"queue": seat.queue, "by": user.display_name}
        self._hub.carry_out(c.Notify(command.agent, "info", "queue_resumed", params))
        return self._hub.memberships.resume(seat, seat.holders(), user.name)

    def _seat(self, command: wire.OnQueueOfAgent, *, inside: bool = False) -> Seat | Ack:
        """Where it is to be done; ``inside``: she must be in the queue."""
        if self._agent_user(command.agent) is None:
            return no("not_signed_in", "The agent was not here yet.", "agent")
        seat = self._hub.memberships.seat(command.agent, command.queue, command.pbx)
        if inside and not isinstance(seat, dict) and not seat.members():
            return no("not_in_queue", "The agent is not in this queue.", "queue")
        return seat

    # --- listening -----------------------------------------------------------------------------------

    def _call_of(self, agent: str) -> tuple[str, str] | None:
        """The interaction that she has, and the device that she has it with."""
        her = self._hub.distributor.agents.get(agent)
        return next(iter(her.talking), None) if her is not None else None

    def _listen(self, user: User, command: wire.Listen) -> Work | Ack:
        if not user.devices:
            return NO_PHONE
        call = self._call_of(command.agent)
        if command.agent == user.name:
            return no("own_call", "This is your own call.", "agent")
        if call is None:
            return NOT_IN_CALL
        pbx = self._hub.distributor.interactions[call[0]].pbx
        if self._hub.pbxs[pbx].ready_since is None:
            return no("pbx_lost", "There is no link to the PBX.")
        tap = Tap(
            supervisor=user.name,
            device=split(user.devices[0])[1],
            agent=command.agent,
            heard=call[1],
            pbx=pbx,
            interaction_id=call[0],
            mode=command.mode,
            since=self._hub.wall(),
        )
        return self._listened(tap)

    async def _listened(self, tap: Tap) -> Outcome:
        self._tell_agent(tap)
        return await self.taps.begin(tap)

    def _tell_agent(self, tap: Tap) -> None:
        user = self._hub.people.get(tap.supervisor)
        if self.tell_agent and tap.agent in self._hub.distributor.agents:
            by = user.display_name if user is not None else tap.supervisor
            self._hub.carry_out(c.Notify(tap.agent, "info", "supervised", {"mode": tap.mode, "by": by}))

    def _tap_moved(self, tap: Tap) -> None:
        """The customer went on, and the supervisor with him: the next agent has the same rights as the first."""
        self._tell_agent(tap)
        details = {"mode": tap.mode, "interaction_id": tap.interaction_id}
        self.note(tap.supervisor, "listen_follows", tap.agent, details)

    def _stop_listening(self, user: User, _: wire.StopListening) -> Work | Ack:
        return self.taps.end(user.name)

    def _show_taps(self) -> None:
        self._hub.screens.publish_supervisors("taps", {"taps": self.taps.views()})

    # --- taking over ---------------------------------------------------------------------------------

    def _take_over(self, user: User, command: wire.TakeOver) -> Work | Ack:
        if not user.devices:
            return NO_PHONE
        one = self._hub.distributor.interactions.get(command.interaction_id)
        call = self._call_of(command.agent)
        if one is None or one.ended:
            return no("unknown_call", "There is no such call now.", "interaction_id")
        if call is None or call[0] != one.id:
            return NOT_IN_CALL
        device = split(user.devices[0])[1]
        exten = device.partition("/")[2]
        pbx = self._hub.pbxs[one.pbx]
        channel = pbx.tracker.customer_channel(one.id)
        if channel is None or not (exten.isascii() and exten.isdigit()):
            return no("not_supported", "This call cannot be redirected to your phone.")
        return self._taken_over(
            pbx, user.name, one.id, device, actions.redirect(channel, exten=exten, context=pbx.context)
        )

    async def _taken_over(self, pbx: Pbx, supervisor: str, interaction_id: str, device: str, action: Any) -> Outcome:
        """Her phone must be free to ring; the outcome is that the customer hears her."""
        await self.taps.end(supervisor)
        connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[interaction_id, device] = connected
        try:
            outcome = await pbx.do(action)
            if outcome.ok:
                await asyncio.wait_for(connected, RING_SECONDS + SEEN_SECONDS)
            return outcome
        except TimeoutError:
            return Outcome(False, "phone_not_lifted", "Your phone was not lifted or cannot be reached.")
        finally:
            del self._waiting[interaction_id, device]

    HEARS: Final = frozenset({*Taps.HEARS, e.AgentConnected})

    def noted(self, event: e.Event) -> None:
        """One of these events, after it was taken in."""
        self.taps.noted(event)
        if isinstance(event, e.AgentConnected):
            waiting = self._waiting.get((event.interaction_id, event.device))
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
