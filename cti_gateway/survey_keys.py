"""A caller's answer by telephone keys: the dialplan asks after the agent has gone, and hands the keys to us."""

from __future__ import annotations

from typing import Final, Protocol

from cti_gateway.agi.lines import Question, Variables
from cti_gateway.entry import Entry, call_id
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.surveys import SCORES, key_score

ANSWER: Final = "CALLWEAVE_SURVEY"
"""``taken``; ``again``: no answer, ask once more; ``answered``: he answered before; ``unknown``: no such call."""


class Surveys(Protocol):
    """Where answers are kept."""

    async def answer(self, interaction_id: str, kind: str, score: int, *, channel: str) -> object:
        """Raises ``Refused``, ``Conflict``, ``NotFound``."""
        ...


class SurveyKeys:
    """Takes the answers of callers."""

    def __init__(self, entry: Entry, surveys: Surveys):
        self._entry, self._surveys = entry, surveys

    async def take(self, question: Question) -> Variables:
        """Keep what was keyed in; the dialplan hears whether it was an answer."""
        return [(ANSWER, await self._take(question))]

    async def _take(self, question: Question) -> str:
        pbx = self._entry.pbx_of(question)
        kind = question.survey or "csat"
        if pbx is None or kind not in SCORES:
            return "unknown"
        score = key_score(kind, question.score)
        if score is None:
            return "again"
        try:
            await self._surveys.answer(call_id(pbx, question.unique_id), kind, score, channel="voice")
        except Refused:
            return "again"
        except Conflict:
            return "answered"
        except NotFound:
            return "unknown"
        return "taken"
