"""Cursors of keyset paging: opaque to the client, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from interaction_log.records import Refused


def write(*key: str | float) -> str:
    """A cursor behind the row with this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read(cursor: str, *types: type) -> list[Any]:
    """The key; raises ``Refused`` for anything that ``write`` did not make."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Refused("cursor", "is none of ours") from error
    if not isinstance(key, list) or [type(one) for one in key] != list(types):
        raise Refused("cursor", "is none of ours")
    return key
