"""A telephone that somebody sits at, as people write it: ``PJSIP/1001``, or ``berlin:PJSIP/1001``. Pure.

Two PBXs may both have a ``PJSIP/1001``. With the PBX's name in front a seat is that PBX's telephone only; without
it the telephone of every PBX that has one of this name, except where somebody sits at it by its full name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SEAT: Final = re.compile(r"(?:([A-Za-z0-9_.-]{1,80}):)?([A-Za-z0-9]+/[^\s:]{1,80})", re.ASCII)


@lru_cache(maxsize=4_096)  # every change of an agent asks it of her telephones
def split(seat: str) -> tuple[str | None, str]:
    """The PBX (``None``: any) and the telephone as that PBX names it."""
    found = SEAT.fullmatch(seat)
    return (found[1], found[2]) if found is not None else (None, seat)


CONSOLE: Final = "Console/"
"""What has no telephone (a chat, a mail) is at an agent's console: ``Console/anna`` stands where else a device does."""


def at_console(device: str) -> str | None:
    """Whose console this is; ``None`` for a telephone."""
    return device.removeprefix(CONSOLE) if device.startswith(CONSOLE) else None


def at(pbx: str, device: str) -> str:
    """This telephone of this PBX and no other."""
    return f"{pbx}:{device}"
