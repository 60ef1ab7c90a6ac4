"""What the process says of itself names no customer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from cti_gateway.logs import Impersonal, JsonLine, OneLine, impersonal

NUMBER, MAIL, NAME = "+8613800138000", "wang.xiaoming@example.com", "王小明"


@pytest.fixture(params=[OneLine, JsonLine], ids=["text", "json"])
def said(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    out = io.StringIO()
    printer = logging.StreamHandler(out)
    printer.setFormatter(request.param())
    printer.addFilter(Impersonal())
    log = logging.Logger("test")
    log.addHandler(printer)
    yield log, out


def test_what_is_put_into_an_entry_is_masked(said: tuple[logging.Logger, io.StringIO]) -> None:
    log, out = said
    log.warning("a call of %s, mail %s, file %s", NUMBER, MAIL, "in-13800138000-20.wav")
    log.warning(f"put together: {NUMBER} {MAIL}")
    log.warning("%(who)s", {"who": NUMBER})
    text = out.getvalue()
    assert "13800138000" not in text and "wang.xiaoming" not in text and text.count("+86138****8000") == 3


def test_counts_and_numbers_of_events_stay(said: tuple[logging.Logger, io.StringIO]) -> None:
    log, out = said
    log.info("event %d of %d took %.1f s on port %d", 123456789, 1234567890123, 2.5, 8080)
    assert "event 123456789 of 1234567890123 took 2.5 s on port 8080" in out.getvalue()


def test_exceptions_tell_their_kind_and_place_and_nothing_else(said: tuple[logging.Logger, io.StringIO]) -> None:
    log, out = said
    try:
        try:
            int(NAME)
        except ValueError as error:
            raise RuntimeError(f"row {NAME} {MAIL}") from error
    except RuntimeError:
        log.exception("it failed")
    try:
        raise OSError(28, "No space left on device", f"/var/{NAME}")
    except OSError:
        log.exception("full")
    text = out.getvalue()
    assert NAME not in text and json.dumps(NAME)[1:-1] not in text and MAIL not in text
    assert "ValueError" in text and "RuntimeError" in text and "test_logs.py" in text
    assert "OSError: No space left on device" in text


def test_lines_stay_one_line(said: tuple[logging.Logger, io.StringIO]) -> None:
    log, out = said
    log.warning("from %s", "a\n2026-01-01 ERROR forged \x1b[31m")
    assert out.getvalue().count("\n") == 1 and "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    "text",
    ["PBX main: 3 pauses", "0198c2a4-77aa-7123-8f00-aabbccddeeff", "PJSIP/1001", "1795293080.15", "127.0.0.1:8080"],
)
def test_what_is_no_number_of_a_person_stays(text: str) -> None:
    assert impersonal(text) == text
