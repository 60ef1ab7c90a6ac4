"""When Python looks for garbage: full collections over what is there for good were the longest stops of the loop."""

from __future__ import annotations

import gc
from typing import Final

SELDOM: Final = (20_000, 5, 1_000)
"""Thresholds: each 20,000 new containers that are kept, not 700."""


def expect_growth() -> None:
    """What a start imports and makes stays: looking for garbage in it, again and again, took a sixth of its time."""
    gc.set_threshold(*SELDOM)


def spare_collections() -> None:
    """What is there now stays, and the collector comes seldom.

    What survived is looked at again soon, as long as it is little: with 5,000 visitors a look at a million objects
    stopped the loop for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
