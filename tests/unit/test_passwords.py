"""What a password costs whoever wants to guess it; the other tests have it cheaper (``tests.quick``)."""

from __future__ import annotations

import argon2

from interaction_log.store import users
from tests import quick


def test_passwords_cost_what_the_standard_asks_for() -> None:
    wanted = argon2.profiles.RFC_9106_LOW_MEMORY
    made = argon2.extract_parameters(quick.HASHER.hash("correct horse"))
    assert (made.type, made.time_cost, made.memory_cost, made.parallelism) == (argon2.Type.ID, 3, 65_536, 4)
    assert made == wanted


def test_an_unknown_name_costs_what_a_known_one_costs() -> None:
    assert argon2.extract_parameters(quick.NOBODY) == argon2.extract_parameters(quick.HASHER.hash("correct horse"))
    assert not users._matches(quick.NOBODY, "") and not users._matches(quick.NOBODY, "correct horse")
