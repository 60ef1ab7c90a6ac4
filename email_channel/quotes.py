"""The visitor's new text above what his mail program quoted. What is cut off is kept beside it. Pure."""

from __future__ import annotations

import re
from typing import Final

_ATTRIBUTION: Final = re.compile(
    r"^(on\b.{4,200}\bwrote\s*[:：]|am\b.{4,200}\bschrieb\b.{0,120}[:：]|le\b.{4,200}\ba écrit\s*[:：]"
    r"|el\b.{4,200}\bescribió\s*[:：]|op\b.{4,200}\bschreef\b.{0,120}[:：]"
    r"|[^\n]{0,200}(写道|寫道|の書き込み|のメール)\s*[:：]?|[^\n]{0,120}<[^<>\s]+@[^<>\s]+>\s*(于|在)[^\n]{0,80})\s*$",
    re.IGNORECASE | re.DOTALL,
)
"""The line over a quote, in the languages of common programs; some break it into two or three."""
_ORIGINAL: Final = re.compile(
    r"^\s*-{2,}\s*(original message|original appointment|forwarded message|ursprüngliche nachricht|message d'origine"
    r"|mensaje original|原始邮件|原始郵件|原邮件|转发邮件|転送メッセージ|元のメッセージ)\s*-{2,}\s*$",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"^\s*\**(from|von|de|发件人|寄件者|差出人)\**\s*[:：]\s*\**\s*\S", re.IGNORECASE)
_BLOCK: Final = re.compile(
    r"^\s*\**(sent|date|to|cc|subject|gesendet|an|datum|betreff|envoyé|à|objet|发送时间|发送日期|日期|收件人|抄送|主题"
    r"|寄件日期|收件者|主旨|送信日時|宛先|件名)\**\s*[:：]",
    re.IGNORECASE,
)
_SPAN: Final = 3
"""So many lines an attribution may have."""


def new_text(text: str) -> str:
    """What is new in it: without the quoted history below. Answers between quoted lines are left whole, as is a text
    that is a quote and nothing else."""
    lines = text.strip().split("\n")
    cut = _cut(lines)
    if cut is None:
        return text.strip()
    above = "\n".join(lines[:cut]).rstrip()
    return above if above.strip() else text.strip()


def _cut(lines: list[str]) -> int | None:
    """The line at which the quoted history begins."""
    for n, line in enumerate(lines):
        if _ORIGINAL.match(line) or _header_block(lines, n):
            return _above_rule(lines, n)
        begins = _attributed(lines, n)
        if begins and _only_quoted(lines[n + begins :]):
            return n
    return _trailing(lines)


def _attributed(lines: list[str], n: int) -> int:
    """Over how many lines an attribution goes that begins here; 0: none does."""
    for span in range(1, _SPAN + 1):
        if n + span > len(lines):
            return 0
        if _ATTRIBUTION.match(" ".join(part.strip() for part in lines[n : n + span])):
            return span
        if not lines[n + span - 1].strip():
            return 0
    return 0


def _header_block(lines: list[str], n: int) -> bool:
    if not _FROM.match(lines[n]):
        return False
    return sum(bool(_BLOCK.match(line)) for line in lines[n + 1 : n + 6]) >= 2


def _above_rule(lines: list[str], n: int) -> int:
    """The ruler over the headers goes too."""
    return n - 1 if n > 0 and re.fullmatch(r"\s*[_\-=]{5,}\s*", lines[n - 1]) else n


def _only_quoted(rest: list[str]) -> bool:
    """Nothing of his own comes below: quoted lines, or none is marked (then all of it is the old letter)."""
    said = [line for line in rest if line.strip()]
    marked = [line.lstrip().startswith(">") for line in said]
    return all(marked) or not any(marked)


def _trailing(lines: list[str]) -> int | None:
    """Quoted lines at the end, without a word over them."""
    n = len(lines)
    while n > 0 and (not lines[n - 1].strip() or lines[n - 1].lstrip().startswith(">")):
        n -= 1
    return n if any(line.lstrip().startswith(">") for line in lines[n:]) and not _quotes(lines[:n]) else None


def _quotes(lines: list[str]) -> bool:
    return any(line.lstrip().startswith(">") for line in lines)
