"""Bytes to text, whatever they claim to be. Nothing here fails. Pure."""

from __future__ import annotations

import re
from email.header import decode_header
from typing import Final

_WIDER: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}
"""What mail programs say, and what their letters are in (WHATWG Encoding, §4.2)."""
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
_GAP: Final = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")


def text_of(content: bytes, charset: str | None) -> str:
    """``content`` as text: by its charset, else by what fits, at last with signs for what cannot be read."""
    claimed = (charset or "").strip().strip("\"'").lower()
    for name in [*([_WIDER.get(claimed, claimed)] if claimed else []), "utf-8", *_guesses(content)]:
        try:
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("utf-8", "replace")


def _guesses(content: bytes) -> tuple[str, str]:
    """Chinese comes in pairs of high bytes, accents of Western languages mostly alone."""
    runs = _HIGH.findall(content)
    return ("gb18030", "cp1252") if sum(map(len, runs)) >= 2 * len(runs) else ("cp1252", "gb18030")


def header_text(raw: str) -> str:
    """A header's text: RFC 2047 words decoded, 8-bit bytes (as surrogates) guessed, one line."""
    plain = _bytes_guessed(_GAP.sub(r"\1", raw))
    try:
        parts = decode_header(plain)
    except Exception:  # a word that cannot be decoded stays as it came
        return " ".join(plain.split())
    said = "".join(one if isinstance(one, str) else text_of(one, charset) for one, charset in parts)
    return " ".join(said.split())


def _bytes_guessed(raw: str) -> str:
    if raw.isascii():
        return raw
    return text_of(raw.encode("utf-8", "surrogateescape"), None)
