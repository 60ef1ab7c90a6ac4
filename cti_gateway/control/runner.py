"""The rim of call control: sends what a plan says, waits until the tracker shows it, tells the agent.

Waiting is on the loop's monotonic clock. Nothing is polled: the PBX's messages wake who waits (:meth:`Control.heard`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.wire import Ack
from cti_gateway.ami import actions
from cti_gateway.ami.actions import Action
from cti_gateway.control import plans
from cti_gateway.control.book import Book
from cti_gateway.control.facts import Facts, facts_of
from cti_gateway.control.mutes import Mutes
from cti_gateway.control.plans import Plan
from cti_gateway.control.targets import Refusal, Site, find_target
from cti_gateway.control.transfers import Kind, Transfer, look
from cti_gateway.desk import NOT_YOURS, OK, Answer, no
from cti_gateway.pbx import Outcome, Pbx
from interaction_log import events as e

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

LIFT_SECONDS: Final = 25.0
"""How long an agent's phone rings for a caller whom she picks up."""
PATIENCE_SECONDS: Final = 10
"""A lifted phone waits so long to be joined; then the PBX hangs it up by itself, also when we are gone."""

Work = Coroutine[Any, Any, Outcome]


class Control:
    """Commands of agents on their calls. One at a time for each call; nobody acts on another agent's call."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.book = Book(hub)
        self._spaces: dict[str, str] = {}
        self._working: set[str] = set()
        self._brought: dict[str, str] = {}  # phones of agents who took a caller out of a queue, by interaction
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self.mutes = Mutes(hub, self)
        self.methods: dict[str, Callable[[str, Any], Answer]] = {
            "hold": lambda agent, c: self._planned(agent, c, lambda f, s: plans.hold(f, s, True)),
            "resume": lambda agent, c: self._planned(agent, c, lambda f, s: plans.hold(f, s, False)),
            "mute": lambda agent, c: self.mutes.command(agent, c, True),
            "unmute": lambda agent, c: self.mutes.command(agent, c, False),
            "send_dtmf": lambda agent, c: self._planned(agent, c, lambda f, s: plans.send_dtmf(f, c.digits)),
            "park": lambda agent, c: self._planned(agent, c, lambda f, s: plans.park(f)),
            "retrieve": self._retrieve,
            "pick_up": self._pick_up,
            "transfer": self._transfer,
            "complete_transfer": self._complete,
            "cancel_transfer": self._cancel,
            "swap_transfer": self._swap,
            "conference": self._conference,
            "drop_party": self._drop,
        }

    # --- what is heard -------------------------------------------------------------------------------

    def add(self, pbx: Pbx) -> None:
        """Listen to a PBX."""
        pbx.on_heard = lambda: self.heard(pbx)

    HEARS: Final = (e.CallParked, e.CallRetrieved, e.InteractionEnded)

    def saw(self, event: e.Event) -> None:
        """One of these events of the hub: where a call is parked stands only there."""
        self.mutes.saw(event)
        if isinstance(event, e.CallParked):
            self._spaces[event.interaction_id] = event.space
        elif isinstance(event, (e.CallRetrieved, e.InteractionEnded)):
            self._spaces.pop(event.interaction_id, None)

    def heard(self, pbx: Pbx) -> None:
        """The PBX said something: transfers go on, and who waits looks again."""
        for transfer in self.book.running():
            if self.pbx_of(transfer.interaction_id) in (pbx, None):
                self._look(transfer, pbx)
        for interaction_id, phone in list(self._brought.items()):
            if self.pbx_of(interaction_id) in (pbx, None):
                self._end_with_the_agent(interaction_id, phone, pbx)
        for future, condition in list(self._waiting.items()):
            if not future.done() and condition():
                future.set_result(None)
        self.mutes.heard(pbx)

    def _end_with_the_agent(self, interaction_id: str, phone: str, pbx: Pbx) -> None:
        """Who was taken out of a queue would go on in the dialplan behind it (a mailbox) when the agent hangs up."""
        facts = facts_of(pbx.tracker, interaction_id, phone)
        one = self._hub.distributor.interactions.get(interaction_id)
        if one is None or facts.ended or one.transfers or one.parked:
            del self._brought[interaction_id]
        elif not facts.has_leg and not facts.customer_hears and facts.customer is not None:
            del self._brought[interaction_id]
            self._hub.spawn(self._ask_all(pbx, (actions.hangup(facts.customer),)))

    def _look(self, transfer: Transfer, pbx: Pbx) -> None:
        seen = look(transfer, facts_of(pbx.tracker, transfer.interaction_id, transfer.device))
        if seen is None:
            return
        if seen == "rang" and transfer.kind == "blind" and transfer.target.device is not None:
            self._release(transfer, pbx)
        self.book.step(transfer, seen)

    def _release(self, transfer: Transfer, pbx: Pbx) -> None:
        """A blind transfer: the target rings, so the sender leaves."""
        facts = facts_of(pbx.tracker, transfer.interaction_id, transfer.device)
        plan = plans.complete(facts)
        if isinstance(plan, Plan) and not transfer.released:
            transfer.released = True
            self._hub.spawn(self._ask_all(pbx, plan.actions))

    async def _ask_all(self, pbx: Pbx, wanted: Iterable[Action]) -> None:
        for action in wanted:
            outcome = await pbx.do(action)
            if not outcome.ok:
                log.warning("PBX %s: a channel could not be hung up: %s", pbx.name, outcome.message)

    # --- whose call ----------------------------------------------------------------------------------

    def pbx_of(self, interaction_id: str) -> Pbx | None:
        """The PBX of a call that is known."""
        one = self._hub.distributor.interactions.get(interaction_id)
        return self._hub.pbxs.get(one.pbx) if one is not None else None

    def _facts(self, agent: str, interaction_id: str) -> tuple[Pbx, Facts] | None:
        """What is so with this call for this agent; nothing where it is not hers."""
        pbx, her = self.pbx_of(interaction_id), self._hub.distributor.agents.get(agent)
        if (
            pbx is None
            or her is None
            or not her.signed_in
            or not self._hub.distributor.may_act_on(agent, interaction_id)
        ):
            return None
        phones = self._hub.distributor.devices_of(her, pbx.name)
        all_facts = [facts_of(pbx.tracker, interaction_id, phone) for phone in phones]
        best = next((f for f in all_facts if f.has_leg), None) or next((f for f in all_facts if f.mine), None)
        best = best or (all_facts[0] if all_facts else None)
        return (pbx, best) if best is not None and not best.ended else None

    def _site(self, pbx: Pbx) -> Site:
        live, hub = self._hub.distributor, self._hub
        phones = {a.name: live.devices_of(a, pbx.name) for a in live.agents.values() if a.signed_in}
        return Site(
            profile=pbx.profile,
            context=pbx.context,
            agents={name: devices[0] for name, devices in phones.items() if devices},
            people=frozenset(name for name, user in hub.people.items() if user.devices),
            queues=frozenset(queue for of, queue in live.settings.queues if of == pbx.name),
            device_states=pbx.members.device_states,
            system=pbx.has_system,
        )

    # --- carrying out --------------------------------------------------------------------------------

    def planned(self, agent: str, command: wire.OnInteraction, make: Callable[[Facts, Site], Plan | Refusal]) -> Answer:
        """The common way of a command, for those that stand elsewhere (``cti_gateway.recording``)."""
        return self._planned(agent, command, make)

    async def carry_out(self, pbx: Pbx, facts: Facts, plan: Plan) -> Outcome:
        """Do what nobody at a console asked for."""
        return await self._carry_out(pbx, facts, plan)

    def _planned(
        self, agent: str, command: wire.OnInteraction, make: Callable[[Facts, Site], Plan | Refusal]
    ) -> Answer:
        """The common way: facts, plan, actions, proof."""
        found = self._facts(agent, command.interaction_id)
        if found is None:
            return NOT_YOURS
        pbx, facts = found
        plan = make(facts, self._site(pbx))
        if isinstance(plan, Refusal):
            return refused(plan)
        return self._begin(agent, command, lambda: self._carry_out(pbx, facts, plan))

    def on_my_phone(
        self,
        agent: str,
        command: wire.OnInteraction,
        refuse: Callable[[Facts, bool], Refusal | None],
        work: Callable[[Pbx, Facts, str], Work],
    ) -> Answer:
        """A command on the channel of the agent's own phone. ``refuse`` is told whether there is a second user."""
        found = self._facts(agent, command.interaction_id)
        if found is None:
            return NOT_YOURS
        pbx, facts = found
        refusal = refuse(facts, pbx.has_system)
        if refusal is not None:
            return refused(refusal)
        return self._begin(agent, command, lambda: work(pbx, facts, facts.mine or ""))

    def _begin(self, agent: str, command: wire.OnInteraction, work: Callable[[], Work]) -> Ack:
        """Accepted, unless another command on this call is still under way."""
        if command.interaction_id in self._working:
            return no("still_working", "The last command on this call is still being carried out.")
        self._working.add(command.interaction_id)
        self._hub.spawn(self._report(agent, command, work()))
        return OK

    async def _report(self, agent: str, command: wire.OnInteraction, work: Work) -> None:
        try:
            outcome = await work
        except Exception:
            outcome = Outcome(False, "failed", "This did not work; the cause is in the log.")
            raise
        finally:
            self._working.discard(command.interaction_id)
            self._hub.desk.tell(agent, command.id, outcome)

    async def _carry_out(self, pbx: Pbx, facts: Facts, plan: Plan) -> Outcome:
        for number, action in enumerate(plan.actions):
            if number and plan.gap:
                await asyncio.sleep(plan.gap)
            outcome = await pbx.do(action, system=plan.system)
            if not outcome.ok:
                return outcome

        def now() -> Facts:
            return facts_of(pbx.tracker, facts.interaction_id, facts.device)

        if await self._until(lambda: now().ended or plan.proof(now()), plan.seconds) and plan.proof(now()):
            return Outcome(True)
        if now().ended:
            return Outcome(False, "call_ended", "The call ended meanwhile.")
        return Outcome(False, plan.failure.code, plan.failure.message)

    async def lifted(self, pbx: Pbx, interaction_id: str, device: str) -> Outcome:
        """A phone was told to lift: it did when the agent has the call."""

        def now() -> Facts:
            return facts_of(pbx.tracker, interaction_id, device)

        if await self._until(lambda: now().has_leg or now().ended, plans.HOLD_SECONDS) and now().has_leg:
            return Outcome(True)
        if now().ended:
            return Outcome(False, "call_ended", "The call ended meanwhile.")
        return Outcome(False, "phone_did_not_obey", "The phone did not lift: its make may not support this. Lift it.")

    async def left(self, pbx: Pbx, interaction_id: str, device: str) -> Outcome:
        """A phone was hung up: it is out of the call when its channel is gone."""
        if await self._until(lambda: pbx.tracker.channel_of(interaction_id, device) is None, plans.MOVE_SECONDS):
            return Outcome(True)
        return Outcome(False, "not_hung_up", "The PBX did not hang up your phone. Hang up at the phone.")

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it became so in time."""
        if condition():
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = condition
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return condition()
        finally:
            del self._waiting[future]
        return True

    # --- transfers -----------------------------------------------------------------------------------

    def _transfer(self, agent: str, command: wire.Transfer) -> Answer:
        return self._send(agent, command, command.to, command.kind)

    def _send(self, agent: str, command: wire.OnInteraction, to: str, kind: Kind) -> Answer:
        found = self._facts(agent, command.interaction_id)
        if found is None:
            return NOT_YOURS
        pbx, facts = found
        if self.book.of(command.interaction_id) is not None:
            return no("transfer_running", "A transfer of this call is under way.")
        site = self._site(pbx)
        target = find_target(to, site)
        if isinstance(target, Refusal):
            return refused(target)
        plain = kind == "blind" and target.device is None
        plan = (plans.send_away if plain else plans.start_asking)(facts, site, target)
        if isinstance(plan, Refusal):
            return refused(plan)
        transfer = self.book.new(command.interaction_id, kind, agent, facts.device, target)
        return self._begin_transfer(agent, command, transfer, plain, lambda: self._carry_out(pbx, facts, plan))

    def _begin_transfer(
        self, agent: str, command: wire.OnInteraction, transfer: Transfer, plain: bool, work: Callable[[], Work]
    ) -> Ack:
        async def follow() -> Outcome:
            outcome = await work()
            if not outcome.ok and transfer.state == "starting":
                self.book.step(transfer, "refused", Refusal(outcome.code or "failed", outcome.message or ""))
            elif plain:
                self.book.step(transfer, "sent")
            if outcome.ok and transfer.kind == "conference":
                return await self._join_when_answered(transfer)
            return outcome if transfer.state != "failed" or transfer.error is None else _failed(transfer.error)

        ack = self._begin(agent, command, follow)
        if ack["ok"]:
            self.book.open(transfer)
        return ack

    def _asking(self, agent: str, command: wire.OnInteraction) -> tuple[Pbx, Facts, Transfer] | Ack:
        """The running transfer of this agent's call."""
        pbx = self.pbx_of(command.interaction_id)
        transfer = self.book.of(command.interaction_id)
        if pbx is None or transfer is None or transfer.sender != agent or transfer.released:
            return NOT_YOURS if self._facts(agent, command.interaction_id) is None else refused(_NO_TRANSFER)
        return pbx, facts_of(pbx.tracker, command.interaction_id, transfer.device), transfer

    def _complete(self, agent: str, command: wire.CompleteTransfer) -> Answer:
        found = self._asking(agent, command)
        if not isinstance(found, tuple):
            return found
        pbx, facts, transfer = found
        plan = plans.complete(facts) if transfer.state in ("ringing", "consulting") else _NO_TRANSFER
        if isinstance(plan, Refusal):
            return refused(plan)

        async def work() -> Outcome:
            # While it rings, what becomes of it is told by the transfer: the PBX may bring the customer back.
            transfer.released = transfer.state == "ringing" or transfer.target.device is None
            outcome = await self._carry_out(pbx, facts, plan)
            if outcome.ok and transfer.target.device is None:
                self.book.step(transfer, "sent")
            return outcome

        return self._begin(agent, command, work)

    def _cancel(self, agent: str, command: wire.CancelTransfer) -> Answer:
        found = self._asking(agent, command)
        if not isinstance(found, tuple):
            return found
        pbx, facts, transfer = found
        plan = plans.cancel(facts)
        if isinstance(plan, Refusal):
            return refused(plan)
        transfer.asked_back = True
        return self._begin(agent, command, lambda: self._carry_out(pbx, facts, plan))

    def _swap(self, agent: str, command: wire.SwapTransfer) -> Answer:
        found = self._asking(agent, command)
        if not isinstance(found, tuple):
            return found
        pbx, facts, transfer = found
        plan = plans.swap(facts) if transfer.state == "consulting" else _NO_TRANSFER
        if isinstance(plan, Refusal):
            return refused(plan)
        return self._begin(agent, command, lambda: self._carry_out(pbx, facts, plan))

    # --- three together ------------------------------------------------------------------------------

    def _conference(self, agent: str, command: wire.Conference) -> Answer:
        if command.to is not None:
            return self._send(agent, command, command.to, "conference")
        found = self._asking(agent, command)
        if not isinstance(found, tuple):
            return found
        pbx, facts, transfer = found
        plan = plans.join(facts) if transfer.state == "consulting" else _NO_TRANSFER
        if isinstance(plan, Refusal):
            return refused(plan)
        transfer.kind = "conference"
        return self._begin(agent, command, lambda: self._carry_out(pbx, facts, plan))

    async def _join_when_answered(self, transfer: Transfer) -> Outcome:
        """The third was rung for a conference: as soon as it lifts, all are together."""
        await self._until(lambda: transfer.state not in ("starting", "ringing"), LIFT_SECONDS)
        pbx = self.pbx_of(transfer.interaction_id)
        if transfer.state != "consulting" or pbx is None:
            return _failed(transfer.error or Refusal("not_taken", "The third party did not take the call."))
        facts = facts_of(pbx.tracker, transfer.interaction_id, transfer.device)
        plan = plans.join(facts)
        return _failed(plan) if isinstance(plan, Refusal) else await self._carry_out(pbx, facts, plan)

    def _drop(self, agent: str, command: wire.DropParty) -> Answer:
        added = self.book.added_by(agent, command.interaction_id)
        return self._planned(agent, command, lambda facts, _: plans.drop(facts, added))

    # --- parked and waiting callers ------------------------------------------------------------------

    def _retrieve(self, agent: str, command: wire.Retrieve) -> Answer:
        found = self._facts(agent, command.interaction_id)
        if found is None:
            return NOT_YOURS
        pbx, facts = found
        space = plans.retrieve(facts, self._spaces.get(command.interaction_id))
        if isinstance(space, Refusal):
            return refused(space)

        async def work() -> Outcome:
            outcome = await pbx.dial(facts.device, space)
            if not outcome.ok:
                return outcome

            def now() -> Facts:
                return facts_of(pbx.tracker, facts.interaction_id, facts.device)

            ok = await self._until(lambda: now().ended or now().together, plans.MOVE_SECONDS) and now().together
            return Outcome(True) if ok else Outcome(False, "not_retrieved", "The caller is not in that place any more.")

        return self._begin(agent, command, work)

    def _pick_up(self, agent: str, command: wire.PickUp) -> Answer:
        pbx, her = self.pbx_of(command.interaction_id), self._hub.distributor.agents.get(agent)
        phones = self._hub.distributor.devices_of(her, pbx.name) if pbx is not None and her is not None else []
        if pbx is None or her is None or not her.signed_in or not phones:
            return NOT_YOURS
        facts = facts_of(pbx.tracker, command.interaction_id, phones[0])
        refusal = plans.pick_up(facts, self._hub.windows.agent(agent)["queues"])
        if refusal is None and her.state in ("BUSY", "OFFERED"):
            refusal = Refusal("busy", "You are in a call.")
        if refusal is not None:
            return refused(refusal)
        return self._begin(agent, command, lambda: self._bring(pbx, facts, command.interaction_id))

    async def bring_to(self, agent: str, interaction_id: str) -> Outcome:
        """A supervisor gives this waiting caller to an agent, whether or not she serves his queue."""
        pbx, her = self.pbx_of(interaction_id), self._hub.distributor.agents.get(agent)
        phones = self._hub.distributor.devices_of(her, pbx.name) if pbx is not None and her is not None else []
        if pbx is None or not phones:
            return Outcome(False, "no_phone", "The agent has no phone there.")
        facts = facts_of(pbx.tracker, interaction_id, phones[0])
        refusal = plans.pick_up(facts, [facts.waiting_in or ""])
        if refusal is not None:
            return _failed(refusal)
        if interaction_id in self._working:
            return Outcome(False, "still_working", "The last command on this call is still being carried out.")
        self._working.add(interaction_id)
        try:
            return await self._bring(pbx, facts, interaction_id)
        finally:
            self._working.discard(interaction_id)

    async def _bring(self, pbx: Pbx, facts: Facts, interaction_id: str) -> Outcome:
        """Ring the agent; the caller keeps the place in the line until she lifts."""
        one = self._hub.distributor.interactions[interaction_id]
        number = "".join(c for c in one.customer_address or "" if c in "+0123456789")[:32]
        action = actions.originate_wait(
            facts.device, timeout=LIFT_SECONDS, patience=PATIENCE_SECONDS, caller_number=number
        )
        outcome, channel = await pbx.lift(action)
        if not outcome.ok or channel is None:
            return outcome
        now = facts_of(pbx.tracker, interaction_id, facts.device)
        if now.customer is None or now.customer_hears or now.waiting_in is None:
            await pbx.do(actions.hangup(channel))
            return Outcome(False, "not_waiting", "This caller does not wait any more.")
        outcome = await self._carry_out(pbx, now, plans.bring_together(now.customer, channel))
        if outcome.ok:
            self._brought[interaction_id] = facts.device
        else:
            await pbx.do(actions.hangup(channel))
        return outcome


_NO_TRANSFER: Final = Refusal("no_transfer", "No transfer of this call is at a point where this can be done.")


def refused(refusal: Refusal) -> Ack:
    """A refusal as the acknowledgement of a command."""
    return no(refusal.code, refusal.message, refusal.field)


def _failed(refusal: Refusal) -> Outcome:
    return Outcome(False, refusal.code, refusal.message)
