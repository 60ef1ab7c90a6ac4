"""From the program's values to what consoles and REST show (``wire``). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from agent_console.wire import (
    AgentView,
    CustomerView,
    Disposition,
    InteractionStateName,
    InteractionView,
    PauseReason,
)
from interaction_log.interaction import Interaction
from interaction_log.records import Choice, Customer, User


def live_state(interaction: Interaction) -> InteractionStateName:
    """What the contact does now; the first that is true of: ended, parked, held, talking, ringing, waiting."""
    if interaction.ended:
        return "ended"
    if interaction.parked_now:
        return "parked"
    if any(hold.open for hold in interaction.holds):
        return "held"
    if any(segment.open for segment in interaction.segments):
        return "talking"
    if interaction.open_offers():
        return "ringing"
    return "waiting" if interaction.waiting_in() is not None else "started"


def interaction_view(interaction: Interaction, known_name: str | None) -> InteractionView:
    """An interaction as it is now. ``known_name``: the customer's name, where she is known."""
    view = {
        "id": interaction.id,
        "pbx": interaction.pbx,
        "customer_id": interaction.customer_id,
        "customer_name_known": known_name,
        "disposition": interaction.disposition,
        "notes": interaction.notes,
        "state": live_state(interaction),
        **interaction.public(),
    }
    return cast(InteractionView, view)


def stored_view(item: Mapping[str, Any]) -> InteractionView:
    """An interaction from the log's projection, which knows no live state."""
    state: InteractionStateName = "ended" if item.get("ended_at") or item.get("outcome") else "started"
    return cast(InteractionView, {"customer_name_known": None, "state": state, **item})


def customer_view(customer: Customer) -> CustomerView:
    """A customer as the API gives it."""
    return cast(CustomerView, asdict(customer))


def agent_view(
    user: User,
    *,
    state: str,
    since: float,
    reason: str | None = None,
    until: float | None = None,
    interaction_id: str | None = None,
    queues: list[str] | None = None,
) -> AgentView:
    """An agent as everyone may see her. ``until`` in WRAP_UP only."""
    return {
        "agent": user.name,
        "name": user.display_name,
        "state": state,
        "reason": reason,
        "since": since,
        "until": until,
        "interaction_id": interaction_id,
        "devices": list(user.devices),
        "queues": queues or [],
    }


def pause_reason_view(choice: Choice) -> PauseReason:
    """A pause reason to choose."""
    return {"code": choice.code, "labels": choice.labels}


def disposition_view(choice: Choice) -> Disposition:
    """A disposition to choose."""
    return {"code": choice.code, "labels": choice.labels, "queues": choice.queues}


def offered(choices: Sequence[Choice]) -> list[Choice]:
    """Those that may still be chosen, in their order."""
    return sorted((c for c in choices if not c.retired), key=lambda c: (c.position, c.code))
