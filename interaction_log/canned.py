"""Texts that agents write often: what they may hold, and their placeholders. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from interaction_log.records import Refused

PLACEHOLDERS: Final = ("visitor", "agent", "queue")
"""What the desk fills in: ``{visitor}`` the name of who writes, ``{agent}`` one's own, ``{queue}`` its label."""
_ALIASES: Final = {"customer.name": "visitor", "customer": "visitor", "agent.name": "agent", "queue.label": "queue"}
"""Longer names for the same, as people know them from other programs."""
MOST_TEXT: Final = 4_000
MOST_LANGUAGES: Final = 20
MOST_QUEUES: Final = 200
_SHORTCUT: Final = re.compile(r"[^\s/{}]{1,40}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_PLACE: Final = re.compile(r"\{([^{}]{1,40})\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedReply:
    """``shortcut``: what is typed after ``/``; ``texts`` by language; ``queues`` and ``teams`` empty: for all."""

    id: str
    shortcut: str
    texts: dict[str, str]
    queues: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    retired: bool = False
    version: int = 1


def checked(one: CannedReply) -> CannedReply:
    """As it is kept, with placeholders in their short form. Raises ``Refused``."""
    if not _SHORTCUT.fullmatch(one.shortcut):
        raise Refused("shortcut", "1 to 40 characters without spaces, slashes and braces")
    if not one.texts or len(one.texts) > MOST_LANGUAGES:
        raise Refused("texts", f"a text is needed, in at most {MOST_LANGUAGES} languages")
    texts = {language: _text(language, text) for language, text in one.texts.items()}
    if len(one.queues) > MOST_QUEUES or len(one.teams) > MOST_QUEUES:
        raise Refused("queues", f"at most {MOST_QUEUES}")
    return CannedReply(
        id=one.id,
        shortcut=one.shortcut,
        texts=texts,
        queues=list(dict.fromkeys(one.queues)),
        teams=list(dict.fromkeys(one.teams)),
        retired=one.retired,
        version=one.version,
    )


def _text(language: str, text: str) -> str:
    if not _LANGUAGE.fullmatch(language):
        raise Refused("texts", f"{language[:20]!r} is no language tag (en, zh-CN)")
    kept = "".join(c for c in text if (c.isprintable() or c == "\n") and not "\ud800" <= c <= "\udfff").strip()
    if not kept or len(kept) > MOST_TEXT:
        raise Refused(f"texts.{language}", f"1 to {MOST_TEXT} characters")
    for name in _PLACE.findall(kept):
        if _ALIASES.get(name, name) not in PLACEHOLDERS:
            raise Refused(f"texts.{language}", f"{name} is no placeholder: use visitor, agent or queue in braces")
    return _PLACE.sub(lambda found: "{" + _ALIASES.get(found[1], found[1]) + "}", kept)


def serves(one: CannedReply, queue: str | None, teams: frozenset[str], words: str) -> bool:
    """Whether it is for this queue (``None``: any) and one of these teams, and begins with these words."""
    fits = queue is None or not one.queues or queue in one.queues
    hers = not one.teams or not teams.isdisjoint(one.teams)
    return not one.retired and fits and hers and one.shortcut.casefold().startswith(words.casefold())
