"""Search finds the same on both databases: every two-character word, nothing that the text does not hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_log import tokens
from interaction_log.found import Found, FoundPage, Question, Scope
from interaction_log.records import Refused
from interaction_log.store import index, upgrade_to_head
from interaction_log.store.engine import open_engine
from interaction_log.store.index import Doc
from interaction_log.store.search import find
from tests.fakes.postgres import Postgres, shared_postgres

ALL = Scope(everything=True)
WEEK = 604_800.0
NOW = 1_800_000_000.0

CORPUS = [
    "客户反映路由器无法连接，已安排工程师周五上门检修",
    "用户要求退货退款，订单号 20261122001，金额 ¥1,299.00",
    "北京市朝阳区建国路88号，联系人王小明，电话 010-6512 3456",
    "繁體中文：請問如何更改帳單地址？謝謝您的協助",
    "インターネットが繋がらないというお問い合わせ。ルーターを再起動してもらった。",
    "ﾃﾞｰﾀ通信の料金プランを変更したい。東京タワーの近く",
    "고객이 환불을 요청했습니다. 배송이 늦어졌습니다",
    "인터넷 연결 문제로 기사 방문을 예약함",
    "Customer's router is broken; the café's Wi-Fi doesn't work. Promised a call back on Friday.",
    "Herr Müller aus der Königstraße 5 möchte kündigen. Rückruf +49 (0)30 901820",
    "混合 mixed text: 客户 John Smith 说 “iPhone15 坏了”，请回电 +86 138-0013-8000。",
    "Señora Peña de Málaga pidió la devolución del artículo A4-1234",
    "ลูกค้าต้องการเปลี่ยนแพ็กเกจอินเทอร์เน็ต",
    "ＡＢＣ公司　全角文字１２３ order ﬁnal",
    "𠮷野家 さんから電話 😀 ok",
]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


def opened(url: str) -> sa.Engine:
    engine = open_engine(url)
    with engine.begin() as connection:
        index.put_many(connection, documents())
    return engine


def documents() -> list[Doc]:
    """The corpus in several weeks, beside some hundred others."""
    some = [Doc("note", f"c{n}", f"p{n % 4}", NOW - n * 3 * WEEK / 2, "", text) for n, text in enumerate(CORPUS)]
    rng = random.Random(7)
    words = ["router", "invoice", "late", "refund", "wifi", "客服", "发票", "路由", "电话", "配送", "返金", "확인"]
    for n in range(600):
        text = " ".join(rng.choices(words, k=4))
        queue = rng.choice(["support", "sales", None])
        some.append(Doc("interaction", f"i{n}", f"p{n % 9}", NOW - n * 40_000.0, f"+86138{n:08d}", text, queue=queue))
    some.append(Doc("interaction", "whole", None, NOW - 9_000.0, "+8613912345678", "rang anna.li@example.com"))
    some += [Doc("customer", f"p{n}", f"p{n}", NOW - n, name, "") for n, name in enumerate(["Anna Schmidt", "王小明"])]
    return some


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[list[sa.Connection]]:
    lite = f"sqlite:///{tmp_path_factory.mktemp('search')}/log.db"
    upgrade_to_head(lite)
    with ExitStack() as stack:
        found = []
        for url in (lite, postgres.migrated_database()):
            engine = opened(url)
            stack.callback(engine.dispose)
            found.append(stack.enter_context(engine.connect()))
        yield found


def every(connection: sa.Connection, question: Callable[[str | None], Question], scope: Scope = ALL) -> list[Found]:
    """What is on all pages; on a busy machine some end early."""
    found: list[Found] = []
    cursor = None
    while True:
        page = find(connection, question(cursor), scope)
        found += page.items
        if page.next is None:
            return found
        cursor = page.next


def refs(connection: sa.Connection, text: str, limit: int = 50, scope: Scope = ALL, **filters: object) -> list[str]:
    found = every(
        connection,
        lambda cursor: Question(text=text, limit=limit, cursor=cursor, **filters),  # type: ignore[arg-type]
        scope,
    )
    return [one.ref for one in found]


pytestmark = pytest.mark.real("postgresql")


def test_recall_of_every_two_character_word(both: list[sa.Connection]) -> None:
    """Every pair of neighbours in a run, and every word: found, and only where the text has it."""
    asked = set()
    for text in CORPUS:
        for piece in tokens.pieces(text):
            if piece.kind == "run":
                asked |= {piece.text[n : n + 2] for n in range(len(piece.text) - 1)}
            elif piece.kind == "word" and not piece.text.isdigit():
                asked.add(piece.text)
    assert len(asked) > 230
    for one in sorted(asked):
        expected = {f"c{n}" for n, text in enumerate(CORPUS) if holds(text, one)}
        for connection in both:
            found = set(refs(connection, f"{one} ", kinds=("note",)))
            assert found == expected, one


def holds(text: str, word: str) -> bool:
    """Without any index: a run holds it, or a word is it."""
    for piece in tokens.pieces(text):
        if (piece.kind == "run" and word in piece.text) or (piece.kind == "word" and piece.text == word):
            return True
    return False


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("路由器", {"c0"}),
        ("由器无法", {"c0"}),
        ("路由 无法", {"c0"}),
        ("接已", set()),  # over a comma: no pair crosses a boundary
        ("法连 由法", set()),
        ("客户", {"c0", "c10"}),
        ("帳單", {"c3"}),
        ("账单", set()),  # simplified characters do not find traditional ones
        ("データ", {"c5"}),
        ("ﾃﾞｰﾀ", {"c5"}),
        ("환불", {"c6"}),
        ("muller", {"c9"}),
        ("MÜLLER konigstrasse", {"c9"}),
        ("cafe", {"c8"}),
        ("wi-fi", {"c8"}),
        ("peña", {"c11"}),
        ("138 0013 8000", {"c10"}),
        ("0138-00138000", {"c10"}),
        ("+86 (138) 0013-8000", {"c10"}),
        ("138000", {"c10"}),
        ("+49 30 901820", {"c9"}),
        ("030 901820", {"c9"}),
        ("65123456", {"c2"}),
        ("3456", {"c2"}),
        ("20261122001", {"c1"}),
        ("122001", {"c1"}),
        ("a4-1234", {"c11"}),
        ("abc公司", {"c13"}),
        ("final", {"c13"}),
        ("𠮷野", {"c14"}),
        ("อินเทอร์เน็ต", {"c12"}),
        ("iphone15 坏了 smith", {"c10"}),
        ("!!! ---", set()),
        ("", {f"c{n}" for n in range(len(CORPUS))}),
    ],
)
def test_what_a_query_finds(both: list[sa.Connection], query: str, expected: set[str]) -> None:
    for connection in both:
        assert set(refs(connection, query, kinds=("note",))) == expected


def test_a_name_is_found_while_it_is_typed_in_a_title_only(both: list[sa.Connection]) -> None:
    for connection in both:
        assert refs(connection, "schm") == ["p0"] and refs(connection, "an sc") == []
        assert refs(connection, "小明", kinds=("customer",)) == ["p1"]
        assert refs(connection, "rout", kinds=("note", "interaction")) == []


def test_marks_are_where_the_words_stand(both: list[sa.Connection]) -> None:
    for connection in both:
        (one,) = every(connection, lambda cursor: Question(text="坏了 john 13800138000", cursor=cursor))
        assert [one.snippet[s:e] for s, e in one.marks] == ["John", "坏了", "+86 138-0013-8000"]
        (one,) = every(connection, lambda cursor: Question(text="schm", cursor=cursor))
        assert one.title_marks == [(5, 12)] and one.customer_id == "p0"


words = st.sampled_from(
    ["router", "invoice", "客服", "发票", "返金", "확인", "wifi late", "refund 路由", "的", "服", ""]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=words,
    limit=st.integers(1, 40),
    queue=st.sampled_from([None, "support", "sales"]),
    labels=st.sets(st.sampled_from(["kind:note", "queue:support", "queue:sales", "kind:customer"])),
    start=st.sampled_from([None, NOW - 40 * WEEK, NOW - 5.5 * WEEK]),
    end=st.sampled_from([None, NOW - 3 * WEEK, NOW - 80_000.0]),
    person=st.sampled_from([(), ("p1",), ("p1", "p3")]),
)
def test_both_databases_find_what_a_look_at_every_document_finds(
    both: list[sa.Connection],
    text: str,
    limit: int,
    queue: str | None,
    labels: set[str],
    start: float | None,
    end: float | None,
    person: tuple[str, ...],
) -> None:
    scope = Scope(labels=frozenset(labels)) if labels else ALL
    given_filters = {"queue": queue, "start": start, "end": end, "customer_ids": person}
    nothing = not (text or queue or labels or person)  # then nothing is found
    expected = [
        doc.ref
        for doc in sorted(documents(), key=index.first_number, reverse=True)
        if not nothing
        and all(holds(doc.text, word) for word in text.split())
        and (queue is None or doc.queue == queue)
        and scope.allows(doc.labels())
        and (start is None or doc.at >= start)
        and (end is None or doc.at < end)
        and (not person or doc.customer_id in person)
    ]
    for connection in both:
        assert refs(connection, f"{text} ", limit, scope, **given_filters) == expected


VEILED = Scope(everything=True, veiled=True)


def test_who_sees_masks_finds_by_what_they_show_and_by_nothing_else(both: list[sa.Connection]) -> None:
    """Else parts of a number, asked for one after the other, tell what the mask hides."""
    whole = "+8613912345678"
    for connection in both:
        for length in range(4, len(whole)):
            part = whole[-length:]
            assert "whole" in refs(connection, part, kinds=("interaction",))
            shown = "whole" in refs(connection, part, kinds=("interaction",), scope=VEILED)
            assert shown == (length == 4), part  # +86139****5678
        (found,) = find(connection, Question(text="5678 ", kinds=("interaction",)), VEILED).items[:1]
        assert found.title == "+86139****5678" and found.title_marks == [(10, 14)]
        assert "whole" in refs(connection, "anna.li") and "whole" not in refs(connection, "anna.li", scope=VEILED)
        assert refs(connection, "router", scope=VEILED) == refs(connection, "router")


def test_who_may_see_nothing_finds_nothing(both: list[sa.Connection]) -> None:
    for connection in both:
        assert find(connection, Question(text="router"), Scope()) == FoundPage()


def test_a_foreign_cursor_is_refused(both: list[sa.Connection]) -> None:
    for connection in both:
        for cursor in ("x", "WyJhIl0", "W10"):
            with pytest.raises(Refused):
                find(connection, Question(text="router", cursor=cursor), ALL)
