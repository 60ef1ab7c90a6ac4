"""A transfer as a thing with a life: one table of states, and how what is seen becomes a step in it. Pure.

Kinds: ``attended`` asks the colleague first; ``blind`` lets the target ring and leaves at its first ring (the PBX
brings the customer back to the sender when nobody takes the call); ``conference`` joins all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from cti_gateway.control.facts import Facts
from cti_gateway.control.targets import Refusal, Target

Kind = Literal["blind", "attended", "conference"]
State = Literal["starting", "ringing", "consulting", "completed", "cancelled", "failed", "returned"]
Seen = Literal[
    "rang",  # the target's phone rings
    "answered",  # sender and target hear each other
    "taken",  # the target has the customer, the sender not
    "joined",  # all three together
    "back",  # the sender has the customer again, though nobody asked for it
    "called_off",  # the sender has the customer again as asked
    "recalled",  # nobody took it: the PBX rang the sender, who has the customer again
    "sent",  # the customer is in a queue or in the dialplan, where nobody watches for a talk
    "refused",  # the PBX did not do it
    "gone",  # the customer hung up
]

TABLE: Final[dict[State, dict[Seen, State]]] = {
    "starting": {
        "rang": "ringing",
        "answered": "consulting",
        "taken": "completed",
        "sent": "completed",
        "refused": "failed",
        "gone": "failed",
    },
    "ringing": {
        "answered": "consulting",
        "joined": "completed",
        "taken": "completed",
        "sent": "completed",
        "back": "failed",
        "called_off": "cancelled",
        "recalled": "returned",
        "refused": "failed",
        "gone": "failed",
    },
    "consulting": {
        "joined": "completed",
        "taken": "completed",
        "sent": "completed",
        "back": "failed",
        "called_off": "cancelled",
        "recalled": "returned",
        "gone": "failed",
    },
    "completed": {},
    "cancelled": {},
    "failed": {},
    "returned": {},
}
OVER: Final = frozenset(state for state, ways in TABLE.items() if not ways)

_WHY: Final[dict[Seen, Refusal]] = {
    "back": Refusal("not_taken", "The target did not take the call; you are back with the customer."),
    "recalled": Refusal("not_taken", "Nobody took the call; the customer came back to you."),
    "gone": Refusal("customer_gone", "The customer hung up."),
}


@dataclass(slots=True)
class Transfer:
    """One transfer of one call. ``since``: Unix seconds of the last step."""

    id: str
    interaction_id: str
    kind: Kind
    sender: str
    device: str
    target: Target
    since: float
    state: State = "starting"
    error: Refusal | None = None
    asked_back: bool = False
    """The sender asked to be brought back."""
    released: bool = False
    """The sender's phone has let go."""
    party: str | None = None
    """The target's channel, since it was seen."""

    @property
    def over(self) -> bool:
        """Whether nothing can come any more."""
        return self.state in OVER

    def step(self, seen: Seen, at: float, why: Refusal | None = None) -> bool:
        """Go where the table says; whether that is somewhere else."""
        after = TABLE[self.state].get(seen)
        if after is None:
            return False
        self.state, self.since = after, at
        self.error = why or _WHY.get(seen) if after in ("failed", "returned") else None
        return True


def look(transfer: Transfer, facts: Facts) -> Seen | None:
    """What the facts say about this transfer that its state does not say yet."""
    if transfer.over:
        return None
    if facts.ended:
        return "gone"
    if facts.target is not None:
        transfer.party = facts.target
    seen = _after_release(transfer, facts) if transfer.released else _before_release(transfer, facts)
    return seen if seen in TABLE[transfer.state] else None


def _after_release(transfer: Transfer, facts: Facts) -> Seen | None:
    if transfer.device in facts.with_devices:
        return "recalled"
    return "taken" if facts.customer_hears else None


def _before_release(transfer: Transfer, facts: Facts) -> Seen | None:
    if facts.others and not facts.together:
        # While three are joined, one comes after the other: the sender may be last.
        return "taken" if transfer.kind != "conference" or facts.mine is None else None
    if facts.three:
        return "joined"
    if facts.asked:
        return "answered"
    if facts.together and facts.target is None and transfer.state != "starting":
        return "called_off" if transfer.asked_back else "back"
    # Where no phone of ours rings (a queue, a number outside, a room) that the customer hears music must do. A sender
    # who leaves before the PBX has put her where the target will be is not missed by it: nobody would be rung again.
    known = facts.target is not None or transfer.target.device is None
    return "rang" if known and not facts.together and facts.in_bridge else None
