"""A contact without a telephone is sent on: to a colleague, or back into a line. It keeps the age that it has."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from agent_console.wire import Ack
from cti_gateway.desk import NOT_YOURS, OK, no
from cti_gateway.seating import line_for, queue_of
from interaction_log import events as e
from interaction_log.devices import CONSOLE

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from interaction_log.interaction import Interaction
    from routing.acd.model import Command

QUEUE = "queue:"


class Sending:
    """Transfers of what the distributor gave to an agent."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._hub = dispatch.hub

    def send_on(self, interaction_id: str, agent: str, to: str) -> Ack:
        """``to``: ``queue:NAME`` or a user name. Who declines it or lets it pass gives it back to who sent it, if she
        is free, else to the line."""
        held = self._dispatch.engine.held.get(interaction_id)
        one = self._hub.distributor.interactions.get(interaction_id)
        if one is None or held is None or held[1] != agent:
            return NOT_YOURS
        self._dispatch.settle()
        return self._to_queue(one, agent, to.removeprefix(QUEUE)) if to.startswith(QUEUE) else self._to(one, agent, to)

    def _to_queue(self, one: Interaction, agent: str, queue: str) -> Ack:
        live = self._hub.distributor
        if queue not in {name for _, name in (*live.settings.queues, *live.queues_seen)}:
            return no("unknown_queue", "There is no such queue.", "to")
        line = line_for(one, queue, live.settings.queues)
        self._dispatch.know(line)
        commands = self._dispatch.engine.move(one.id, line, self._hub.wall(), work=self._dispatch.not_free_yet(one.id))
        self._left(one, agent, QUEUE + queue, queue, commands)
        return OK

    def _to(self, one: Interaction, agent: str, colleague: str) -> Ack:
        if colleague == agent or colleague not in self._hub.people:
            return no("unknown_agent", "There is no such agent.", "to")
        engine = self._dispatch.engine
        line = engine.held[one.id][0].queue
        work = self._dispatch.not_free_yet(one.id)
        commands = engine.hand(one.id, colleague, self._hub.wall(), back_to=agent, work=work)
        if commands is None:
            return no("cannot_take", "This colleague cannot take it now.", "to")
        self._left(one, agent, CONSOLE + colleague, queue_of(line)[1], commands)
        return OK

    def _left(self, one: Interaction, agent: str, target: str, queue: str, commands: list[Command]) -> None:
        now, device = self._hub.wall(), CONSOLE + agent
        self._dispatch.had(one.id)
        started = e.TransferStarted(
            at=now, interaction_id=one.id, transfer_id=str(uuid.uuid4()), kind="blind", device=device, target=target
        )
        left = e.AgentDisconnected(at=now, interaction_id=one.id, device=device)
        entered = e.QueueEntered(at=now, interaction_id=one.id, queue=queue)
        self._dispatch.run(commands, lambda: self._hub.take([started, left, entered]), anew=(agent,))
