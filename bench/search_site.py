"""A generated site for ``bench.search``: customers, contacts with legs and notes, and their documents, as rows.

The rows are those that the store would write (a sample is compared with what it makes); they only come faster.
"""

from __future__ import annotations

import functools
import itertools
import json
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from interaction_log import tokens
from interaction_log.store import sealed_fields
from interaction_log.store.index import Doc, bucket, first_number
from interaction_log.store.index_seal import sealed, term_key

T = TypeVar("T")
PROCESSES: Final = 2
AHEAD: Final = 6
END: Final = 1_795_000_000.0
YEARS: Final = 3.0
EACH: Final = 10
"""Contacts per customer."""
HEAVY_SHARE: Final = 100
"""One contact in so many is of one customer (a company's switchboard)."""
QUEUES: Final = [f"queue{n}" for n in range(12)]
AGENTS: Final = [f"agent{n}" for n in range(120)]
FREQUENT: Final = "客户"
"""In every fourth note."""
PHRASES: Final = [
    "客户反映路由器无法连接，已安排工程师上门", "客户要求退货退款", "更改帐单地址", "询问资费套餐，已发送短信说明",
    "invoice was wrong, credit note sent", "asked for a call back on Friday", "router does not start after the update",
    "changed the delivery address", "料金プランの変更を希望", "インターネットが繋がらない", "환불을 요청했습니다",
    "배송이 늦어졌습니다", "complained about the waiting time", "客户非常满意", "no answer, left a message",
    "宽带续约，客户考虑中",
]  # fmt: skip
NAMES: Final = [
    *(
        a + b
        for a in "王李张刘陈杨赵黄周吴"
        for b in ("小明", "伟", "芳", "秀英", "建国", "丽", "志强", "婷婷", "浩然", "梓涵")
    ),
    *(f"{a} {b}" for a in ("Anna", "Ben", "Clara", "David", "Eva") for b in ("Smith", "Müller", "Rossi", "Novák")),
]


COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "customers": ("id", "name", "vip", "public", "sort_name", "search"),
    "customer_phones": ("customer_id", "position", "e164", "national"),
    "interactions": (
        "id", "began", "pbx", "channel", "direction", "sorted_at", "started_at", "answered_at", "ended_at", "ended",
        "outcome", "queue", "customer_id", "customer_address", "disposition", "notes", "talk_seconds", "wait_seconds",
        "hold_seconds", "public",
    ),
    "legs": ("interaction_id", "kind", "n", "device", "agent", "queue", "from_at", "to_at", "result"),
    "search_docs": (
        "id", "kind", "ref", "customer_id", "at", "title", "text", "queue", "agent", "channel", "team", "more",
    ),
    "search_words": ("id", "words"),
}  # fmt: skip


@dataclass(slots=True)
class Batch:
    """Rows by table, as tuples in the order of ``COLUMNS``."""

    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})


def customer_id(n: int) -> str:
    """Of the n-th customer; not in order, as real ones."""
    return f"{(n * 0x9E3779B97F4A7C15 + 7) & (2**64 - 1):016x}-c"


def phone(n: int) -> str:
    """Of the n-th customer."""
    return f"+8613{(n * 7_919 + 11) % 1_000_000_000:09d}"


