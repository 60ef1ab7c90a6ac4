"""What a command asks of the PBX, and what must be seen before it counts as done. Pure.

Each plan has its actions, the observation that proves success (a question to :class:`Facts`), how long that may take,
and what is said when it does not come. ``Success`` of an action proves nothing (AMI-FACTS 2). What was measured on
Asterisk 22 and 16 is in docs/adr/0008-attended-transfer.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cti_gateway.ami import actions
from cti_gateway.ami.actions import Action, ActionError, check_channel, check_endpoint
from cti_gateway.control.facts import Facts
from cti_gateway.control.targets import Refusal, Site, Target

FEATURE_JOIN: Final = "*3"
FEATURE_SWAP: Final = "*4"
"""``atxferthreeway`` and ``atxferswap`` as Asterisk has them when features.conf does not say otherwise."""
HOLD_SECONDS: Final = 4.0
MOVE_SECONDS: Final = 5.0
"""A transfer, a parking, a swap: measured 0.05 to 0.5 s on an idle PBX."""
TONE_SECONDS: Final = 0.3
"""Between two tones of a key sequence: a tone of 100 ms and a pause that every receiver hears (Q.24 asks for 65 ms)."""
START_SECONDS: Final = 8.0
"""From Atxfer to the colleague's ring: 0.45 s measured; 3.8 s where the dialplan could take more digits."""
_DIGITS: Final = re.compile(r"[0-9A-D*#]{1,32}", re.ASCII)

NOT_IN_CALL: Final = Refusal("not_in_call", "Your phone does not have this call now.", "interaction_id")
NOT_CONNECTED: Final = Refusal("not_connected", "You and the customer are not connected at this moment.")
CALLS_HERSELF: Final = Refusal("internal_call", "A call that you placed to a colleague is moved with the phone's keys.")


@dataclass(frozen=True, slots=True)
class Plan:
    """``actions`` one after the other; then ``proof`` within ``seconds``, else ``failure``.

    ``system``: for the second manager user. ``gap``: seconds between the actions.
    """

    actions: tuple[Action, ...]
    proof: Callable[[Facts], bool]
    seconds: float
    failure: Refusal
    system: bool = False
    gap: float = 0.0


def hold(facts: Facts, site: Site, on: bool) -> Plan | Refusal:
    """Ask a desk phone to hold or to take back; whether its make obeys is seen by ``Hold``/``Unhold``."""
    if not facts.has_leg:
        return NOT_IN_CALL
    if facts.held == on:
        return Refusal("already", "The customer is on hold already." if on else "The customer is not on hold.")
    if not site.system:
        return Refusal("use_the_phone", "Hold with the phone's own key: this PBX has no user who may speak to phones.")
    if not facts.device.startswith("PJSIP/"):
        return Refusal("use_the_phone", "Hold with the phone's own key: only PJSIP phones can be told to.")
    return Plan(
        (notify(facts.device, "hold" if on else "talk"),),
        lambda now: now.held == on,
        HOLD_SECONDS,
        Refusal("phone_did_not_obey", "The phone did not do it: its make may not support this. Use the phone's key."),
        system=True,
    )


def notify(device: str, event: str) -> Action:
    """Send ``Event: hold`` or ``talk`` to a phone (BroadSoft's way, which several makes understand)."""
    check_endpoint(device)
    return Action("PJSIPNotify", (("Endpoint", device.partition("/")[2]), ("Variable", f"Event={event}")))


def send_dtmf(facts: Facts, digits: str) -> Plan | Refusal:
    """Play tones to the customer's side. The PBX tells nothing more about tones than that it took them."""
    if not _DIGITS.fullmatch(digits):
        return Refusal("invalid", "Tones are digits, *, # and A to D, at most 32.", "digits")
    if not facts.has_leg or facts.customer is None:
        return NOT_IN_CALL
    if not facts.together:
        return NOT_CONNECTED
    return Plan(
        tuple(tone(facts.customer, digit) for digit in digits),
        lambda now: not now.ended,
        MOVE_SECONDS,
        Refusal("call_ended", "The call ended before the tones were through."),
        gap=TONE_SECONDS,
    )


def tone(channel: str, digit: str, *, as_if_pressed: bool = False) -> Action:
    """One tone to the far end of a channel, or as if the phone at that channel had pressed it."""
    if not _DIGITS.fullmatch(digit) or len(digit) > 1:
        raise ActionError("Digit", "is not one tone")
    pressed = (("Receive", "true"),) if as_if_pressed else ()
    return Action("PlayDTMF", (("Channel", check_channel(channel)), ("Digit", digit), *pressed))


def start_asking(facts: Facts, site: Site, target: Target) -> Plan | Refusal:
    """Put the customer on music and ring the target for this agent, by the PBX's own attended transfer."""
    refusal = _can_move(facts, target)
    if refusal is not None:
        return refusal
    return Plan(
        (actions.atxfer(facts.mine or "", exten=target.exten, context=site.context),),
        lambda now: not now.together and (now.target is not None or target.device is None),
        START_SECONDS,
        Refusal(
            "not_started",
            "The PBX did not ring the target. The number may be wrong, or transfers are not allowed there "
            "(options t and T, atxfer in features.conf).",
        ),
    )


