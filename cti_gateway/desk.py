"""What an agent asks for at her console: each command checked, done, and its outcome told. The writing half of
``agent_console.ports.Live``. Nobody can act on another agent's call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.sentences import sentence_of
from agent_console.wire import Ack, ClientCommand, WireError
from cti_gateway.pbx import Outcome, Pbx
from interaction_log import events as e
from interaction_log.devices import split
from interaction_log.interaction import Interaction
from interaction_log.records import Conflict, Match, NotFound, Refused
from routing import commands as c
from routing.agents import SIGNED_IN, Agent

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

Answer = Ack | Coroutine[Any, Any, Ack]
OK: Final[Ack] = {"ok": True}
OWN_REASONS: Final = frozenset({SIGNED_IN, "telephone"})
"""Reasons that nobody chooses: not yet ready after signing in; a telephone in the browser that does not work."""


def no(code: str, message: str, field: str | None = None) -> Ack:
    """A refusal in plain words."""
    error: WireError = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    return {"ok": False, "error": error}


def said(refusal: Ack) -> Ack:
    """The same with the sentence's code: it comes from the store, and there are many."""
    sentence = sentence_of(refusal["error"]["message"])
    if sentence is not None:
        refusal["error"]["said"] = sentence
    return refusal


NEEDS_DISPOSITION: Final = no("disposition_needed", "Choose what came of the call first.", "disposition")
ANY_MEDIUM: Final = frozenset(
    {
        "answer", "decline", "identify", "note", "wrap_up", "pop_shown", "chat_send", "chat_send_file", "chat_typing",
        "chat_seen", "chat_close", "chat_cobrowse",
    }
)  # fmt: skip
"""Commands on an interaction of whatever channel; all others are about a telephone."""
OF_CHATS: Final = frozenset({"transfer", "hang_up"})
"""And these on a chat too."""
WRITTEN: Final = frozenset({"chat", "email"})
"""Channels on which one writes."""
NOT_YOURS: Final = no("not_yours", "This call is not yours.", "interaction_id")


