"""The scenarios of the golden traces: what people do at their telephones, and what must be seen of it.

Importing the play modules fills the table.
"""

from tests.pbx import (
    play_chan_sip,
    play_console,
    play_keys,
    play_local,
    play_mixed,
    play_outbound,
    play_queue,
    play_transfer,
)
from tests.pbx.table import SCENARIOS, Scenario

__all__ = [
    "SCENARIOS",
    "Scenario",
    "play_chan_sip",
    "play_console",
    "play_keys",
    "play_local",
    "play_mixed",
    "play_outbound",
    "play_queue",
    "play_transfer",
]
