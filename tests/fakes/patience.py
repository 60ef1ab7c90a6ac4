"""How long a test waits for a state: so long that only a fault lasts longer, on two busy cores too.

A wait ends with the state; a test that passes never needs more for a longer deadline.
"""

from typing import Final

PATIENCE: Final = 30.0
"""Seconds."""
