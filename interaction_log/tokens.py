"""Text as the tokens that search looks for: the same in every database, because they are made here. Pure.

- **Words** of scripts with spaces: case-folded, diacritics folded ("Müller" is "muller", "Straße" is "strasse").
- **Runs** of scripts without spaces (Chinese, Japanese, Korean, Thai …): each pair of neighbours and each single
  character, because nobody can say where a word ends. A run ends at anything else, so no pair crosses a boundary.
- **Numbers**: the digits of whatever stands between separators, as a word and by their endings, so that a telephone
  number is found by any written form and by its last digits.
- **Beginnings** of the words of a title, so that a name is found while it is typed.

What the tokens find is looked at again (``Wanted.marks``): a match is where the text really holds what was asked for.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = 1
"""Of the rules here: an index made by other rules must be made anew (``cti db reindex``)."""
MOST_CHARACTERS: Final = 50_000
"""Of a text that are looked at; the rest is not found."""
MOST_TERMS: Final = 8_000
LONGEST_WORD: Final = 40
LONGEST_BEGINNING: Final = 10
ENDINGS: Final = (4, 6, 8)
"""Digits: any other ending is found by the longest of these that fits, and looked at again."""
SHORTEST_NUMBER: Final = 4
LONGEST_NUMBER: Final = 20
MOST_QUERY: Final = 200
MOST_WANTED: Final = 16

Tree = str | tuple[Literal["and", "or"], tuple["Tree", ...]]
"""A term, or what must be found together, or instead of each other."""

# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer; Hangul, Han, kana, bopomofo, Yi, with the marks.
_RUN: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    "\u303b\u303c\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\uffa0-\uffdc"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
_MARKS: Final = "".join(chr(c) for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc"))
_PIECE: Final = re.compile(
    rf"(?P<run>[{_RUN}]+)"
    r"|(?P<number>\+?\d(?:[\d ()./\u00a0\u2010-\u2015-]{0,30}\d)?)"
    rf"(?!(?![{_RUN}])\w)"
    rf"|(?P<word>(?:(?![{_RUN}])[^\W_])(?:(?![{_RUN}])[^\W_]|[{_MARKS}\u200c\u200d])*)",
)
_DIGITS: Final = re.compile(r"\d+")
_TRUNK: Final = re.compile(r"\(0\)")
_PLAIN: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ŧ": "t"}
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: ``text`` is its folded form, from ``start`` to ``end`` (characters of the original)."""

    kind: Literal["word", "run", "number"]
    start: int
    end: int
    text: str


@functools.lru_cache(20_000)
def fold(word: str) -> str:
    """A word without case and diacritics."""
    if word.isascii():
        return word.lower()[:LONGEST_WORD]
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    plain = "".join(c for c in apart if not unicodedata.combining(c) and c not in "\u200c\u200d")
    return unicodedata.normalize("NFKC", plain).translate(_PLAIN)[:LONGEST_WORD]


def pieces(text: str) -> Iterator[Piece]:
    """The text's words, runs and numbers, in order. A number's words follow it as pieces of their own."""
    for found in _PIECE.finditer(text[:MOST_CHARACTERS]):
        start, end = found.span()
        if found.lastgroup == "run":
            yield Piece("run", start, end, unicodedata.normalize("NFKC", found[0]))
        elif found.lastgroup == "word":
            word = fold(found[0])
            if word:
                yield Piece("word", start, end, word)
        else:
            yield from _number(found[0], start, end)


def _number(text: str, start: int, end: int) -> Iterator[Piece]:
    groups = list(_DIGITS.finditer(text))
    whole = digits(text)
    if len(groups) > 1 and SHORTEST_NUMBER <= len(whole) <= LONGEST_NUMBER:
        yield Piece("number", start, end, whole)
    for one in groups:
        yield Piece("word", start + one.start(), start + one.end(), _ascii(one[0])[:LONGEST_WORD])


def digits(text: str) -> str:
    """The digits of a number as written, ASCII, without a ``(0)`` that nobody dials from abroad."""
    without = _TRUNK.sub("", text) if text.lstrip().startswith(("+", "00")) else text
    return _ascii("".join(_DIGITS.findall(without)))


def _ascii(some: str) -> str:
    return some if some.isascii() else "".join(str(unicodedata.digit(c)) for c in some)


# --- what is stored ------------------------------------------------------------------------------


def terms(title: str, text: str, labels: Iterable[str] = ()) -> set[str]:
    """What a document is found by. ``labels``: ``kind:customer``, ``queue:support`` …, for filters."""
    found = {f"={label}" for label in labels}
    for piece in pieces(title):
        found.update(_of(piece))
        if piece.kind == "word" and not piece.text.isdigit():
            found.update(f"^{piece.text[:n]}" for n in range(2, min(len(piece.text), LONGEST_BEGINNING + 1)))
    for piece in pieces(text):
        found.update(_of(piece))
        if len(found) > MOST_TERMS:
            break
    return found


