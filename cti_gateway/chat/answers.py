"""What a visitor is answered, in words that several commands share. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cti_gateway.chat.opening import refused
from interaction_log.chats import StoredLine
from interaction_log.records import Conflict, Refused
from webchat.wire import Ack

NONE: Final = refused("no_conversation", "There is no open conversation.")
OVER: Final = refused("over", "This conversation is over.")
EMPTY: Final = refused("empty", "There is nothing to be sent.", "text")
USED: Final = refused("used", "This id was used before.", "id")


def said(heard: Callable[[Ack | Exception], None], answer: StoredLine | Exception) -> None:
    """A line was written, or was not: ``heard`` is told what the visitor is answered."""
    if isinstance(answer, StoredLine):
        heard({"ok": True, "number": answer.number, "at": answer.at})
    elif isinstance(answer, Conflict):
        heard(USED)
    elif isinstance(answer, Refused):
        heard(refused("refused", answer.message, answer.field))
    else:
        heard(answer)
