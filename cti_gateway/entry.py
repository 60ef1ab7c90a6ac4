"""Call entry: gathers what is known of a call that just came in, and puts the decision into channel variables.

The decision is ``routing.entry``; here is where the facts come from: the live state, and one look-up of the caller.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from cti_gateway.agi.codec import NAME_BYTES, plain
from cti_gateway.agi.lines import Question, Variables
from cti_gateway.hub import Hub
from cti_gateway.pbx import Pbx
from interaction_log.callback import Callback
from interaction_log.evidence import Evidence, attestation, calling_presentation
from interaction_log.identity import caller_address, interaction_id
from interaction_log.records import Match
from routing.distributor import Distributor
from routing.entry import EntryAnswer, EntryFacts, EntryQuestion, EntryRules, LastTalk, Person, decide

log = logging.getLogger(__name__)

LOOKUP_SECONDS: Final = 0.3
"""How long the caller's look-up may take; then he is nobody we know, and goes on."""
_FREE: Final = frozenset({"NOT_INUSE", "UNKNOWN"})
"""Device states in which a phone can ring; UNKNOWN: the PBX does not watch this kind."""
_AWAY: Final = frozenset({"UNAVAILABLE", "INVALID"})

Rules = Mapping[tuple[str, str], EntryRules]
"""By PBX and queue."""
FindCallback = Callable[[str, str, str], Callback | None]
"""PBX, queue and address to the open callback."""


@dataclass(slots=True)
class Counts:
    """Since the start. ``slowest``: seconds."""

    asked: int = 0
    lookups_late: int = 0
    slowest: float = 0.0


