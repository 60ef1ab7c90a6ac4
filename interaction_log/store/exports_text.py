"""Cells that a spreadsheet must not run. Pure."""

from __future__ import annotations

import re
from typing import Final

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ]*(;ext=[0-9]+)?", re.ASCII)


def safe(value: object) -> str:
    """As text; what begins like a formula gets an apostrophe in front (OWASP "CSV injection"). Numbers of telephones
    (``+86…``) stay as they are: digits and blanks run nothing, and the file can be taken in again."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_DANGEROUS) and not _NUMBER.fullmatch(text) else text
