"""Commands of who is shown numbers masked: what she sends back of them is what they stand for."""

from __future__ import annotations

import contextlib
import inspect
from typing import Final

from agent_console.commands import Submit, refused
from agent_console.deps import ConsoleDeps
from agent_console.wire import Ack, ClientCommand, Dial, Note, WrapUp
from interaction_log.masking import STAR, mask_number, unveiled
from interaction_log.records import NotFound

_MASK: Final = STAR * 3


def unmasking(deps: ConsoleDeps, submit: Submit) -> Submit:
    """``submit``, with the number in the place of its mask."""

    def hand_over(agent: str, name: str, command: ClientCommand) -> object:
        if isinstance(command, Dial) and _MASK in command.to:
            return _dialled(deps, submit, agent, command)
        if isinstance(command, Note | WrapUp) and _MASK in (_text(command) or ""):
            return _written(deps, submit, agent, name, command)
        return submit(agent, name, command)

    return hand_over  # type: ignore[return-value]


def _text(command: Note | WrapUp) -> str | None:
    return command.text if isinstance(command, Note) else command.notes


async def _written(deps: ConsoleDeps, submit: Submit, agent: str, name: str, command: Note | WrapUp) -> Ack:
    """Notes that were shown masked and are saved again keep the numbers that are in them."""
    with contextlib.suppress(NotFound):
        kept = (await deps.interactions.get(command.interaction_id)).get("notes")
        field = "text" if isinstance(command, Note) else "notes"
        command = command.model_copy(update={field: unveiled(_text(command), kept)})
    answer = submit(agent, name, command)
    return await answer if inspect.isawaitable(answer) else answer


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