class Entry:
    """Answers the questions of the dialplan."""

    def __init__(
        self,
        hub: Hub,
        rules: Rules,
        *,
        region: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.hub, self.rules, self.region, self.wall = hub, rules, region, wall
        self.counts = Counts()
        self.find_callback: FindCallback = lambda pbx, queue, address: None
        self.stand_ins: Callable[[str, str], tuple[float, ...]] = lambda pbx, queue: ()
        self.promised: Callable[[str, str, float, str | None], int] = lambda pbx, queue, since, but: 0
        """How many callbacks that the PBX's queue makes are due before then; see ``Callbacks.promised``."""

    async def route(self, question: Question) -> Variables:
        """What the dialplan shall do with this call."""
        began = time.monotonic()
        pbx = self.pbx_of(question)
        if pbx is None:
            return [("CALLWEAVE_RESULT", "default")]
        rules = self.rules_of(pbx.name, question)
        address = caller_address(question.number, self.region)
        call = call_id(pbx, question.unique_id)
        evidence = evidence_of(question, address)
        if evidence is not None and call:
            self.hub.vouch(call, evidence)
        match = await self._look_up(address)
        match = self.hub.weigh(call, match) if match is not None else None
        facts = self.facts(pbx, rules, address, match)
        asked = EntryQuestion(dialled=question.dialled, address=address, name=question.name)
        answer = decide(asked, facts, self.wall())
        self.counts.asked += 1
        self.counts.slowest = max(self.counts.slowest, time.monotonic() - began)
        told = variables(answer, call)
        if answer.result == "queue" and answer.queue:
            since = facts.callback_since if answer.keeps_place else None
            vip = facts.person is not None and facts.person.vip
            told.append(("CALLWEAVE_AHEAD", str(self.ahead(pbx.name, answer.queue, address, since, vip=vip))))
        return told + self.hub.recording.entry_variables(pbx.name, answer.queue or rules.queue)

    def pbx_of(self, question: Question) -> Pbx | None:
        """The PBX that asks: as the dialplan said, or the only one."""
        if not question.pbx and len(self.hub.pbxs) == 1:
            return next(iter(self.hub.pbxs.values()))
        return self.hub.pbxs.get(question.pbx)

    def rules_of(self, pbx: str, question: Question) -> EntryRules:
        """The rules of the queue that the dialplan named, else of the one whose numbers were dialled."""
        if question.queue:
            return self.rules.get((pbx, question.queue)) or EntryRules(queue=question.queue)
        for (of, _), rules in self.rules.items():
            if of == pbx and any(fnmatchcase(question.dialled, pattern) for pattern in rules.dialled):
                return rules
        return EntryRules(queue="")

    async def _look_up(self, address: str | None) -> Match | None:
        if address is None:
            return None
        try:
            return await asyncio.wait_for(self.hub.customers.find_caller(address), LOOKUP_SECONDS)
        except Exception as error:  # whatever the store says: the caller must go on
            self.counts.lookups_late += 1
            log.warning("a caller could not be looked up at call entry: %s", type(error).__name__)
            return None

    def facts(self, pbx: Pbx, rules: EntryRules, address: str | None, match: Match | None) -> EntryFacts:
        """How things stand at this queue now."""
        live = self.hub.distributor
        callback = self.find_callback(pbx.name, rules.queue, address) if address is not None else None
        person = _person(match)
        return EntryFacts(
            rules=rules,
            person=person,
            last_talk=self._last_talk(match),
            ready=self._ready(pbx, rules, person.own_agent if person is not None else None),
            agents=sum(1 for _, state in _at_work(live, pbx.name, rules.queue) if state not in _AWAY),
            entered=self._entered(pbx.name, rules.queue, callback),
            callback_since=callback.since if callback is not None else None,
            overflow_open=self._overflow_open(pbx.name, rules),
        )

    def _entered(self, pbx: str, queue: str, callback: Callback | None) -> tuple[float, ...]:
        """When those who stand in the PBX's queue came: callers, and what stands in for others."""
        own = callback.since if callback is not None and callback.state == "dialling" else None
        others = [since for since in self.stand_ins(pbx, queue) if since != own]
        return (*waiting_since(self.hub.distributor.interactions.values(), pbx, queue), *others)

    def ahead(self, pbx: str, queue: str, address: str | None, since: float | None, *, vip: bool = False) -> int:
        """How many contacts of others, over all media of this queue, are due before who came at ``since`` (now)."""
        at = self.wall() if since is None else since
        waiting = self.hub.dispatch.before(pbx, queue, at, vip=vip, but=address)
        return waiting + self.promised(pbx, queue, at, address)

    def _ready(self, pbx: Pbx, rules: EntryRules, owner: str | None) -> dict[str, str]:
        """Agents whose phone could ring, and who have a queue of their own at the PBX.

        They serve this queue too; only the customer's own agent need not.
        """
        live = self.hub.distributor
        found: dict[str, str] = {}
        free = free_devices(live, pbx.name, rules.queue)
        for agent in live.agents.values():
            if agent.state != "READY":
                continue
            for device in live.devices_of(agent, pbx.name):
                own = rules.agent_queue.format(phone=device.partition("/")[2])
                hers = agent.name == owner and device in free_devices(live, pbx.name, own)
                if (device in free or hers) and (pbx.name, own) in live.queues_seen:
                    found.setdefault(agent.name, device)
        return found

    def _last_talk(self, match: Match | None) -> LastTalk | None:
        for item in match.timeline if match is not None else ():
            if item["channel"] == "voice" and item["agent"] and item["talk_seconds"] > 0:
                owner = self.hub.distributor.owner(item["agent"])  # a phone, when nobody was signed in there
                return LastTalk(agent=owner.name if owner is not None else item["agent"], at=item["at"])
        return None

    def _overflow_open(self, pbx: str, rules: EntryRules) -> bool:
        there = self.rules.get((pbx, rules.overflow))
        return there is None or there.hours is None or there.hours.is_open(self.wall())


def _at_work(live: Distributor, pbx: str, queue: str) -> list[tuple[str, str]]:
    """The members of a queue that are not paused: device and its state."""
    members = [m for m in live.pauses.members() if (m.pbx, m.queue) == (pbx, queue) and not m.paused]
    return [(m.device, live.device_states.get((pbx, m.device), "UNKNOWN")) for m in members]


def free_devices(live: Distributor, pbx: str, queue: str) -> set[str]:
    """Phones of this queue that could ring now: of agents who are ready, or of members that nobody sits at."""
    found = {device for device, state in _at_work(live, pbx, queue) if state in _FREE}
    owners = {device: live.owner(device, pbx) for device in found}
    return {device for device, owner in owners.items() if owner is None or owner.state == "READY"}


def agents_of(live: Distributor, pbx: str, queue: str) -> int:
    """How many may take the next calls of this queue: there and not paused, or in the work after a call."""
    found = 0
    for m in live.pauses.members():
        if (m.pbx, m.queue) == (pbx, queue) and live.device_states.get((pbx, m.device)) not in _AWAY:
            owner = live.owner(m.device, pbx)
            found += not m.paused or (owner is not None and owner.state in ("BUSY", "WRAP_UP", "OFFERED"))
    return found


def waiting_since(interactions: Iterable[Any], pbx: str, queue: str) -> tuple[float, ...]:
    """When each caller who waits in this queue now entered it. (Others who wait there are no callers.)"""
    visits = [one.waiting_in() for one in interactions if one.pbx == pbx and one.channel == "voice" and not one.ended]
    return tuple(v.entered_at for v in visits if v is not None and v.queue == queue and v.entered_at is not None)


def call_id(pbx: Pbx, unique_id: str) -> str:
    """The id that this call has, or will have once the manager interface has told us of it."""
    contact = pbx.tracker.by_linked.get(unique_id)
    if contact is not None:
        return contact.interaction.id
    return interaction_id(pbx.name, pbx.tracker.boot, unique_id) if unique_id else ""


def evidence_of(question: Question, address: str | None) -> Evidence | None:
    """What the dialplan's question says of the caller's number; ``None``: nothing."""
    shown, checked = calling_presentation(question.presentation or None)
    signed = attestation(question.verified, question.attested)
    if address is None or (shown is None and signed is None):
        return None
    return Evidence(
        kind="phone", value=address, source="network", presentation=shown, authority=checked, attestation=signed
    )


def _person(match: Match | None) -> Person | None:
    if match is None or match.customer is None:
        return None
    found = match.customer
    return Person(
        name=found.get("name") or "",
        sure=match.strength == "known",
        vip=bool(found.get("vip")) and match.strength == "known",
        language=found.get("language"),
        own_agent=found.get("agent") if match.strength == "known" else None,
    )


def variables(answer: EntryAnswer, call: str) -> Variables:
    """The channel variables that say this. Empty ones are set too: the dialplan may hold those of an earlier turn."""
    told = [
        ("CALLWEAVE_RESULT", answer.result),
        ("CALLWEAVE_QUEUE", answer.queue),
        ("CALLWEAVE_PRIORITY", str(answer.priority)),
        ("CALLWEAVE_POSITION", str(answer.position) if answer.position else ""),
        ("CALLWEAVE_AGENT", answer.agent_queue),
        ("CALLWEAVE_AGENT_SECONDS", str(answer.agent_seconds) if answer.agent_queue else ""),
        ("CALLWEAVE_LANGUAGE", answer.language),
        ("CALLWEAVE_TARGET", answer.target),
        ("CALLWEAVE_OFFER_CALLBACK", "1" if answer.offer_callback else ""),
        ("CALLWEAVE_KEEPS_PLACE", "1" if answer.keeps_place else ""),
        ("CALLWEAVE_WHY", answer.why.replace(",", "+")),
        ("__CALLWEAVE_ID", call),
    ]
    if not answer.queue:  # the dialplan keeps what it has
        told.remove(("CALLWEAVE_QUEUE", ""))
    name = plain(answer.name, NAME_BYTES)
    return [*told, ("CALLERID(name)", name)] if name else told
