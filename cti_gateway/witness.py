"""What the calls themselves say of who calls: kept as claims, and weighed before a caller counts as known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.desk import caller_found
from interaction_log import events as e
from interaction_log.evidence import Evidence, Policy, Verdict, bounded, judge
from interaction_log.interaction import Interaction
from interaction_log.persons import Seen
from interaction_log.records import Match
from routing.identity_ports import Claims

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 2.0
"""So long sightings are gathered before they are written together; what an agent chose is written at once."""
MOST_WAITING: Final = 5_000
MOST_CALLS: Final = 10_000
_E164: Final = re.compile(r"\+[0-9]{4,15}", re.ASCII)


class Witness:
    """Listens to who was identified, and knows what the dialplan handed in about a call's number."""

    def __init__(self, hub: Hub, claims: Claims, policy: Policy) -> None:
        self._hub, self._claims, self._policy = hub, claims, policy
        self._told: OrderedDict[str, Evidence] = OrderedDict()
        self._by_number: OrderedDict[str, None] = OrderedDict()  # calls that were identified by their number alone
        self._waiting: dict[tuple[str, str, str], Seen] = {}
        self._now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen and to write."""
        self._hub.listen(self.identified, [e.CustomerIdentified])
        self._hub.weigh = self.weigh
        self._hub.vouch = self.vouch
        self._task = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Write what waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    # --- what the dialplan says ------------------------------------------------------------------------

    def vouch(self, interaction_id: str, evidence: Evidence) -> None:
        """What call entry learnt of the number: kept of who is known by it, and a caller who counted as known on it
        alone does so no more where it says less."""
        _remember(self._told, interaction_id, evidence)
        verdict = self._judge(evidence)
        one = self._hub.distributor.interactions.get(interaction_id)
        if one is None or one.ended:
            return
        if verdict.strength == "known":
            if one.customer_id is not None and interaction_id in self._by_number:  # she was, before this was told
                self._saw(one, one.customer_id, None, self._hub.wall())
            return
        if one.customer_id is not None and interaction_id not in self._by_number:
            return  # somebody chose
        match = self._hub.distributor.pops.match(interaction_id)
        if match is None or match.strength == "unknown":
            return
        less = bounded(_match(match), verdict)
        now = self._hub.wall()
        doubt = [e.CustomerIdentified(at=now, interaction_id=interaction_id, customer_id=None, agent=None)]
        events: list[e.Event] = [
            *(doubt if one.customer_id is not None else ()),
            caller_found(now, interaction_id, less),
        ]
        self._hub.take(events)

    def weigh(self, interaction_id: str, match: Match) -> Match:
        """A match by the number alone, no stronger than what is known of the call allows."""
        one = self._hub.distributor.interactions.get(interaction_id)
        if one is not None and one.direction != "inbound":
            return match  # we dialled it
        evidence = self._told.get(interaction_id)
        return bounded(match, self._judge(evidence or Evidence(kind="phone", value="", source="network")))

    def _judge(self, evidence: Evidence) -> Verdict:
        return judge(evidence, self._policy)

    # --- what is kept ----------------------------------------------------------------------------------

    def identified(self, event: e.CustomerIdentified) -> None:
        """Somebody is known: by the number, or because an agent chose."""
        if event.agent is None and event.customer_id is not None:
            _remember(self._by_number, event.interaction_id, None)
        else:
            self._by_number.pop(event.interaction_id, None)
        one = self._hub.distributor.interactions.get(event.interaction_id)
        if one is not None and event.customer_id is not None:
            self._saw(one, event.customer_id, event.agent, event.at if event.at is not None else self._hub.wall())

    def _saw(self, one: Interaction, customer_id: str, agent: str | None, at: float) -> None:
        address = one.customer_address
        if address is None or not _E164.fullmatch(address) or (agent is None and one.direction != "inbound"):
            return
        told = self._told.get(one.id) or Evidence(kind="phone", value=address, source="network")
        evidence = replace(told, value=address, source="agent" if agent is not None else "network")
        verdict = self._judge(evidence)
        self._keep(
            Seen(
                customer_id=customer_id,
                kind="phone",
                value=address,
                source=evidence.source,
                strength=verdict.strength,
                rule=verdict.rule,
                at=at,
                details=details(told),
                interaction_id=one.id,
                by=agent,
            )
        )

    def _keep(self, seen: Seen) -> None:
        key = (seen.customer_id, seen.value, seen.source)
        if key in self._waiting or len(self._waiting) < MOST_WAITING:
            self._waiting[key] = seen
        if seen.source == "agent":
            self._now.set()

    async def _write(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._now.wait()
            self._now.clear()
            try:
                await self._flush()
            except Exception as error:  # they are written with the next ones
                log.warning("claims could not be written: %s", type(error).__name__)

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await self._claims.saw(list(waiting.values()))
        except BaseException:
            self._waiting = waiting | self._waiting
            raise


def _remember(known: OrderedDict[str, Any], key: str, value: Any) -> None:
    known[key] = value
    while len(known) > MOST_CALLS:
        known.popitem(last=False)


def details(evidence: Evidence) -> dict[str, Any]:
    """What of the evidence is shown beside a claim."""
    found = {name: getattr(evidence, name) for name in ("presentation", "authority", "attestation", "authenticated")}
    return {name: value for name, value in found.items() if value is not None}


def _match(found: e.CallerFound) -> Match:
    return Match(
        strength=found.strength,
        customer=found.customer,
        candidates=found.candidates,
        timeline=found.timeline,
        open_cases=found.open_cases,
        also=found.also,
    )
