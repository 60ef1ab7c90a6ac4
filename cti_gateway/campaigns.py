"""Which contacts belong to a campaign: calls that agents make for it, and callers who dialled its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from interaction_log import events as e
from interaction_log.records import Campaign

EXPECTED_SECONDS: Final = 60.0
"""So long after it was asked for, a call from that phone is the one that was asked for: it rings at most 30 s first."""


class Campaigns:
    """The campaigns that there are, and the calls that are about to begin for one. All on the event loop."""

    HEARS: Final = (e.InteractionStarted, e.InteractionAmended)

    def __init__(
        self,
        take: Callable[[list[e.Event]], Any],
        placed_by: Callable[[str, str], str | None],
        wall: Callable[[], float],
    ) -> None:
        """``placed_by``: the phone that began a call, by PBX and interaction."""
        self._take, self._placed_by, self._wall = take, placed_by, wall
        self._known: dict[str, Campaign] = {}
        self._by_number: dict[str, str] = {}
        self._expected: dict[str, tuple[str, str, float]] = {}  # by device: campaign, agent, until when

    def set(self, campaigns: Sequence[Campaign]) -> None:
        """These are the campaigns now."""
        self._known = {one.code: one for one in campaigns if not one.retired}
        self._by_number = {_digits(number): one.code for one in self._known.values() for number in one.numbers}

    def get(self, code: str) -> Campaign | None:
        """The campaign, where calls may be made for it."""
        return self._known.get(code)

    def expect(self, device: str, campaign: str, agent: str) -> None:
        """This phone is about to call somebody for this campaign."""
        self._expected[device] = (campaign, agent, self._wall() + EXPECTED_SECONDS)

    def noted(self, event: e.InteractionStarted | e.InteractionAmended) -> None:
        """A call began, or its dialled number is known now."""
        if event.dialled is not None and event.direction != "outbound" and self._by_number:
            dialled = self._by_number.get(_digits(event.dialled))
            if dialled is not None:
                self._name(event, dialled, None)
        if self._expected and isinstance(event, e.InteractionStarted) and event.direction != "inbound":
            self._begun(event)

    def _begun(self, event: e.InteractionStarted) -> None:
        device = self._placed_by(event.pbx, event.interaction_id)
        campaign, agent, until = self._expected.pop(device or "", ("", "", 0.0))
        if campaign and self._wall() <= until:
            self._name(event, campaign, agent)

    def _name(self, event: e.InteractionEvent, campaign: str, agent: str | None) -> None:
        self._take([e.CampaignNamed(at=event.at, interaction_id=event.interaction_id, campaign=campaign, agent=agent)])


def _digits(number: str) -> str:
    """What is compared: ``+86 800`` is dialled as ``86800``."""
    return number.removeprefix("+")
