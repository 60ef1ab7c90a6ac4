"""A number that was read once is known by its E.164 form, and that is what reading it anew would give."""

from __future__ import annotations

import phonenumbers
import pytest

from interaction_log import identity


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


def test_remembering_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_KEPT", 3)
    for n in range(10):
        assert identity.parse_phone(f"1381234567{n}", "CN") is not None
    assert 0 < len(identity._known) <= 3