def _of(piece: Piece) -> Iterator[str]:
    if piece.kind == "run":
        yield from piece.text
        yield from _pairs(piece.text)
        return
    number = _is_number(piece)
    if number:
        yield from (f"n{piece.text[-n:]}" for n in ENDINGS if n <= len(piece.text))
    if piece.kind == "word" and (not number or piece.text.startswith("0")):
        yield f"w{piece.text}"


def _is_number(piece: Piece) -> bool:
    """Whether it is found by its endings."""
    return piece.kind != "run" and piece.text.isdigit() and SHORTEST_NUMBER <= len(piece.text) <= LONGEST_NUMBER


def _pairs(run: str) -> Iterator[str]:
    return (run[n : n + 2] for n in range(len(run) - 1))


OF_CUSTOMER: Final = "=customer:"


@functools.lru_cache(1 << 17)
def coded(term: str, bucket: str = "", key: bytes = b"") -> str:
    """A term as a database keeps it: ten of ``0-9a-f``, so that none of them changes it, and words are not readable.

    ``key``: the site's, up to 64 bytes; who has a copy of the database and not the key cannot try words (RFC 7693).
    40 bits: where two terms share a code, the second look at what was found tells them apart. What is of one customer
    is not split into buckets: it is little, and must be found at once.
    """
    if term.startswith(OF_CUSTOMER):
        bucket = ""
    return hashlib.blake2b(f"{bucket}{term}".encode("utf-8", "surrogatepass"), digest_size=5, key=key).hexdigest()


# --- what is asked for ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a query asks for. ``open``: the word may go on (it is being typed)."""

    kind: Literal["word", "run", "number"]
    text: str
    open: bool = False

    def tree(self) -> Tree:
        """By which terms it is found."""
        if self.kind == "run":
            some = tuple(dict.fromkeys(_pairs(self.text))) if len(self.text) > 1 else (self.text,)
            return some[0] if len(some) == 1 else ("and", some)
        if self.kind == "number":
            length = max(n for n in ENDINGS if n <= len(self.text))
            return f"n{self.text[-length:]}"
        if self._goes_on:
            return ("or", (f"w{self.text}", f"^{self.text[:LONGEST_BEGINNING]}"))
        return f"w{self.text}"

    def marks(self, found: Iterable[Piece], *, title: bool) -> Iterator[tuple[int, int]]:
        """Where a text holds it (characters of the original). Beginnings count in a title."""
        for piece in found:
            if self.kind == "run":
                yield from self._in_run(piece)
            elif self._fits(piece, title):
                yield piece.start, piece.end

    def _fits(self, piece: Piece, title: bool) -> bool:
        if self.kind == "number":
            return _is_number(piece) and piece.text.endswith(self.text)
        if piece.kind != "word":
            return False
        goes_on = self._goes_on and title and not piece.text.isdigit()
        return piece.text == self.text or (goes_on and piece.text.startswith(self.text))

    @property
    def _goes_on(self) -> bool:
        """Whether words that begin with it are meant too."""
        return self.open and len(self.text) >= 2 and not self.text.isdigit()

    def _in_run(self, piece: Piece) -> Iterator[tuple[int, int]]:
        if piece.kind != "run":
            return
        same = len(piece.text) == piece.end - piece.start  # else half-width kana: the whole run is shown
        at = piece.text.find(self.text)
        while at >= 0:
            yield (piece.start + at, piece.start + at + len(self.text)) if same else (piece.start, piece.end)
            at = piece.text.find(self.text, at + len(self.text)) if same else -1


def wanted(query: str) -> list[Wanted]:
    """What a query asks for, all of it together; the last word may go on. Nothing for a query without any word."""
    query = query[:MOST_QUERY]
    last = len(query.rstrip("\0"))
    found: list[Wanted] = []
    covered = 0
    for piece in pieces(query):
        if piece.start < covered:
            continue
        if _is_number(piece):
            number = piece.text.lstrip("0") or piece.text
            covered = piece.end
            if len(number) >= SHORTEST_NUMBER:
                found.append(Wanted("number", number))
                continue
        found.append(Wanted("run" if piece.kind == "run" else "word", piece.text, piece.end == last))
    return list(dict.fromkeys(found))[:MOST_WANTED]


def tree(all_of: Iterable[Wanted]) -> Tree | None:
    """All of them together as one tree; ``None`` for nothing."""
    parts = tuple(one.tree() for one in all_of)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else ("and", parts)


def rendered(node: Tree, bucket: str, key: bytes = b"", *, both: str, either: str) -> str:
    """A tree in a database's words: coded terms joined by ``both`` and ``either``, in brackets."""
    if isinstance(node, str):
        return coded(node, bucket, key)
    joiner = both if node[0] == "and" else either
    return "(" + joiner.join(rendered(one, bucket, key, both=both, either=either) for one in node[1]) + ")"
