"""How an import leaves room for the log."""

from __future__ import annotations

from itertools import accumulate

import pytest

from interaction_log.store.imports_pace import HOLD_SECONDS, LEAST, MOST, Pace, rest

BUSY = (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100, 100, 100)
"""Milliseconds after which SQLite's waiting writer looks again (sqliteDefaultBusyCallback)."""


@pytest.mark.parametrize("held", [0.005, 0.02, 0.05, 0.079, 0.1, 0.119, 0.2, 0.4])
def test_whoever_waited_from_the_beginning_gets_a_turn(held: float) -> None:
    looks = [at / 1000 for at in accumulate(BUSY)]
    free = held, held + rest(held)
    assert any(free[0] < at <= free[1] for at in looks)


def test_transactions_find_their_size() -> None:
    slept: list[float] = []
    pace = Pace(gentle=True, sleep=slept.append)
    for _ in range(20):
        pace.took(pace.rows * 0.001, pace.rows)
    assert pace.rows == pytest.approx(HOLD_SECONDS / 0.001, abs=2) and len(slept) == 20
    for _ in range(20):
        pace.took(10.0, pace.rows)
    assert pace.rows == LEAST and slept[-1] == 0.11
    for _ in range(20):
        pace.took(1e-6, pace.rows)
    assert pace.rows == MOST


def test_where_nobody_waits_for_us_there_is_no_rest() -> None:
    pace = Pace(gentle=False, sleep=lambda _: pytest.fail("slept"))
    pace.took(1.0, 100)
    assert pace.longest == 1.0
