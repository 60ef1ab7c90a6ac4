"""How a contact ended, by the rules of DESIGN 6.1. Pure."""

from __future__ import annotations

from typing import Final

from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact, OutsideLeg
from interaction_log import events as e

# Q.850 causes (Asterisk include/asterisk/causes.h) by which an outside number was not reached because of the person.
_BUSY: Final = frozenset({"17"})
_NOT_TAKEN: Final = frozenset({"16", "18", "19", "0", "26"})
_REJECTED: Final = "21"
_SIP_DECLINE: Final = "603"


def outcome_of(contact: Contact) -> e.Outcome:
    """The outcome at the customer's end."""
    interaction = contact.interaction
    if interaction.answered:
        return "answered"
    if interaction.direction == "outbound":
        return _outbound(contact)
    if contact.message_left:
        return "voicemail"
    return _unanswered(contact)


def _unanswered(contact: Contact) -> e.Outcome:
    hung_up = contact.customer is not None and contact.customer.hangup_requested
    visit = contact.last_visit()
    if visit is not None and not (hung_up and contact.interaction.open_offers()):
        return _after_queue(visit.result, hung_up)
    if hung_up:
        return "abandoned"
    offers = contact.interaction.offers
    if offers or contact.dial_status:
        return "busy" if contact.dial_status == "BUSY" or (offers and offers[-1].result == "declined") else "no_answer"
    if contact.joined_outside:
        return "no_answer"
    return "no_agent"


def _after_queue(result: e.QueueResult | None, hung_up: bool) -> e.Outcome:
    if result in ("timeout", "no_agent", "abandoned", "pbx_lost"):
        return result
    return "abandoned" if hung_up or result is None else "timeout"


def _outbound(contact: Contact) -> e.Outcome:
    leg = contact.outside
    caller = contact.caller
    if leg is None or (leg.ended_at is None and not leg.status and not leg.cause):
        return "cancelled" if caller is not None and caller.up else "failed"
    if leg.status == "CANCEL" or _caller_left_first(leg, caller):
        return "cancelled"
    return _outside_result(leg)


def _caller_left_first(leg: OutsideLeg, caller: Channel | None) -> bool:
    """Our side hung up while the outside still rang."""
    return (
        caller is not None and caller.hangup_requested and not leg.by_far_end and leg.status in ("", "CANCEL", "ABORT")
    )


def _outside_result(leg: OutsideLeg) -> e.Outcome:
    if leg.status == "BUSY" or leg.cause in _BUSY:
        return "busy"
    if leg.cause == _REJECTED:
        return "busy" if _SIP_DECLINE in leg.tech_cause else "failed"
    if leg.status in ("CHANUNAVAIL", "CONGESTION"):
        return "failed"
    if leg.cause in _NOT_TAKEN or not leg.cause:
        return "no_answer"
    return "failed"


def ended_by(contact: Contact) -> e.EndedBy:
    """Who ended it: whoever asked for the hang-up; nobody did: the system."""
    customer = contact.customer
    internal = contact.interaction.direction == "internal"
    if customer is not None and customer.hangup_requested:
        return "agent" if internal and contact.interaction.answered else "customer"
    if contact.caller is not None and contact.caller.hangup_requested:
        return "agent"
    if any(leg.channel.hangup_requested for leg in contact.legs.values()):
        return "agent"
    if not contact.legs and contact.last_agent_hung_up and contact.interaction.answered:
        return "agent"
    if contact.outside is not None and contact.outside.by_far_end and not contact.interaction.answered:
        return "customer"
    return "system"
