"""The decisions of the distributor as events of the log: offers and how they end, connections, returns to the line."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.seating import queue_of
from interaction_log import events as e
from interaction_log.devices import CONSOLE
from routing.acd.model import Divert, Offer, Withdraw
from routing.acd.why import considered

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch

MOST_OTHERS: Final = 20
"""Of so many who were not asked a decision keeps the reasons."""
_RESULTS: Final[dict[str, e.OfferResult]] = {"timeout": "no_answer"}


@dataclass(frozen=True, slots=True)
class _Open:
    """An offer that an agent sees now."""

    offer_id: str
    agent: str
    at: float
    until: float


class Offers:
    """What is offered now, and since when agents have what they took."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._hub = dispatch.hub
        self._open: dict[str, _Open] = {}
        self.accepted_at: dict[str, float] = {}

    def tell(self, command: Offer | Withdraw) -> None:
        """An agent is asked, or no more."""
        if isinstance(command, Withdraw):
            self._over(command.contact, _RESULTS.get(command.reason, "cancelled"))
            return
        now = self._hub.wall()
        one = self._open[command.contact] = _Open(str(uuid.uuid4()), command.agent, now, now + command.seconds)
        chosen = e.AgentChosen(
            at=now,
            interaction_id=command.contact,
            offer_id=one.offer_id,
            agent=command.agent,
            line=command.because.queue,
            because=asdict(command.because),
            others=self._others(command.contact, command.agent),
        )
        offered = e.InteractionOffered(
            at=now,
            interaction_id=command.contact,
            offer_id=one.offer_id,
            device=CONSOLE + command.agent,
            source="transfer" if command.because.sent else "queue",
            queue=queue_of(command.because.queue)[1],
        )
        self._hub.take([chosen, offered])

    def nobody(self, contact: str) -> None:
        """It waits: nobody can take it at this moment."""
        one = self._dispatch.engine.lines.waiting.get(contact)
        if one is not None and one.offered is None:
            others, line = self._others(contact, None), one.contact.queue
            nobody = e.AgentChosen(
                at=self._hub.wall(), interaction_id=contact, offer_id=None, agent=None, line=line, others=others
            )
            self._hub.take([nobody])

    def _others(self, contact: str, chosen: str | None) -> list[dict[str, Any]]:
        found = considered(self._dispatch.engine, contact, chosen, self._hub.wall(), MOST_OTHERS)
        return [asdict(one) for one in found]

    def until(self, contact: str) -> float | None:
        """When (Unix seconds) the offer of this contact goes to somebody else; ``None``: it is not offered."""
        one = self._open.get(contact)
        return one.until if one is not None else None

    def _over(self, contact: str, result: e.OfferResult) -> None:
        one = self._open.pop(contact, None)
        if one is None:
            return
        now = self._hub.wall()
        ended = e.OfferEnded(
            at=now,
            interaction_id=contact,
            offer_id=one.offer_id,
            device=CONSOLE + one.agent,
            result=result,
            ring_seconds=max(0.0, now - one.at),
        )
        self._hub.take([ended])

    def declined(self, contact: str, agent: str, reason: str | None) -> None:
        """She said no."""
        one = self._open.get(contact)
        if one is not None and reason:
            said = e.OfferDeclined(
                at=self._hub.wall(), interaction_id=contact, offer_id=one.offer_id, agent=agent, reason=reason
            )
            self._hub.take([said])
        self._over(contact, "declined")

    def accepted(self, contact: str, agent: str) -> None:
        """She has the customer now; a transfer that led here is complete."""
        self._over(contact, "answered")
        now = self.accepted_at[contact] = self._hub.wall()
        one = self._hub.distributor.interactions[contact]
        waits = one.waiting_in()
        events: list[e.Event] = []
        if waits is not None:
            events.append(e.QueueLeft(at=now, interaction_id=contact, queue=waits.queue, result="answered"))
        events.append(e.AgentConnected(at=now, interaction_id=contact, device=CONSOLE + agent))
        running = [t for t in one.transfers if not t.completed]
        events += [e.TransferCompleted(at=now, interaction_id=contact, transfer_id=t.transfer_id) for t in running[-1:]]
        self._hub.take(events)

    def taken_away(self, contact: str, agent: str) -> None:
        """She is gone, or sent it on: it waits again."""
        self.accepted_at.pop(contact, None)
        one = self._hub.distributor.interactions.get(contact)
        waiting = self._dispatch.engine.lines.waiting.get(contact)
        if one is None or waiting is None:
            return
        now, queue = self._hub.wall(), queue_of(waiting.contact.queue)[1]
        left = e.AgentDisconnected(at=now, interaction_id=contact, device=CONSOLE + agent)
        self._hub.take([left, e.QueueEntered(at=now, interaction_id=contact, queue=queue)])

    def waited_too_long(self, command: Divert) -> None:
        """It leaves the line; what follows is said by who asked for it."""
        self._hub.take(
            [
                e.QueueLeft(
                    at=self._hub.wall(),
                    interaction_id=command.contact,
                    queue=queue_of(command.queue)[1],
                    result="timeout",
                )
            ]
        )
