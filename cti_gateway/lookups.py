"""Who calls: asked in the store, without waiting where that can be done; the answer comes back as an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.desk import caller_found
from interaction_log.interaction import Interaction
from interaction_log.records import Match
from routing import commands as c

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

LOOKUP_SECONDS: Final = 5.0
"""After so long a look-up is given up, and the caller is unknown."""


class LookUps:
    """One hub's questions about callers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def find(self, command: c.FindCaller) -> None:
        """Whose address is this? At once where the store can say it at once."""
        match = self._hub.find_at_once(command.address)
        if match is not None:
            of = command.interaction_id
            self._hub.take([caller_found(self._hub.wall(), of, self._hub.weigh(of, match))])
            return
        self._hub.spawn(self._answer(command.interaction_id, self._weighed(command)))

    async def again(self, one: Interaction) -> None:
        """After a start: the customer of a contact that was known, else whose address it is."""
        if one.customer_id is not None:
            await self._answer(one.id, self._hub.customers.match_of(one.customer_id))
        elif one.customer_address is not None and one.direction != "internal":
            await self._answer(one.id, self._weighed(c.FindCaller(one.id, one.customer_address)))

    async def customer_changed(self, customer_id: str) -> None:
        """Consoles that show this customer are told what is different."""
        for one in list(self._hub.distributor.interactions.values()):
            if one.customer_id == customer_id and not one.ended:
                await self._answer(one.id, self._hub.customers.match_of(customer_id))

    async def _weighed(self, command: c.FindCaller) -> Match:
        return self._hub.weigh(command.interaction_id, await self._hub.customers.find_caller(command.address))

    async def _answer(self, interaction_id: str, question: Coroutine[Any, Any, Match]) -> None:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                match = await question
        except Exception as error:  # whatever the store says: the pop must come
            self._hub.counts["lookups_failed"] += 1
            log.warning("a caller could not be looked up: %s", type(error).__name__)
            match = Match(strength="unknown")
        self._hub.take([caller_found(self._hub.wall(), interaction_id, match)])
