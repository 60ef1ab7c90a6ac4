"""Card numbers, telephone numbers and mail addresses: what is hidden, and what must not be."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from interaction_log.masking import (
    luhn,
    mask_cards,
    mask_mail,
    mask_number,
    unveiled,
    veiled,
    without_cards,
    without_fields,
)

GAPS = st.sampled_from(["", "", "", " ", "-", "\u3000", " - ", "–", ".", "\u00a0"])
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
WORDS = st.text(st.characters(exclude_categories=("Cs", "Nd"), exclude_characters="+＋*"), max_size=12)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """13 to 19 digits that pass the check, and are no telephone number."""
    body = draw(st.from_regex(r"[2-79][0-9]{11,17}", fullmatch=True))
    digits = next(body + str(n) for n in range(10) if luhn(body + str(n)))
    return digits if len(set(digits)) > 1 else "4111111111111111"


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """The digits, and how somebody writes them."""
    digits = draw(cards())
    text = digits[0] + "".join(draw(GAPS) + digit for digit in digits[1:])
    return digits, text.translate(WIDE) if draw(st.booleans()) else text


def digits_of(text: str) -> str:
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


@given(written(), WORDS, WORDS)
@example(("4111111111111111", "4111 1111 1111 1111"), "卡号", "，谢谢")
@example(("6222021234567890128", "6222-0212-3456-7890-128"), "", "")
def test_a_card_number_is_hidden_however_it_is_written(card: tuple[str, str], before: str, after: str) -> None:
    digits, text = card
    after = " " + after if after[:1].isascii() and after[:1].isalpha() else after
    masked = mask_cards(before + text + after)
    assert masked.cards >= 1
    assert digits_of(masked.text) == digits[-4:]
    assert masked.text.startswith(before) and masked.text.endswith(after)
    assert len(masked.text) == len(before + text + after)


@given(st.from_regex(r"[1-9][0-9]{12,18}", fullmatch=True).filter(lambda digits: not luhn(digits)))
def test_a_number_that_fails_the_check_stays(digits: str) -> None:
    for text in (digits, f"order {digits}.", f"订单{digits}"):
        assert mask_cards(text) == mask_cards(text).__class__(text, 0)


@given(st.integers(0, 10**9), st.sampled_from(["13", "15", "18", "19"]))
def test_telephone_numbers_stay(number: int, prefix: str) -> None:
    national = prefix + f"{number:09d}"[:9]
    for text in (national, f"+86{national}", f"86{national}", f"+86 {national[:3]} {national[3:7]} {national[7:]}"):
        assert mask_cards(text).text == text


@given(st.text(max_size=60))
@example("1" * 400)
@example("4111 1111 1111 1111 " * 20)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask_cards(text)
    assert mask_cards(once.text).cards == 0 and len(once.text) == len(text)


def test_a_long_number_is_no_card() -> None:
    assert mask_cards("41111111111111111111").cards == 0
    assert mask_cards("4111111111111111a7").cards == 0  # a piece of an identifier
    assert mask_cards("0000 0000 0000 0000").cards == 0


def test_cards_are_looked_for_where_people_write() -> None:
    card = "4111111111111111"
    document = {
        "notes": card,
        "name": card,
        "create": {"notes": card},
        "fields": {"a": card, "n": 1},
        "list": [{"text": card}],
    }
    masked, count = without_cards(document)
    assert count == 4 and masked["name"] == card
    assert masked["notes"] == masked["create"]["notes"] == masked["fields"]["a"] == "************1111"


def test_numbers_as_they_are_shown() -> None:
    assert mask_number("+8613800138000") == "+86138****8000"
    assert mask_number("13800138000") == "138****8000"
    assert mask_number("+441632960961;ext=12") == "+4416****0961;ext=12"
    assert mask_number("1001") == "1001" and mask_number("800") == "800"
    assert mask_mail("anna.li@example.com") == "a***@example.com"


@given(st.from_regex(r"\+[1-9][0-9]{9,14}", fullmatch=True))
def test_four_digits_of_a_number_are_never_shown(number: str) -> None:
    masked = mask_number(number)
    assert masked.count("*") == 4 and masked[-4:] == number[-4:] and len(masked) == len(number)
    assert number not in str(veiled({"a": [{"customer_address": number, "notes": f"call {number}!"}]}))


def test_what_is_no_number_of_a_person_stays() -> None:
    document = {
        "id": "13800138000",
        "linked_ids": ["1795293080.15"],
        "at": 1795293080.15,
        "devices": ["PJSIP/1001"],
        "date": "2026-11-22T10:00:00+08:00",
        "count": 12345678,
    }
    assert veiled(document) == document


@given(st.lists(st.from_regex(r"\+861[3-9][0-9]{9}", fullmatch=True), max_size=4, unique_by=mask_number), WORDS)
def test_what_was_shown_comes_back_whole(phones: list[str], words: str) -> None:
    known = {"phones": phones, "emails": ["wang@example.com"], "notes": f"{words} " + " ".join(phones)}
    shown = veiled(known)
    assert unveiled(shown, known) == known


def test_a_mask_that_stands_for_nothing_known_stays() -> None:
    assert unveiled({"phones": ["+86139****0000"]}, {"phones": ["+8613800138000"]}) == {"phones": ["+86139****0000"]}


def test_sensitive_fields_are_left_out_wherever_a_record_is() -> None:
    document = {"customer": {"name": "x", "fields": {"income": 1, "city": "y"}}, "list": [{"fields": {"income": 2}}]}
    assert without_fields(document, frozenset({"income"})) == {
        "customer": {"name": "x", "fields": {"city": "y"}},
        "list": [{"fields": {}}],
    }
    assert without_fields(document, None)["customer"]["fields"] == {}
    conflicts = [{"field": "fields.income", "values": [1, 2]}, {"field": "name", "values": ["a", "b"]}]
    assert without_fields(conflicts, frozenset({"income"})) == conflicts[1:]
