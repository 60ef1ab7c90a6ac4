"""Whatever a text holds is found by it, however it is written."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interaction_log import tokens
from interaction_log.tokens import Tree, Wanted

CALM: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
MIXED = st.text(
    st.one_of(
        st.sampled_from("客户路由器無線の電話タワーｶﾞ고객이ลูกคäöüßÉéñ𠮷〇々·，。 \n-()+./'"),
        st.sampled_from("abcdefXYZ 0123456789"),
        st.characters(),
    ),
    max_size=80,
)


def holds(tree: Tree, found: set[str]) -> bool:
    if isinstance(tree, str):
        return tree in found
    return (all if tree[0] == "and" else any)(holds(one, found) for one in tree[1])


@settings(max_examples=300, **CALM)
@given(MIXED, st.randoms(use_true_random=False))
def test_every_piece_of_a_text_finds_it(text: str, rng: random.Random) -> None:
    found = tokens.terms("", text)
    pieces = list(tokens.pieces(text))
    for piece in pieces:
        part = piece.text
        if piece.kind == "run":
            start = rng.randrange(len(part))
            part = part[start : start + rng.randint(1, 4)]
        number = piece.kind != "run" and part.isdigit() and 4 <= len(part) <= 20
        one = Wanted("number" if number else piece.kind, part)
        assert holds(one.tree(), found), piece
        marks = list(one.marks(pieces, title=False))
        assert marks and all(0 <= start < end <= len(text) for start, end in marks)


@settings(max_examples=300, **CALM)
@given(MIXED)
@example("123456789012345678901234567 1234 0012 0000 5 00001234")
@example("１２３４ ٣٤٥٦ 12345a ²³")
def test_a_text_asked_for_whole_finds_itself(text: str) -> None:
    found = tokens.terms("", text)
    pieces = list(tokens.pieces(text))
    for one in tokens.wanted(text[:100]):
        assert holds(one.tree(), found), one
        assert any(one.marks(pieces, title=False)), one


@settings(max_examples=200, **CALM)
@given(MIXED, MIXED)
def test_what_is_marked_is_in_the_terms(text: str, query: str) -> None:
    """The second look never accepts what the index would not have given: both databases give the same."""
    found = tokens.terms(text, "")
    pieces = list(tokens.pieces(text))
    for one in tokens.wanted(query):
        if any(one.marks(pieces, title=True)):
            assert holds(one.tree(), found), one


@settings(max_examples=200, **CALM)
@given(MIXED)
def test_case_and_composition_do_not_matter(text: str) -> None:
    for piece in tokens.pieces(text):
        if piece.kind == "word":
            assert tokens.fold(piece.text) == piece.text


@settings(**CALM)
@given(st.integers(10**6, 10**13), st.integers(4, 12), st.data())
def test_a_number_is_found_by_its_end_in_any_form(number: int, length: int, data: st.DataObject) -> None:
    digits = str(number)
    found = tokens.terms("", f"+{digits}")
    end = digits[-length:]
    if end.startswith("0") or len(end) < 4:
        return
    cuts = sorted(data.draw(st.sets(st.integers(1, len(end) - 1), max_size=3)))
    parts = [end[a:b] for a, b in zip([0, *cuts], [*cuts, len(end)], strict=True)]
    for separator in (" ", "-", ".", " - "):
        (one,) = tokens.wanted("0" + separator.join(parts))
        assert one.kind == "number" and holds(one.tree(), found)


def test_a_code_is_ten_characters_and_differs_by_bucket() -> None:
    codes = {tokens.coded(term, bucket) for term in ("客户", "wlamp", "^la") for bucket in ("", "1/", "2/")}
    assert len(codes) == 9 and all(len(one) == 10 and one.isalnum() and one.isascii() for one in codes)
    assert tokens.coded("=customer:c1", "1/") == tokens.coded("=customer:c1")