def send_away(facts: Facts, site: Site, target: Target) -> Plan | Refusal:
    """A plain blind transfer: the dialplan decides what becomes of the customer."""
    refusal = _can_move(facts, target)
    if refusal is not None:
        return refusal
    mine = facts.mine
    return Plan(
        (actions.blind_transfer(mine or "", exten=target.exten, context=site.context),),
        lambda now: not now.has_leg and mine not in now.customer_hears,
        MOVE_SECONDS,
        Refusal("not_moved", "The PBX did not transfer the call."),
    )


def _can_move(facts: Facts, target: Target) -> Refusal | None:
    if facts.calls_herself:
        return CALLS_HERSELF
    if not facts.has_leg or facts.mine is None:
        return NOT_IN_CALL
    if target.device is not None and target.device in (facts.device, *facts.with_devices):
        return Refusal("already_there", "This colleague has the call already.", "to")
    return None if facts.together else NOT_CONNECTED


def complete(facts: Facts) -> Plan | Refusal:
    """Leave: the PBX joins the customer and the colleague as soon as the one who asked is gone."""
    if facts.mine is None:
        return NOT_IN_CALL
    mine = facts.mine
    return Plan(
        (actions.hangup(mine),),
        lambda now: mine not in now.customer_hears and mine not in now.hears and not now.has_leg,
        MOVE_SECONDS,
        Refusal("not_moved", "The PBX did not complete the transfer."),
    )


def cancel(facts: Facts) -> Plan | Refusal:
    """Back to the customer; the colleague's phone goes down."""
    if facts.mine is None:
        return NOT_IN_CALL
    return Plan(
        (actions.cancel_atxfer(facts.mine),),
        lambda now: now.together and not now.others,
        MOVE_SECONDS,
        Refusal("not_cancelled", "The PBX did not end the consultation; the phone's key may (*1)."),
    )


def swap(facts: Facts) -> Plan | Refusal:
    """Talk to the other of the two."""
    if facts.mine is None or facts.target is None:
        return NOT_IN_CALL
    was = facts.together
    return Plan(
        _press(facts.mine, FEATURE_SWAP),
        lambda now: now.together != was and (now.together or now.asked),
        MOVE_SECONDS,
        Refusal("not_swapped", "The PBX did not swap the calls (atxferswap in features.conf)."),
    )


def join(facts: Facts) -> Plan | Refusal:
    """All three together."""
    if facts.mine is None or facts.target is None:
        return NOT_IN_CALL
    return Plan(
        _press(facts.mine, FEATURE_JOIN),
        lambda now: now.three,
        MOVE_SECONDS,
        Refusal("not_joined", "The PBX did not join the calls (atxferthreeway in features.conf)."),
    )


def _press(channel: str, digits: str) -> tuple[Action, ...]:
    return tuple(tone(channel, digit, as_if_pressed=True) for digit in digits)


def drop(facts: Facts, party: str | None) -> Plan | Refusal:
    """Take the one whom this agent added out of the conference."""
    if party is None or not facts.three or party not in facts.others:
        return Refusal("no_conference", "There is nobody whom you added to this call.")
    return Plan(
        (actions.hangup(party),),
        lambda now: now.together and party not in now.customer_hears,
        MOVE_SECONDS,
        Refusal("not_dropped", "The PBX did not take the third party out."),
    )


def park(facts: Facts) -> Plan | Refusal:
    """Into the parking lot; after its time the customer comes back to this phone."""
    if facts.calls_herself:
        return CALLS_HERSELF
    if not facts.has_leg or facts.customer is None or facts.mine is None:
        return NOT_IN_CALL
    if not facts.together or facts.others:
        return NOT_CONNECTED
    return Plan(
        (actions.park(facts.customer, timeout_to=facts.mine),),
        lambda now: now.parked,
        MOVE_SECONDS,
        Refusal("not_parked", "The PBX did not park the call."),
    )


def retrieve(facts: Facts, space: str | None) -> str | Refusal:
    """The number that leads to the parked customer."""
    if not facts.parked:
        return Refusal("not_parked", "This call is not parked.", "interaction_id")
    if not space or not re.fullmatch(r"[0-9]{1,8}", space, re.ASCII):
        return Refusal("place_unknown", "Where the call is parked is not known; it comes back by itself.")
    return space


def pick_up(facts: Facts, queues: Iterable[str]) -> Refusal | None:
    """Whether this agent may take this waiting caller: of a queue that she serves, and nobody has him."""
    if facts.ended or facts.waiting_in is None or facts.customer is None or facts.customer_hears:
        return Refusal("not_waiting", "This caller does not wait any more.", "interaction_id")
    if facts.waiting_in not in queues:
        return Refusal("not_your_queue", "You do not serve the queue in which this caller waits.", "interaction_id")
    return None


def bring_together(customer: str, agent: str) -> Plan:
    """Take the waiting customer out of the queue and to the phone that was lifted for him."""
    return Plan(
        (actions.bridge(customer, agent),),
        lambda now: agent in now.customer_hears,
        MOVE_SECONDS,
        Refusal("not_connected", "The PBX did not connect you with the caller."),
    )
