"""Times in requests: RFC 3339 with an offset, and nothing else. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

# A plus that nobody escaped arrives as a space.
_SHAPE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d{1,9})?(?:([Zz])|([ +-]\d\d:\d\d))", flags=re.ASCII
)


def seconds(text: str) -> float:
    """Unix seconds; ``ValueError`` for what is no time between 1970 and 9999. Second 60 counts as 59."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError("is no RFC 3339 time such as 2026-01-31T09:30:00+08:00")
    date, minute, second, fraction, zulu, offset = found.groups()
    zone = "+00:00" if zulu else offset.replace(" ", "+")
    try:
        moment = datetime.fromisoformat(f"{date}T{minute}:{'59' if second == '60' else second}{zone}")
        instant = moment.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("is no time that exists") from None
    if instant < 0:
        raise ValueError("lies before 1970")
    return instant + float(fraction or 0)
