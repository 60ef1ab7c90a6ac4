"""The customer moves: transfers and parking. Pure."""

from __future__ import annotations

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact, PendingTransfer
from cti_gateway.tracking.queueing import Queueing
from interaction_log import events as e


class Transferring(Queueing):
    """Reads the messages about transfers and parking."""

    def blind_transfer(self, m: Message, at: float | None) -> None:
        """``BlindTransfer``: where it goes is seen later; into a parking lot it is none."""
        transferer = self._named(m, "Transferer")
        transferee = self._named(m, "Transferee")
        contact = self._transferred_contact(transferee, transferer)
        if contact is None or m.get("Result", "Success") != "Success" or contact.interaction.parked_now:
            return
        agent = self._agent_behind(contact, transferer)
        if contact.was_blind(agent, at):
            return
        contact.flush_pending()
        contact.resume(agent, at, discard=True)  # still held: the PBX's own music while the keys were pressed
        contact.pending = PendingTransfer(agent, m.get("Extension"), at)
        if agent in contact.legs:
            leg = contact.legs[agent]
            contact.disconnect(agent, leg.away_at if leg.away and leg.left == "customer" else at)

    def _agent_behind(self, contact: Contact, transferer: Channel | None) -> str:
        """The agent's phone that transferred: the channel itself, or the phone behind a Local half."""
        if transferer is not None and not transferer.is_local:
            return transferer.device
        behind = self.topology.real_targets(transferer) if transferer is not None else []
        phone = next((p.device for p in behind if p.device in contact.legs), None)
        return phone or next(iter(contact.legs), None) or contact.last_agent or ""

    def attended_transfer(self, m: Message, at: float | None) -> None:
        """``AttendedTransfer``: the legs may be missing or Local halves (AMI-FACTS 6.9 to 6.11)."""
        first, second = self._named(m, "OrigTransferer"), self._named(m, "SecondTransferer")
        transferee, target = self._named(m, "Transferee"), self._named(m, "TransferTarget")
        contact = self._transferred_contact(transferee, first, second)
        if contact is None or m.get("DestType") in ("Fail", "Threeway"):
            return
        agent = self._agent_behind(contact, first if first is not None and first.contact is contact else second)
        contact.pending = None
        self._end_transferers_leg(contact, agent, at)
        asking = next((c for c in self.topology.by_id.values() if c.contact is contact and c.asks_queue), None)
        phones = self.topology.dialled_from(asking) if asking is not None else []
        phone = next((p for p in phones if p.up), None) or self._transfer_target(contact, target, agent)
        if asking is not None and not (phone is not None and phone.up):
            self._goes_on_waiting(contact, agent, asking, phones, at)
            return
        contact.start_transfer("attended", agent, phone.device if phone is not None else self._target_name(m), at)
        if phone is not None and phone.device in contact.legs:
            contact.complete_transfer(at)
        elif phone is not None and not phone.up and self.parties.is_agent(phone.device):
            contact.offer(phone, contact.consult_rang_at, "transfer")
        contact.consult_target = None

    def _goes_on_waiting(
        self, contact: Contact, agent: str, asking: Channel, phones: list[Channel], at: float | None
    ) -> None:
        """Nobody has answered in the queue that was asked: the customer waits there, and phones ring for him now."""
        queue, asking.asks_queue, asking.consult = asking.asks_queue, "", False
        contact.start_transfer("attended", agent, f"queue:{queue}", at)
        contact.enter_queue(queue, None, at)
        contact.consult_target = None
        for phone in phones:
            if self.parties.is_agent(phone.device):
                phone.consult = False
                contact.offer(phone, at, "transfer")

    def _end_transferers_leg(self, contact: Contact, agent: str, at: float | None) -> None:
        leg = contact.legs.get(agent)
        if leg is None:
            return
        contact.let_go = leg.channel.unique_id
        gone = leg.channel.bridge is None and leg.channel.left_bridge_at is not None
        contact.disconnect(agent, leg.channel.left_bridge_at if gone else at)

    def _transfer_target(self, contact: Contact, target: Channel | None, agent: str) -> Channel | None:
        phones = self.topology.real_targets(target) if target is not None else []
        if target is not None and target.is_local and not phones:
            half = self.topology.other_half(target)
            phones = self.topology.real_targets(half) if half is not None else []
        return next((p for p in phones if p.device != agent), None) or contact.consult_target

    def _target_name(self, m: Message) -> str:
        exten = m.get("TransferTargetExten") or m.get("DestApp")
        return f"exten:{exten}" if exten else "exten:"

    def parked_call(self, m: Message, at: float | None) -> None:
        """``ParkedCall``."""
        contact = self._transferred_contact(self._named(m, "Parkee"))
        if contact is None:
            return
        contact.pending = None
        contact.end_legs_that_customer_left(at)
        contact.emit(e.CallParked(at=at, interaction_id=contact.id, space=m.get("ParkingSpace")))

    def unparked_call(self, m: Message, at: float | None) -> None:
        """``UnParkedCall`` and ``ParkedCallTimeOut``."""
        contact = self._transferred_contact(self._named(m, "Parkee"))
        if contact is None:
            return
        contact.emit(e.CallRetrieved(at=at, interaction_id=contact.id, space=m.get("ParkingSpace")))
        contact.last_agent_hung_up = True  # whoever rings next was not sent there by the one who parked
        self.refresh(contact, at)  # this word may come after both are in their bridge