class Desk:
    """Commands of agents, by name."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.caller_ids: dict[tuple[str, str], str] = {}
        """What calls made for a queue show, by PBX and queue; from the configuration."""
        self._methods: dict[str, Callable[[str, Any], Answer]] = {
            "set_state": self._set_state,
            "answer": self._answer,
            "decline": self._decline,
            "hang_up": self._hang_up,
            "dial": self._dial,
            "identify": self._identify,
            "note": self._note,
            "wrap_up": self._wrap_up,
        }

    def add(self, methods: Mapping[str, Callable[[str, Any], Answer]]) -> None:
        """Further commands, by name (``cti_gateway.control``)."""
        self._methods.update(methods)

    @property
    def methods(self) -> Mapping[str, Callable[[str, Any], Answer]]:
        """All of them by name."""
        return dict(self._methods)

    def tell(self, agent: str, command_id: str, outcome: Outcome) -> None:
        """The observed outcome of a command."""
        self._tell(agent, command_id, outcome)

    def submit(self, agent: str, name: str, command: ClientCommand) -> Answer:
        """Accept or refuse; what is observed later goes out as ``command_result``."""
        method = self._methods.get(name)
        if method is None:
            return no("not_supported", "This version cannot do that.")
        if isinstance(command, wire.OnInteraction) and name not in ANY_MEDIUM:
            one = self._hub.distributor.interactions.get(command.interaction_id)
            if one is not None and not (one.channel == "voice" or (one.channel in WRITTEN and name in OF_CHATS)):
                return no("no_call", "This is no telephone call.", "interaction_id")
        return method(agent, command)

    # --- the place -----------------------------------------------------------------------------------

    def arrived(self, name: str) -> None:
        """Her first console opened: she takes her place, and chooses when she is ready.

        Who was here before and is logged out does not take a place that a colleague has meanwhile: a forgotten
        console that reconnects must not. (Choosing a state does, see ``_set_state``.)
        """
        user = self._hub.people.get(name)
        if user is None or not (user.devices or user.role == "agent"):
            return
        live = self._hub.distributor
        known = live.agents.get(name)
        taken = any(live.owner(device) is not None for device in user.devices)
        if known is None or not (known.signed_in or taken):
            self.sign_in(name)

    def seat_changed(self, name: str) -> None:
        """An administrator changed this user."""
        user = self._hub.people.get(name)
        agent = self._hub.distributor.agents.get(name)
        if agent is None or not agent.signed_in:
            return
        if user is None or user.disabled:
            self._hub.take([e.StateChosen(at=self._hub.wall(), agent=name, state="LOGGED_OUT")])
        elif list(user.devices) != agent.devices:
            self.sign_in(name)

    def sign_in(self, name: str) -> None:
        """She takes her place at her phones."""
        user = self._hub.people[name]
        event = e.AgentSignedIn(at=self._hub.wall(), agent=name, name=user.display_name, devices=list(user.devices))
        self._hub.take([event])

    def _set_state(self, agent: str, command: wire.SetState) -> Answer:
        hub = self._hub
        if agent not in hub.people:
            return no("unknown_user", "You are no longer known here.")
        reason = command.reason if command.state == "NOT_READY" else None
        if command.state == "NOT_READY" and hub.pause_reasons and reason not in hub.pause_reasons | OWN_REASONS:
            return no("unknown_reason", "Choose one of the reasons that there are.", "reason")
        known = hub.distributor.agents.get(agent)
        if command.state != "LOGGED_OUT" and (known is None or not known.signed_in):
            self.sign_in(agent)
        elif command.state == "READY" and known is not None and hub.distributor.needs_disposition(known):
            return NEEDS_DISPOSITION
        chosen = e.StateChosen(at=hub.wall(), agent=agent, state=command.state, reason=reason, command_id=command.id)
        hub.take([chosen])
        return OK

    # --- calls ---------------------------------------------------------------------------------------

    def _answer(self, agent: str, command: wire.Answer) -> Answer:
        one, her = self._hub.distributor.interactions.get(command.interaction_id), self._agent(agent)
        if one is not None and one.channel != "voice":
            return self._taken(self._hub.dispatch.answer(agent, command))
        hers = self._hub.distributor.devices_of(her, one.pbx) if one is not None and her is not None else []
        rings = [o.agent for o in one.open_offers() if o.agent in hers] if one is not None else []
        if one is None or not rings:
            return no("not_ringing", "This call does not ring at your phone.", "interaction_id")
        return self._observe(agent, command, self._lift(self._pbx(one), one.id, rings[0]))

    async def _taken(self, ack: Ack) -> Ack:
        """Who has it is on disk before she is told so: her lines are, too, and must find her there after a crash."""
        if ack["ok"]:
            with contextlib.suppress(OSError, RuntimeError):  # the log says itself that it keeps nothing
                await self._hub.log.durable(self._hub.last_seq)
        return ack

    def _decline(self, agent: str, command: wire.Decline) -> Answer:
        return self._hub.dispatch.decline(agent, command)

    async def _lift(self, pbx: Pbx, interaction_id: str, device: str) -> Outcome:
        outcome = await pbx.answer(device)
        return await self._hub.control.lifted(pbx, interaction_id, device) if outcome.ok else outcome

    def _hang_up(self, agent: str, command: wire.HangUp) -> Answer:
        """Ends the leg of her own device and no other, so no further permission is needed."""
        one, her = self._hub.distributor.interactions.get(command.interaction_id), self._agent(agent)
        if one is None or her is None or one.ended:
            return NOT_YOURS
        pbx = self._pbx(one)
        hers = self._hub.distributor.devices_of(her, one.pbx)
        mine = next((d for d in hers if pbx.tracker.channel_of(one.id, d) is not None), None)
        return self._observe(agent, command, self._leave(pbx, one.id, mine)) if mine is not None else NOT_YOURS

    async def _leave(self, pbx: Pbx, interaction_id: str, device: str) -> Outcome:
        outcome = await pbx.hang_up(interaction_id, device)
        return await self._hub.control.left(pbx, interaction_id, device) if outcome.ok else outcome

    def _dial(self, agent: str, command: wire.Dial) -> Answer:
        her = self._agent(agent)
        if her is None or not her.devices:
            return no("no_phone", "You have no phone here.")
        pbx = self._pbx_of(her.devices[0])
        if pbx is not None and not pbx.can_dial(command.to):
            return no("invalid_number", "This is not a number that can be dialled.", "to")
        unknown = self._unknown(command)
        if unknown is not None:
            return unknown
        if her.state in ("BUSY", "OFFERED"):
            return no("busy", "You are in a call.")
        if pbx is None:
            return no("pbx_lost", "There is no link to the PBX.")
        return self._observe(agent, command, self._dialled(pbx, her, command))

    def _unknown(self, command: wire.Dial) -> Ack | None:
        live = self._hub.distributor
        if command.queue is not None:
            known = {queue for _, queue in (*live.settings.queues, *live.queues_seen)}
            if command.queue not in known:
                return no("unknown_queue", "There is no such queue.", "queue")
        if command.campaign is not None and self._hub.campaigns.get(command.campaign) is None:
            return no("unknown_campaign", "There is no such campaign.", "campaign")
        return None

    async def _dialled(self, pbx: Pbx, her: Agent, command: wire.Dial) -> Outcome:
        """The number that is shown is the campaign's, else the queue's, else of her first queue with one."""
        queues = [command.queue] if command.queue else self._hub.distributor.pauses.queues_of(her.devices)
        shown, device = self._caller_id(pbx.name, queues), split(her.devices[0])[1]
        campaign = self._hub.campaigns.get(command.campaign or "")
        if campaign is not None:
            shown = campaign.caller_id or shown
            self._hub.campaigns.expect(device, campaign.code, her.name)
        return await pbx.dial(device, command.to, shown)

    async def call_for(self, agent: str, number: str, pbx_name: str, queue: str) -> Outcome:
        """Call this number from her telephone at that PBX (``""``: at any), for this queue."""
        her = self._agent(agent)
        seats = [s for s in her.devices if split(s)[0] in (None, pbx_name) or not pbx_name] if her is not None else []
        pbx = self._pbx_of(seats[0]) if seats else None
        if pbx is None:
            return Outcome(False, "no_phone", "You have no phone here.")
        if not pbx.can_dial(number):
            return Outcome(False, "invalid_number", "This is not a number that can be dialled.")
        return await pbx.dial(split(seats[0])[1], number, self._caller_id(pbx.name, [queue]))

    def _caller_id(self, pbx: str, queues: list[str]) -> str:
        """What the called one sees: the number of the queue for which the call is made, else of her first with one."""
        found = (self.caller_ids.get((pbx, queue), "") for queue in queues)
        return next((number for number in found if number), "")

    def _pbx_of(self, seat: str) -> Pbx | None:
        """The PBX that has this phone; where none told us of it and it names none, the first that is up."""
        named, device = split(seat)
        up = [pbx for pbx in self._hub.pbxs.values() if pbx.ready_since is not None and named in (None, pbx.name)]
        return next((pbx for pbx in up if pbx.members.knows(device)), up[0] if up else None)

    def _observe(self, agent: str, command: ClientCommand, work: Coroutine[Any, Any, Outcome]) -> Ack:
        """Accepted; the outcome follows."""
        self._hub.spawn(self._report(agent, command.id, work))
        return OK

    async def _report(self, agent: str, command_id: str, work: Coroutine[Any, Any, Outcome]) -> None:
        try:
            outcome = await work
        except Exception:
            self._tell(agent, command_id, Outcome(False, "failed", "This did not work; the cause is in the log."))
            raise
        self._tell(agent, command_id, outcome)

    def _tell(self, agent: str, command_id: str, outcome: Outcome) -> None:
        report = c.ReportOutcome(agent, command_id, outcome.ok, outcome.code, outcome.message)
        self._hub.carry_out(report)

    def _agent(self, name: str) -> Agent | None:
        agent = self._hub.distributor.agents.get(name)
        return agent if agent is not None and agent.signed_in else None

    def _pbx(self, one: Interaction) -> Pbx:
        return self._hub.pbxs[one.pbx]

    # --- what people add -----------------------------------------------------------------------------

    def _allowed(self, agent: str, interaction_id: str) -> bool:
        return self._hub.distributor.may_act_on(agent, interaction_id)

    def _note(self, agent: str, command: wire.Note) -> Answer:
        if not self._allowed(agent, command.interaction_id):
            return NOT_YOURS
        noted = e.NoteWritten(
            at=self._hub.wall(), interaction_id=command.interaction_id, agent=agent, text=command.text
        )
        return self._written(agent, command, [noted])

    def _wrap_up(self, agent: str, command: wire.WrapUp) -> Answer:
        if not self._allowed(agent, command.interaction_id):
            return NOT_YOURS
        her = self._agent(agent)
        running = her is not None and (
            command.interaction_id in her.in_hand or any(i == command.interaction_id for i, _ in her.talking)
        )
        if running:
            return no("still_talking", "The call is not over yet.", "interaction_id")
        mandatory = self._hub.distributor.wrap_up_rule(command.interaction_id).mandatory
        if mandatory and command.disposition is None and her is not None and her.wrapping == command.interaction_id:
            return NEEDS_DISPOSITION
        done = e.InteractionWrappedUp(
            at=self._hub.wall(),
            interaction_id=command.interaction_id,
            agent=agent,
            disposition=command.disposition,
            notes=command.notes,
        )
        return self._written(agent, command, [done])

    async def _written(self, agent: str, command: ClientCommand, events: list[e.Event]) -> Ack:
        """Accepted means on disk: what a person wrote is never lost after that."""
        await self._hub.log.durable(self._hub.take(events))
        self._tell(agent, command.id, Outcome(True))
        return OK

    def _identify(self, agent: str, command: wire.Identify) -> Answer:
        if not self._allowed(agent, command.interaction_id):
            return NOT_YOURS
        if (command.customer_id is None) == (command.create is None):
            return no("invalid", "Choose a customer or create one.", "customer_id")
        return self._identified(agent, command)

    async def _identified(self, agent: str, command: wire.Identify) -> Ack:
        try:
            match = await self._customer(command)
        except Refused as refused:
            return said(no("invalid", refused.message, f"create.{refused.field}"))
        except NotFound:
            return no("unknown_customer", "There is no such customer.", "customer_id")
        except Conflict as conflict:
            return no("conflict", str(conflict))
        now, customer = self._hub.wall(), match.customer or {}
        chosen = e.CustomerIdentified(
            at=now, interaction_id=command.interaction_id, customer_id=str(customer["id"]), agent=agent
        )
        return await self._written(agent, command, [chosen, caller_found(now, command.interaction_id, match)])

    async def _customer(self, command: wire.Identify) -> Match:
        customers = self._hub.customers
        if command.create is not None:
            return await customers.match_of((await customers.create(command.create)).id)
        return await customers.match_of(command.customer_id or "")


def caller_found(at: float, interaction_id: str, match: Match) -> e.CallerFound:
    """The answer of a look-up as an event."""
    return e.CallerFound(
        at=at,
        interaction_id=interaction_id,
        strength=match.strength,
        customer=match.customer,
        candidates=match.candidates,
        timeline=match.timeline,
        open_cases=match.open_cases,
        also=match.also,
    )
