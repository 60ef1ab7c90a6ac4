"""Transfers in each shape that queue members come in: a telephone itself, a Local channel kept or optimised away."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.pbx.asterisk import Timing
from tests.pbx.phone import Call
from tests.pbx.stage import UNPROMISED, Expected, Stage, inbound, offer
from tests.pbx.table import scenario

# During the PBX's own consultation the customer hears music: that may count as hold or not (DESIGN).
UNSURE_HOLD: Expected = {"hold_seconds": UNPROMISED, "holds": UNPROMISED}
# Whether a consultation that came to nothing is listed as a transfer (not completed) is not said anywhere.
NO_TRANSFER: Expected = {"transfers": UNPROMISED, "transfers_completed": 0}


@dataclass(frozen=True)
class Members:
    """One shape: the number that leads to its queue, and the queue."""

    name: str
    number: str
    queue: str
    about: str

    async def answered(self, s: Stage, number: str, talk: float = 1.2) -> tuple[Call, Call]:
        """The beginning of all of these: Anna has the customer, and they have talked a little."""
        customer = s.customer(number, self.number)
        anna = await (await s.anna.rings()).answer(after=0.8)
        await s.talk(talk)
        return customer, anna

    def told(self, customer: Call, anna: Call, **more: Any) -> Expected:
        """The call that Anna answered; `more` overrides anything."""
        given = {"offers": [offer(anna, "answered")], "queues": [self.queue], **more}
        return inbound(customer, "answered", **given)


NATIVE = Members("", "800", "support", "")
KEPT = Members("local-kept-", "806", "600", " The members are Local channels, kept (/n), in the FreePBX shape.")
OPTIMISED = Members("local-optimised-", "807", "601", " The members are Local channels that are optimised away.")
ALL = (NATIVE, KEPT, OPTIMISED)
LOCAL = (KEPT, OPTIMISED)

PlayWith = Callable[[Stage, Members], Coroutine[Any, Any, list[Expected]]]


def among(*shapes: Members, timing: Timing | None = None, tolerance: float = 1.0) -> Callable[[PlayWith], PlayWith]:
    """Register the play once for each shape, its name before the play's."""

    def register(play: PlayWith) -> PlayWith:
        for shape in shapes:
            _register(play, shape, timing, tolerance)
        return play

    return register


def _register(play: PlayWith, shape: Members, timing: Timing | None, tolerance: float) -> None:
    async def at(s: Stage) -> list[Expected]:
        return await play(s, shape)

    at.__name__ = shape.name.replace("-", "_") + play.__name__
    at.__doc__ = f"{play.__doc__}{shape.about}"
    scenario(timing=timing, tolerance=tolerance)(at)
