"""``dial`` with a masked number: what the person sees is not what is called."""

from __future__ import annotations

import inspect
from typing import Final

from agent_console.commands import Submit, refused
from agent_console.deps import ConsoleDeps
from agent_console.wire import Ack, ClientCommand, Dial
from interaction_log.masking import STAR, mask_number
from interaction_log.records import NotFound

_MASK: Final = STAR * 3


def unmasking(deps: ConsoleDeps, submit: Submit) -> Submit:
    """``submit``, with the number in the place of its mask."""

    def hand_over(agent: str, name: str, command: ClientCommand) -> object:
        if isinstance(command, Dial) and _MASK in command.to:
            return _dialled(deps, submit, agent, command)
        return submit(agent, name, command)

    return hand_over  # type: ignore[return-value]


async def _dialled(deps: ConsoleDeps, submit: Submit, agent: str, command: Dial) -> Ack:
    number = await _number(deps, command)
    if number is None:
        return refused("unknown_number", "This number is not known here any more.", "to")
    answer = submit(agent, "dial", command.model_copy(update={"to": number}))
    return await answer if inspect.isawaitable(answer) else answer


async def _number(deps: ConsoleDeps, command: Dial) -> str | None:
    """The one that is shown so: of the customer, or of the contact."""
    known: list[str] = []
    try:
        if command.customer_id is not None:
            known += (await deps.customers.get(command.customer_id)).phones
        if command.interaction_id is not None:
            known.append((await deps.interactions.get(command.interaction_id))["customer_address"] or "")
    except NotFound:
        pass
    found = dict.fromkeys(number for number in known if mask_number(number) == command.to)
    return next(iter(found)) if len(found) == 1 else None
