"""The transfers that run, what consoles are told of them, and the card of the colleague who is asked."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.control.targets import Refusal, Target
from cti_gateway.control.transfers import Kind, Seen, Transfer

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

KEPT: Final = 500
"""Conferences whose added party may still be dropped."""


def _new_id() -> str:
    return secrets.token_hex(8)


class Book:
    """One transfer for each call at a time."""

    def __init__(self, hub: Hub, new_id: Callable[[], str] = _new_id) -> None:
        self._hub, self._new_id = hub, new_id
        self._running: dict[str, Transfer] = {}
        self._joined: OrderedDict[str, Transfer] = OrderedDict()
        self._asked: dict[str, str] = {}  # who sees the customer's card, by transfer

    def running(self) -> list[Transfer]:
        """All that are not over."""
        return list(self._running.values())

    def of(self, interaction_id: str) -> Transfer | None:
        """The running transfer of a call."""
        return self._running.get(interaction_id)

    def added_by(self, agent: str, interaction_id: str) -> str | None:
        """The channel of the party that this agent added to the call."""
        joined = self._joined.get(interaction_id)
        return joined.party if joined is not None and joined.sender == agent else None

    def new(self, interaction_id: str, kind: Kind, sender: str, device: str, target: Target) -> Transfer:
        """A transfer that nobody knows of yet."""
        return Transfer(self._new_id(), interaction_id, kind, sender, device, target, self._hub.wall())

    def open(self, transfer: Transfer) -> None:
        """It begins."""
        self._running[transfer.interaction_id] = transfer
        self._publish(transfer)

    def step(self, transfer: Transfer, seen: Seen, why: Refusal | None = None) -> None:
        """Something was seen: go on, and tell everybody whom it concerns."""
        if not transfer.step(seen, self._hub.wall(), why):
            return
        if transfer.state in ("ringing", "consulting"):
            self._show_card(transfer)
        if transfer.over:
            self._running.pop(transfer.interaction_id, None)
            if seen == "joined":
                self._keep(transfer)
        self._publish(transfer)
        if transfer.over:
            self._close_card(transfer)

    def _keep(self, transfer: Transfer) -> None:
        transfer.kind = "conference"
        self._joined[transfer.interaction_id] = transfer
        while len(self._joined) > KEPT:
            self._joined.popitem(last=False)

    # --- what people see -----------------------------------------------------------------------------

    def views(self, agent: str) -> list[dict[str, Any]]:
        """``wire.TransferStatus`` of those that concern this agent."""
        return [self.view(t) for t in self._running.values() if agent in (t.sender, t.target.agent)]

    def view(self, transfer: Transfer) -> dict[str, Any]:
        """``wire.TransferStatus``."""
        shown: dict[str, Any] = {
            "id": transfer.id,
            "interaction_id": transfer.interaction_id,
            "kind": transfer.kind,
            "from": transfer.sender,
            "to": transfer.target.name,
            "from_name": self._name(transfer.sender),
            "to_name": self._name(transfer.target.agent) if transfer.target.agent else transfer.target.name,
            "state": transfer.state,
            "since": transfer.since,
        }
        if transfer.error is not None:
            shown["error"] = {"code": transfer.error.code, "message": transfer.error.message}
        return shown

    def _name(self, agent: str) -> str:
        return self._hub.windows.agent(agent)["name"]

    def _publish(self, transfer: Transfer) -> None:
        for agent in {transfer.sender, transfer.target.agent or transfer.sender}:
            self._hub.screens.publish(agent, "transfer", {"transfer": self.view(transfer)})

    def _show_card(self, transfer: Transfer) -> None:
        """Who is asked sees the customer, the history and the notes, and sees them change."""
        colleague = transfer.target.agent
        if colleague is None or transfer.id in self._asked:
            return
        self._asked[transfer.id] = colleague
        self._hub.distributor.watch(colleague, transfer.interaction_id)
        self._hub.showing.show_consultation(colleague, transfer.interaction_id)

    def _close_card(self, transfer: Transfer) -> None:
        colleague = self._asked.pop(transfer.id, None)
        if colleague is None:
            return
        self._hub.distributor.unwatch(colleague, transfer.interaction_id)
        self._hub.showing.close_consultation(
            colleague, transfer.interaction_id, "answered" if transfer.state == "completed" else "caller_gone"
        )
