"""Which telephones we have muted. The PBX tells nothing of a mute, so its answer to ``MuteAudio`` is all there is.

A mute belongs to one channel of the agent's phone: it stays through a hold and a consultation and ends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent_console import wire
from cti_gateway.ami import actions
from cti_gateway.control.facts import Facts
from cti_gateway.control.plans import NOT_IN_CALL
from cti_gateway.control.targets import Refusal
from cti_gateway.desk import Answer
from cti_gateway.pbx import Outcome, Pbx
from interaction_log import events as e

if TYPE_CHECKING:
    from cti_gateway.control.runner import Control
    from cti_gateway.hub import Hub


class Mutes:
    """Commands ``mute`` and ``unmute``: the customer hears the agent no more, the agent still hears the customer."""

    def __init__(self, hub: Hub, control: Control) -> None:
        self._hub, self._control = hub, control
        self._muted: dict[tuple[str, str], str] = {}  # channel, by agent and interaction

    def command(self, agent: str, command: wire.OnInteraction, on: bool) -> Answer:
        """Ask the PBX; needs the second manager user (``write=system``)."""

        async def work(pbx: Pbx, facts: Facts, channel: str) -> Outcome:
            outcome = await pbx.do(actions.mute_audio(channel, on), system=True)
            if outcome.ok:
                self._now(agent, command.interaction_id, channel if on else None)
            return outcome

        return self._control.on_my_phone(
            agent, command, lambda facts, system: self._refusal(agent, facts, on, system), work
        )

    def _refusal(self, agent: str, facts: Facts, on: bool, system: bool) -> Refusal | None:
        if facts.mine is None or not facts.has_leg:
            return NOT_IN_CALL
        if not system:
            return Refusal("use_the_phone", "Mute with the phone's own key: this PBX has no user who may mute it.")
        if (self._muted.get((agent, facts.interaction_id)) == facts.mine) == on:
            return Refusal("already", "You are muted already." if on else "You are not muted.")
        return None

    def saw(self, event: e.Event) -> None:
        """One event of the hub: with the leg the mute goes."""
        if isinstance(event, e.InteractionEnded):
            self._forget({key: c for key, c in self._muted.items() if key[1] == event.interaction_id})

    def heard(self, pbx: Pbx) -> None:
        """The PBX said something: a channel that is gone takes its mute along."""
        if not self._muted:
            return
        living = {channel.name for channel in pbx.tracker.topology.by_id.values()}
        gone = {key: c for key, c in self._muted.items() if self._control.pbx_of(key[1]) is pbx and c not in living}
        self._forget(gone)

    def _forget(self, gone: Mapping[tuple[str, str], str]) -> None:
        for agent, interaction_id in gone:
            self._now(agent, interaction_id, None)

    async def release(self) -> None:
        """We stop: whoever is muted by us could not be heard again from a console."""
        for (agent, interaction_id), channel in list(self._muted.items()):
            pbx = self._control.pbx_of(interaction_id)
            if pbx is not None:
                await pbx.do(actions.mute_audio(channel, False), system=True)
            self._now(agent, interaction_id, None)

    def of(self, agent: str) -> list[str]:
        """The calls in which this agent is muted, for a snapshot."""
        return [interaction_id for who, interaction_id in self._muted if who == agent]

    def _now(self, agent: str, interaction_id: str, channel: str | None) -> None:
        if channel is not None:
            self._muted[agent, interaction_id] = channel
        else:
            self._muted.pop((agent, interaction_id), None)
        body: dict[str, Any] = {"interaction_id": interaction_id, "muted": channel is not None}
        self._hub.screens.publish(agent, "muted", body)
