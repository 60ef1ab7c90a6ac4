"""The token by which an answer finds its conversation: unguessable, and checked. Pure.

``chat-`` and 32 hexadecimal digits: 16 of the conversation's id, 16 of a keyed hash of the whole id. It stands in our
``Message-ID`` (so in ``References`` of every answer), in the subject, and where the mailbox takes it in the address.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from typing import Final

Sign = Callable[[str], str]
"""A keyed hash of a text: at least 16 hexadecimal digits (``MasterKey.pseudonym``)."""
_HALF: Final = 16
_TOKEN: Final = re.compile(r"chat-([0-9a-f]{16})([0-9a-f]{16})(?![0-9a-f])", re.IGNORECASE)


def token_of(conversation: str, sign: Sign) -> str:
    """The token of a conversation (its UUID)."""
    return f"chat-{_begin(conversation)}{sign(conversation)[:_HALF]}"


def tokens_in(texts: Iterable[str]) -> list[str]:
    """All that look like one, in order, each once."""
    found = (match.group(0).lower() for text in texts for match in _TOKEN.finditer(text))
    return list(dict.fromkeys(found))


def begin_of(token: str) -> str:
    """How the UUID begins that it speaks of: 8 digits, a dash, 4, a dash, 4."""
    digits = token.removeprefix("chat-")[:_HALF]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:]}"


def speaks_for(token: str, conversation: str, sign: Sign) -> bool:
    """Whether we made it for this conversation."""
    return hmac.compare_digest(token.lower(), token_of(conversation, sign))


def _begin(conversation: str) -> str:
    return conversation.replace("-", "").lower()[:_HALF]
