"""Satisfaction: what may be asked and answered, and the link that asks. Pure.

CSAT: 1 to 5. NPS ("how likely would you recommend us"): 0 to 10. A link holds a secret token, of which only the digest
is kept; it is good once.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from interaction_log.records import Refused

Kind = Literal["csat", "nps"]
SCORES: Final = {"csat": (1, 5), "nps": (0, 10)}
"""The least and the best answer of each."""
MOST_COMMENT: Final = 2_000
LINK_SECONDS: Final = 14 * 86_400.0
"""How long a link is good."""
CHANNELS: Final = ("voice", "chat", "email")


def check(kind: str, score: int, comment: str | None) -> str | None:
    """The comment as it is kept. Raises ``Refused``."""
    if kind not in SCORES:
        raise Refused("kind", "one of " + ", ".join(SCORES))
    least, best = SCORES[kind]
    if isinstance(score, bool) or not isinstance(score, int) or not least <= score <= best:
        raise Refused("score", f"{least} to {best}")
    if comment is None:
        return None
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in comment if not "\ud800" <= c <= "\udfff").strip()
    if len(kept) > MOST_COMMENT:
        raise Refused("comment", f"longer than {MOST_COMMENT} characters")
    return kept or None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def key_score(kind: str, keys: str) -> int | None:
    """The answer that was keyed in; ``None`` for anything else (``*``, too many digits, out of range)."""
    least, best = SCORES[kind]
    if not (keys.isascii() and keys.isdigit()) or len(keys) > 2:
        return None
    return int(keys) if least <= int(keys) <= best else None
