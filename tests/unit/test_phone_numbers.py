"""A number that was read once is known by its E.164 form, and that is what reading it anew would give."""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
import pytest

from interaction_log import identity
from interaction_log.home_numbers import plan_of


@pytest.fixture(autouse=True)
def _forget() -> None:
    identity._known.clear()
    identity.parse_phone.cache_clear()


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_remembered_is_as_read_again(region: str) -> None:
    for kind in range(11):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or not phonenumbers.is_valid_number(number):
            continue
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        read = identity.parse_phone(f"{shown} ext. 12", region)
        if read is not None:
            assert identity.parse_phone(read.e164, "") == identity._read(read.e164, "")
            assert identity._known[read.e164].extension is None


def _numbers(region: str) -> Iterator[str]:
    """Numbers of the country of all kinds, as they are, with digits changed, too short, too long, with prefixes."""
    rnd = random.Random(region)
    code = phonenumbers.country_code_for_region(region)
    kinds = [phonenumbers.example_number_for_type(region, kind) for kind in range(11)]
    for national in [phonenumbers.national_significant_number(one) for one in kinds if one is not None]:
        yield from (
            national,
            f"0{national}",
            f"1{national}",
            f"8{national}",
            f"{code}{national}",
            f"00{code}{national}",
        )
        for kept in range(len(national) + 1):
            yield national[:kept] + "".join(rnd.choices("0123456789", k=len(national) - kept))
        yield from (national[:-1], national + rnd.choice("0123456789"))
    yield from ("".join(rnd.choices("0123456789", k=length)) for length in range(3, 16))


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_what_is_read_by_the_plan_alone_is_what_the_library_reads(region: str) -> None:
    for text in _numbers(region):
        if 3 <= len(text) <= 15:
            assert identity._read(text, region) == identity._asked(text, region), text


def test_a_plain_number_of_the_own_country_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_asked", lambda text, region: pytest.fail(f"{text} was asked"))
    found = identity.parse_phone("13812345678", "CN")
    assert found == identity.PhoneNumber("+8613812345678", "13812345678", None)
    assert identity.parse_phone("13812345", "CN") is None
    assert sum(plan_of(region) is not None for region in phonenumbers.SUPPORTED_REGIONS) > 190


def test_remembering_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_KEPT", 3)
    for n in range(10):
        assert identity.parse_phone(f"1381234567{n}", "CN") is not None
    assert 0 < len(identity._known) <= 3