def _picked(n: int, salt: int, of: int) -> int:
    """One of so many, always the same for ``n`` (splitmix64): making a generator for each contact took longer."""
    x = (n * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & (2**64 - 1)
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return ((x ^ (x >> 31)) >> 11) % of


class Site:
    """Rows for customers and contacts ``first`` to ``last`` of a site that has ``total`` contacts in the end.

    ``by_week``: terms as PostgreSQL has them. Times grow with the numbers, so a smaller site is the beginning of a
    larger one; texts are sealed and terms hashed with this key, as the program does. Numbers of documents are taken
    from a counter where two would share one.
    """

    def __init__(self, total: int, *, by_week: bool, key_file: Path | None = None):
        self.total, self.by_week, self.key_file = total, by_week, key_file
        self._used: set[int] = set()

    def at(self, n: int) -> float:
        """When the n-th contact began."""
        return END - YEARS * 365.25 * 86_400 * (1 - n / self.total)

    def batch(self, first: int, last: int) -> Batch:
        """Of the contacts in this range, and their customers, in the order of time."""
        self._used.clear()
        if self.key_file is not None and sealed_fields.key_file() != self.key_file:  # in a process of its own
            sealed_fields.use(self.key_file)
        batch = Batch()
        for n in range(first, last):
            if n % EACH == 0:
                self._customer(batch, n // EACH)
            self._contact(batch, n)
        return batch

    def batches(self, first: int, last: int, made: Callable[[Site, int, int], T], size: int = 10_000) -> Iterator[T]:
        """What ``made`` makes of pieces of this range, in their order: by processes beside this one, some ahead of it,
        so that one processor makes rows while another one loads them."""
        starts = iter(range(first, last, size))
        ahead: deque[Future[T]] = deque()
        with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
            while True:
                for start in itertools.islice(starts, AHEAD - len(ahead)):
                    ahead.append(pool.submit(made, self, start, min(last, start + size)))
                if not ahead:
                    return
                yield ahead.popleft().result()

    def _customer(self, batch: Batch, n: int) -> None:
        of, name, number = customer_id(n), NAMES[n * 31 % len(NAMES)], phone(n)
        public = {"id": of, "name": name, "phones": [number], "emails": [], "vip": False}
        rows = batch.rows
        rows["customers"].append((of, name, False, json.dumps(public), name.casefold(), f"{name.casefold()}\n{number}"))
        rows["customer_phones"].append((of, 0, number, number[3:]))
        self._doc(batch, Doc("customer", of, of, self.at(n * EACH), name, number))

    def _contact(self, batch: Batch, n: int) -> None:
        at, who = self.at(n), 0 if n % HEAVY_SHARE == 0 else _picked(n, 1, n // EACH + 1)
        of, whose, number = f"{(n * 0xD1B54A32D192ED03) & (2**64 - 1):016x}-{n:012x}", customer_id(who), phone(who)
        queue, agent = QUEUES[n % len(QUEUES)], AGENTS[_picked(n, 2, len(AGENTS))]
        notes = f"{PHRASES[_picked(n, 3, len(PHRASES))]} #{n}"
        public = {"queue": queue, "customer_address": number, "started_at": at, "ended_at": at + 200, "segments": []}
        text = "\n".join((notes, "resolved", queue, agent))
        rows = batch.rows
        rows["interactions"].append((
            of, n, "main", "voice", "inbound", at, at, at + 10, at + 200, True, "answered", queue, whose, number,
            "resolved", notes, 190.0, 10.0, 0.0, json.dumps(public),
        ))  # fmt: skip
        rows["legs"].append((of, "segment", 0, "PJSIP/1001", agent, queue, at + 10, at + 200, "ended"))
        self._doc(batch, Doc("interaction", of, whose, at, number, text, queue, agent, "voice"))

    def _doc(self, batch: Batch, doc: Doc) -> None:
        of = first_number(doc)
        while of in self._used:
            of += 1
        self._used.add(of)
        title, text = sealed(doc.kind, doc.ref, doc.customer_id, doc.title, doc.text)
        row = (of, doc.kind, doc.ref, doc.customer_id, doc.at, title, text, doc.queue, doc.agent, doc.channel, doc.team)
        batch.rows["search_docs"].append((*row, None))
        batch.rows["search_words"].append((of, self.codes(doc, of)))

    def codes(self, doc: Doc, of: int) -> str:
        """What ``Doc.codes`` gives (in another order, some twice), line by line from what is known already."""
        week = bucket(of) if self.by_week else ""
        parts = [_line(f"={label}", "label", week) for label in doc.labels()]
        parts.append(_number(doc.title, week) if doc.title.startswith("+") else _line(doc.title, "title", week))
        for line in doc.text.split("\n"):
            phrase, sign, number = line.rpartition(" #")
            if sign or line.startswith("+"):
                parts.append(_number(number if sign else line, week))
            if phrase or not line.startswith("+"):
                parts.append(_line(phrase if sign else line, "text", week))
        return " ".join(parts)


def tuples(site: Site, first: int, last: int) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by table."""
    return site.batch(first, last).rows


def copied(site: Site, first: int, last: int) -> dict[str, bytes]:
    """Rows by table in the words of PostgreSQL's COPY."""
    return {table: "".join(map(_copied, rows)).encode() for table, rows in site.batch(first, last).rows.items()}


_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copied(row: tuple[Any, ...]) -> str:
    words = ("\\N" if one is None else one.translate(_ESCAPED) if isinstance(one, str) else str(one) for one in row)
    return "\t".join(words) + "\n"


@functools.lru_cache(1 << 16)
def _line(text: str, kind: str, week: str) -> str:
    """Codes of a line that comes again and again."""
    found = {text} if kind == "label" else tokens.terms(text, "") if kind == "title" else tokens.terms("", text)
    return " ".join(tokens.coded(term, week, term_key()) for term in found)


def _number(text: str, week: str) -> str:
    """Codes of a number, which hardly comes again."""
    digits = text.lstrip("+")
    found = [f"n{digits[-n:]}" for n in tokens.ENDINGS if n <= len(digits)] or [f"w{digits}"]
    return " ".join(tokens.coded(term, week, term_key()) for term in found)
