"""The receipt of an erasure: what was done, to whom by a pseudonym only, signed with the site's key (Ed25519)."""

from __future__ import annotations

import json
from typing import Any, Final

from interaction_log.store.master_key import MasterKey, verified

KIND: Final = "callweave-erasure-1"


class NoReceipt(ValueError):
    """The text is no receipt."""


def make(master: MasterKey, facts: dict[str, Any]) -> str:
    """The receipt as JSON. ``facts`` name nobody."""
    body = {"kind": KIND, **facts, "public_key": master.public}
    return json.dumps({**body, "signature": master.sign(_signed(body))}, indent=2, sort_keys=True)


def check(text: str, public: str | None = None) -> tuple[bool, dict[str, Any]]:
    """Whether the receipt is whole, and what it says. ``public``: the site's key (``cti privacy key``); without one,
    that in the receipt itself counts, which shows only that nothing was changed. Raises ``NoReceipt``."""
    try:
        body = json.loads(text)
        signature = body.pop("signature")
        own = body["public_key"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoReceipt("this is no receipt of an erasure") from None
    if body.get("kind") != KIND or not isinstance(signature, str) or not isinstance(own, str):
        raise NoReceipt("this is no receipt of an erasure")
    right = public is None or public == own
    return right and verified(own, signature, _signed(body)), body


def _signed(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
