"""What the commands on a recording ask of the PBX, and what must be seen before they count as done. Pure.

Only who has the customer now may touch the recording: not a colleague who is asked, not one who gave the call away.
"""

from __future__ import annotations

from typing import Final

from cti_gateway.ami import actions
from cti_gateway.control.facts import Facts
from cti_gateway.control.plans import NOT_IN_CALL, Plan
from cti_gateway.control.targets import Refusal, Site
from routing.recording import RecordingRule

SECONDS: Final = 4.0
"""How long the PBX's word may take; measured 0.01 s on an idle one."""
NOT_RECORDED: Final = Refusal("not_recorded", "This call is not recorded now.")
NOT_CONFIGURED: Final = Refusal("recording_off", "No place for recordings is configured here.")
NEVER: Final = Refusal("recording_never", "Calls of this queue are never recorded.")
ALWAYS: Final = Refusal("recording_always", "Calls of this queue are always recorded; you can pause for card data.")
NO_SYSTEM_USER: Final = Refusal(
    "no_system_user", "This PBX has no manager user who may start recordings; the queue or dialplan must."
)
ALREADY: Final = Refusal("recording_running", "This call is recorded already.")
TWICE: Final = Refusal(
    "recorded_twice", "This call is recorded twice, and this PBX pauses only one of them: do not take card data now."
)
CONSENT: Final = Refusal("consent_needed", "Ask the customer first; say that he agreed.", "consent")


def start(facts: Facts, site: Site, rule: RecordingRule, file: str | None, consent: bool) -> Plan | Refusal:
    """Record the customer's channel. ``file``: where, as the PBX names it; ``None``: nowhere is configured."""
    if not facts.has_leg or facts.customer is None:
        return NOT_IN_CALL
    checks = (
        (bool(facts.recorded), ALREADY),
        (rule.policy == "never", NEVER),
        (file is None, NOT_CONFIGURED),
        (not site.system, NO_SYSTEM_USER),
        (bool(rule.consent) and not consent, CONSENT),
    )
    refusal = next((why for fails, why in checks if fails), None)
    return refusal or Plan(
        (actions.mixmonitor(facts.customer, file or ""),),
        lambda now: bool(now.recorded),
        SECONDS,
        Refusal("recording_start_failed", "The PBX did not begin to record."),
        system=True,
    )


def stop(facts: Facts, rule: RecordingRule) -> Plan | Refusal:
    """Finish the file."""
    refusal = _not_now(facts)
    if refusal is None and rule.policy == "always":
        refusal = ALWAYS
    return refusal or Plan(
        tuple(actions.stop_mixmonitor(channel) for channel in facts.recorded),
        lambda now: not now.recorded,
        SECONDS,
        Refusal("recording_stop_failed", "The PBX did not stop recording."),
    )


def pause(facts: Facts, mutes_all: bool = True) -> Plan | Refusal:
    """Write silence. ``mutes_all``: the PBX mutes all recordings of a channel (22 does, 16 one of them; measured)."""
    refusal = _not_now(facts)
    if refusal is None and facts.recorded_twice and not mutes_all:
        refusal = TWICE
    if refusal is None and facts.paused:
        refusal = Refusal("recording_paused", "The recording is paused already.")
    return refusal or mute(facts, True)


def resume(facts: Facts) -> Plan | Refusal:
    """Write the audio again."""
    refusal = _not_now(facts)
    if refusal is None and not facts.paused:
        refusal = Refusal("recording_not_paused", "The recording is not paused.")
    return refusal or mute(facts, False)


def mute(facts: Facts, muted: bool) -> Plan:
    """All recordings of the call, whosever channel they are written from."""
    words = ("recording_pause_failed", "The PBX did not pause: do not take card data now.")
    if not muted:
        words = ("recording_resume_failed", "The PBX did not go on recording.")
    return Plan(
        tuple(actions.mixmonitor_mute(channel, muted) for channel in facts.recorded),
        lambda now: bool(now.recorded) and now.paused == muted,
        SECONDS,
        Refusal(*words),
    )


def _not_now(facts: Facts) -> Refusal | None:
    if not facts.has_leg:
        return NOT_IN_CALL
    return None if facts.recorded else NOT_RECORDED
