"""The rim of recording: agents' commands, the name of each file, and pauses that end by themselves.

What is decided stands in ``routing.recording`` and ``control.recording``; success is what the PBX was seen to do.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from cti_gateway.ami import actions
from cti_gateway.ami.session import AskFailed
from cti_gateway.control import recording as plans
from cti_gateway.control.facts import Facts, facts_of
from cti_gateway.control.plans import Plan
from cti_gateway.control.targets import Refusal, Site
from cti_gateway.desk import Answer
from cti_gateway.pbx import Outcome, Pbx
from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing.recording import Command, PauseRecording, RecordingRules, RecordingWatch, ResumeRecording

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

CLAIM_SECONDS: Final = 6.0
"""A word of the PBX that comes so soon after we asked for it is ours."""
AMI_OF_22: Final = 11
FILE_VARIABLE: Final = "MIXMONITOR_FILENAME"
CONSENT_VARIABLE: Final = "CALLWEAVE_CONSENTED"
"""The dialplan says by it that the announcement was played (config/asterisk/extensions.conf)."""
_FILE: Final = re.compile(r"/[^\x00-\x1f\x7f]{1,1000}")


def mutes_all(ami_version: str) -> bool:
    """Whether ``MixMonitorMute`` reaches all recordings of a channel: measured so on 22 (AMI 11), not on 16 (AMI 5)."""
    major = ami_version.partition(".")[0]
    return major.isdigit() and int(major) >= AMI_OF_22


@dataclass(frozen=True, slots=True)
class Claim:
    """What we asked for: the next event of this kind about this call is its outcome."""

    kind: type[e.Event]
    until: float
    fields: dict[str, Any]


class Recording:
    """Commands of agents on recordings, and what follows from the PBX's words about them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.folder: str | None = None
        """Where files are written, as the PBX names it; ``None``: agents cannot start any."""
        self._watch = RecordingWatch(RecordingRules(), hub.distributor.interactions.get)
        self._claims: dict[str, Claim] = {}
        self.methods: dict[str, Callable[[str, Any], Answer]] = {
            "start_recording": self._start,
            "stop_recording": lambda agent, c: self._act(agent, c, lambda facts, _: self._stop(agent, facts)),
            "pause_recording": lambda agent, c: self._act(agent, c, lambda facts, _: self._pause(agent, facts)),
            "resume_recording": lambda agent, c: self._act(agent, c, lambda facts, _: self._resume(agent, facts)),
        }

    @property
    def rules(self) -> RecordingRules:
        """The policies."""
        return self._watch.rules

    @rules.setter
    def rules(self, rules: RecordingRules) -> None:
        self._watch.rules = rules

    # --- what is heard -------------------------------------------------------------------------------

    def add(self, pbx: Pbx) -> None:
        """Listen to a PBX."""
        pbx.tracker.new_recording_id = lambda: secrets.token_hex(16)
        pbx.credit = self.credited

    def restore(self, calls: Iterable[Interaction]) -> None:
        """After our own end: pauses end in time."""
        self._carry_out(self._watch.restore(calls, self._hub.wall()))

    def credited(self, event: e.Event) -> e.Event:
        """The PBX does not tell who asked for a recording to start, pause, go on or stop; we know when it was us."""
        claim = self._claims.get(event.interaction_id) if isinstance(event, e.InteractionEvent) else None
        if claim is None or not isinstance(event, claim.kind) or self._hub.wall() > claim.until:
            return event
        return replace(event, **claim.fields)

    @property
    def hears(self) -> set[type[e.Event]]:
        """What :meth:`saw` takes."""
        return {*self._watch.hears, e.RecordingStarted, e.LinkRestored, e.InteractionEnded}

    def saw(self, event: e.Event) -> None:
        """One of these events of the hub."""
        self._carry_out(self._watch.handle(event, self._hub.wall()))
        if isinstance(event, e.RecordingStarted):
            self._hub.spawn(self._name(event))
        elif isinstance(event, e.LinkRestored):
            self._hub.spawn(self._look_for_more(event.pbx))
        elif isinstance(event, e.InteractionEnded):
            self._claims.pop(event.interaction_id, None)

    def _carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if isinstance(command, ResumeRecording):
                self._hub.spawn(self._resume_by_itself(command.interaction_id))
            elif isinstance(command, PauseRecording):
                self._hub.spawn(self._pause_by_itself(command))
            else:
                self._hub.carry_out(command)

    async def _name(self, event: e.RecordingStarted) -> None:
        """Ask which file it is; a channel that is gone already cannot be asked."""
        one = self._hub.distributor.interactions.get(event.interaction_id)
        pbx = self._hub.pbxs.get(one.pbx) if one is not None else None
        channel = pbx.tracker.topology.by_id.get(event.unique_id) if pbx is not None else None
        if pbx is None or channel is None:
            return
        file = await self._variable(pbx, channel.name, FILE_VARIABLE)
        played = await self._variable(pbx, channel.name, CONSENT_VARIABLE) if event.by is None else ""
        if not _FILE.fullmatch(file):
            log.warning("PBX %s: the file of a recording is not known", pbx.name)
            return
        named = e.RecordingNamed(
            at=event.at,
            interaction_id=event.interaction_id,
            recording_id=event.recording_id,
            file=file,
            consent="announced" if played == "announced" else None,
        )
        self._hub.take([named])

    async def _look_for_more(self, name: str) -> None:
        """What began to be recorded while we did not hear the PBX: its channels tell their files.

        The variable stays when a recording is stopped, so this may take a stopped one for a running one: a pause then
        fails and says so, which is better than card data in a file that nobody knew of.
        """
        pbx = self._hub.pbxs[name]
        for contact in list(pbx.tracker.contacts.values()):
            for channel in [c for c in pbx.tracker.topology.by_id.values() if c.contact is contact and not c.is_local]:
                file = await self._variable(pbx, channel.name, FILE_VARIABLE)
                if _FILE.fullmatch(file):
                    self._hub.take(pbx.tracker.recording_found(channel.unique_id, file, self._hub.wall()))

    @staticmethod
    async def _variable(pbx: Pbx, channel: str, name: str) -> str:
        try:
            return (await pbx.link.ask(actions.getvar(name, channel))).response.get("Value")
        except AskFailed as error:
            log.info("PBX %s: %s could not be read: %s", pbx.name, name, error)
            return ""

    # --- commands ------------------------------------------------------------------------------------

    def _act(self, agent: str, command: wire.OnInteraction, make: Callable[[Facts, Site], Plan | Refusal]) -> Answer:
        return self._hub.control.planned(agent, command, make)

    def _start(self, agent: str, command: wire.StartRecording) -> Answer:
        def make(facts: Facts, site: Site) -> Plan | Refusal:
            one = self._hub.distributor.interactions[facts.interaction_id]
            rule = self.rules.of(one)
            plan = plans.start(facts, site, rule, self._new_file(one.pbx), command.consent)
            consent = "asked" if command.consent else None
            return self._claimed(plan, facts, e.RecordingStarted, by=agent, consent=consent)

        return self._act(agent, command, make)

    def _new_file(self, pbx: str) -> str | None:
        if self.folder is None or not self.rules.configured:
            return None
        return f"{self.folder.format(pbx=pbx).rstrip('/')}/{secrets.token_hex(16)}.wav"

    def _stop(self, agent: str, facts: Facts) -> Plan | Refusal:
        rule = self.rules.of(self._hub.distributor.interactions[facts.interaction_id])
        return self._claimed(plans.stop(facts, rule), facts, e.RecordingStopped, by=agent)

    def _pause(self, agent: str, facts: Facts) -> Plan | Refusal:
        resume_at = self._hub.wall() + self.rules.card_pause_seconds
        fields = {"by": agent, "reason": "card_data", "resume_at": resume_at}
        one = self._hub.distributor.interactions[facts.interaction_id]
        plan = plans.pause(facts, mutes_all(self._hub.pbxs[one.pbx].ami_version))
        return self._claimed(plan, facts, e.RecordingPaused, **fields)

    def _resume(self, agent: str, facts: Facts) -> Plan | Refusal:
        return self._claimed(plans.resume(facts), facts, e.RecordingResumed, by=agent)

    def _claimed(self, plan: Plan | Refusal, facts: Facts, kind: type[e.Event], **fields: Any) -> Plan | Refusal:
        if isinstance(plan, Plan):
            self._claims[facts.interaction_id] = Claim(kind, self._hub.wall() + CLAIM_SECONDS, fields)
        return plan

    async def _resume_by_itself(self, interaction_id: str) -> None:
        """The time of a pause ran out."""
        one = self._hub.distributor.interactions.get(interaction_id)
        pbx = self._hub.pbxs.get(one.pbx) if one is not None else None
        if pbx is None:
            return
        facts = facts_of(pbx.tracker, interaction_id, "")
        if facts.ended or not facts.recorded or not facts.paused:
            return
        plan = plans.mute(facts, False)
        self._claimed(plan, facts, e.RecordingResumed, automatic=True)
        outcome = await self._hub.control.carry_out(pbx, facts, plan)
        if not outcome.ok:
            log.error("a recording could not be resumed: %s", outcome.code)
            self._carry_out(self._watch.not_resumed(interaction_id, outcome.code or "failed"))

    async def _pause_by_itself(self, command: PauseRecording) -> None:
        """One more recording began during a pause."""
        one = self._hub.distributor.interactions.get(command.interaction_id)
        pbx = self._hub.pbxs.get(one.pbx) if one is not None else None
        if pbx is None:
            return
        facts = facts_of(pbx.tracker, command.interaction_id, "")
        if facts.ended or not facts.recorded or facts.paused:
            return
        outcome = Outcome(False, plans.TWICE.code)
        if mutes_all(pbx.ami_version) or not facts.recorded_twice:
            fields = {"by": command.by, "reason": "card_data", "resume_at": command.resume_at}
            plan = plans.mute(facts, True)
            self._claimed(plan, facts, e.RecordingPaused, **fields)
            outcome = await self._hub.control.carry_out(pbx, facts, plan)
        if not outcome.ok:
            log.error("a recording that began during a pause could not be paused: %s", outcome.code)
            self._carry_out(self._watch.not_paused(command.interaction_id, outcome.code or "failed"))

    # --- what others are told ------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """``wire.RecordingPolicies``."""
        rules = self.rules
        found = [
            {"pbx": pbx, "queue": queue, "policy": rule.policy, "consent": bool(rule.consent)}
            for (pbx, queue), rule in rules.queues.items()
        ]
        direct = {"pbx": None, "queue": None, "policy": rules.direct.policy, "consent": bool(rules.direct.consent)}
        return {
            "configured": rules.configured,
            "card_pause_seconds": rules.card_pause_seconds,
            "may_listen": rules.agents_may_listen,
            "rules": [*found, direct],
        }

    def entry_variables(self, pbx: str, queue: str) -> list[tuple[str, str]]:
        """What the dialplan is told at call entry: whether to record, what to play before, under which name."""
        rule = self.rules.queues.get((pbx, queue))
        if rule is None:
            return []
        return [
            ("CALLWEAVE_RECORD", rule.policy),
            ("CALLWEAVE_CONSENT", rule.consent),
            ("CALLWEAVE_RECORDING", secrets.token_hex(16)),
        ]
