"""Commands of the console: validated, done once, answered within a second."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from agent_console.models import NewCustomer
from agent_console.ports import Clock
from agent_console.sentences import of_schema
from agent_console.wire import (
    CLIENT_COMMANDS,
    Ack,
    ClientCommand,
    Identify,
    Note,
    PopShown,
    WireError,
    WrapUp,
)
from interaction_log.masking import Masked, mask_cards, without_cards
from interaction_log.web.strict_json import BadJson, check

REMEMBER_SECONDS: Final = 15 * 60.0
REMEMBER: Final = 20_000  # 300 agents with one command every 13 s
ANSWER_SECONDS: Final = 0.9  # so that the acknowledgement is out within 1 s

Submit = Callable[[str, str, ClientCommand], Ack | Awaitable[Ack]]
Shown = Callable[[str, PopShown], None]


def refused(code: str, message: str, field: str | None = None) -> Ack:
    """A negative acknowledgement in plain words."""
    error: WireError = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    return {"ok": False, "error": error}


def parse(name: str, data: Any, models: Mapping[str, type[ClientCommand]] = CLIENT_COMMANDS) -> ClientCommand | Ack:
    """The validated command, or why it is none."""
    model = models.get(name)
    if model is None:
        return refused("unknown_command", "There is no such command.")
    if not isinstance(data, dict):
        return refused("invalid", "A command is one JSON object.")
    try:
        check(data)
        command = model.model_validate(data)
    except BadJson as bad:
        return refused("invalid", f"The value {bad.message}.", bad.path)
    except ValidationError as bad:
        return _invalid(bad)
    return _with_customer(command) if isinstance(command, Identify) else command


def _invalid(bad: ValidationError, prefix: str = "") -> Ack:
    first = bad.errors(include_url=False, include_input=False)[0]
    ack = refused("invalid", first["msg"], prefix + ".".join(str(part) for part in first["loc"]))
    ack["error"]["said"] = of_schema(first["type"], first.get("ctx") or {})
    return ack


def _with_customer(command: Identify) -> Identify | Ack:
    """``identify`` names a customer or has one to create, which is checked as REST checks it; not both."""
    if (command.customer_id is None) == (command.create is None):
        return refused("invalid", "Choose a customer, or give one to create.", "customer_id")
    if command.create is not None:
        try:
            customer = NewCustomer.model_validate(command.create)
        except ValidationError as bad:
            return _invalid(bad, "create.")
        command.create = customer.model_dump(exclude_unset=True)
    return command


class Commands:
    """Hands each command over once per (agent, id), for 15 minutes; the same id again gets the same answer."""

    def __init__(
        self, submit: Submit, shown: Shown, now: Clock, models: Mapping[str, type[ClientCommand]] = CLIENT_COMMANDS
    ):
        self._models = models
        self._submit = submit
        self._shown = shown
        self._now = now
        self._answers: OrderedDict[tuple[str, str], tuple[float, Ack | asyncio.Future[Ack]]] = OrderedDict()

    def take(self, agent: str, name: str, data: Any) -> Ack | Awaitable[Ack]:
        """Accepted or refused, at once where that can be said at once."""
        command = parse(name, data, self._models)
        if not isinstance(command, ClientCommand):
            return command
        cards = _hide_cards(command)
        if isinstance(command, PopShown):
            self._shown(agent, command)
            return {"ok": True}
        self._forget()
        key = (agent, command.id)
        if key not in self._answers:
            self._answers[key] = (self._now(), self._begin(agent, name, command, cards))
        answer = self._answers[key][1]
        return _in_time(answer) if isinstance(answer, asyncio.Future) else answer

    def _begin(self, agent: str, name: str, command: ClientCommand, cards: int) -> Ack | asyncio.Future[Ack]:
        answer = self._submit(agent, name, command)
        if inspect.isawaitable(answer):
            return asyncio.ensure_future(_guarded(answer, cards))
        return _hinting(answer, cards)

    def _forget(self) -> None:
        before = self._now() - REMEMBER_SECONDS
        while self._answers:
            key, (at, _) = next(iter(self._answers.items()))
            if at >= before and len(self._answers) < REMEMBER:
                return
            del self._answers[key]


async def _guarded(answer: Awaitable[Ack], cards: int) -> Ack:
    return _hinting(await answer, cards)


def _hide_cards(command: ClientCommand) -> int:
    """Card numbers in what somebody wrote are hidden before anything is kept; how many there were."""
    if isinstance(command, Note):
        command.text, cards = _told(mask_cards(command.text))
        return cards
    if isinstance(command, WrapUp) and command.notes is not None:
        command.notes, cards = _told(mask_cards(command.notes))
        return cards
    if isinstance(command, Identify) and command.create is not None:
        command.create, cards = without_cards(command.create)
        return cards
    return 0


def _told(masked: Masked) -> tuple[str, int]:
    return masked.text, masked.cards


def _hinting(answer: Ack, cards: int) -> Ack:
    return {**answer, "cards": cards} if cards and answer["ok"] else answer


async def _in_time(answer: asyncio.Future[Ack]) -> Ack:
    """The answer if it comes in time; the command itself goes on."""
    done, _ = await asyncio.wait((answer,), timeout=ANSWER_SECONDS)
    if not done:
        return refused("slow", "This takes longer than usual; its result will follow.")
    return answer.result()
