"""How an import leaves room for the log."""

from __future__ import annotations

from itertools import accumulate

import pytest

from interaction_log.store.imports_pace import HOLD_SECONDS, LEAST, MOST, Pace, rest

BUSY = (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100, 100, 100)
"""Milliseconds after which SQLite's waiting writer looks again (sqliteDefaultBusyCallback)."""


@pytest.mark.parametrize("held", [0.002, 0.005, 0.008, 0.012, 0.017, 0.02, 0.05, 0.079, 0.1, 0.119, 0.2, 0.4])
def test_whoever_waited_from_the_beginning_gets_a_turn(held: float) -> None:
    looks = [at / 1000 for at in accumulate(BUSY)]
    free = held, held + rest(held)
    assert any(free[0] < at <= free[1] for at in looks)


def test_transactions_find_their_size() -> None:
    pace = Pace(rests=False)
    for _ in range(20):
        pace.took(pace.rows * 0.0001, pace.rows)
    assert pace.rows == pytest.approx(HOLD_SECONDS / 0.0001, abs=2)
    for _ in range(20):
        pace.took(10.0, pace.rows)
    assert pace.rows == LEAST and pace.longest == 10.0
    for _ in range(20):
        pace.took(1e-6, pace.rows)
    assert pace.rows == MOST


def test_what_was_prepared_meanwhile_is_part_of_the_rest() -> None:
    now, slept = 100.0, list[float]()
    pace = Pace(rests=True, sleep=slept.append, clock=lambda: now)
    pace.wait()
    pace.took(0.2, 100)
    now += 0.1
    pace.wait()
    assert slept == [pytest.approx(rest(0.2) - 0.1)]
    now += 1
    pace.wait()
    assert len(slept) == 1


def test_who_stands_in_line_does_not_rest() -> None:
    pace = Pace(rests=False, sleep=lambda _: pytest.fail("slept"))
    pace.took(1.0, 100)
    pace.wait()
