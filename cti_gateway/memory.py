"""When Python looks for garbage: full collections over what is there for good were the longest stops of the loop."""

from __future__ import annotations

import gc
from typing import Final

SELDOM: Final = (20_000, 5, 1_000)
"""Thresholds at the start: each 20,000 new containers that are kept, not 700."""
BRIEFLY: Final = (1_000, 5, 5_000)
"""Afterwards: a look at a thousand objects is over in a third of a millisecond, one at the five thousand that survived
it in two; together no dearer than rarer looks at more, which stopped the loop for 70 ms. The oldest are looked at when
a quarter more of them is there."""


def expect_growth() -> None:
    """What a start imports and makes stays: looking for garbage in it, again and again, took a sixth of its time."""
    gc.set_threshold(*SELDOM)


def spare_collections() -> None:
    """What is there now stays, and the collector looks at little at a time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*BRIEFLY)
