"""Customers' answers: one of each interaction, in its customer's timeline, whichever way it came."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from interaction_log import surveys as rules
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import items, links
from interaction_log.store.reading import Reading
from interaction_log.store.schema import interactions, legs
from interaction_log.store.surveys_tables import surveys
from interaction_log.store.writing import Writing

_s = surveys.c
ANSWERED = "This was answered already."


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One question and its answer. ``score`` is null until it is answered. Times: Unix seconds."""

    id: str
    interaction_id: str
    customer_id: str | None
    queue: str | None
    agent: str | None
    channel: str
    kind: str
    score: int | None
    comment: str | None
    asked_at: float
    answered_at: float | None


class StoredSurveys:
    """Asks and takes answers. An interaction is asked once and answered once (``Conflict``)."""

    def __init__(self, reading: Reading, writing: Writing, clock: Callable[[], float] = time.time):
        self._reading = reading
        self._writing = writing
        self._clock = clock

    async def answer(
        self, interaction_id: str, kind: str, score: int, *, channel: str, comment: str | None = None
    ) -> Survey:
        """Keep the answer of a customer who was just asked (by phone keys, in a chat). Raises ``Refused``,
        ``NotFound``."""
        kept = rules.check(kind, score, comment)
        if channel not in rules.CHANNELS:
            raise Refused("channel", "one of " + ", ".join(rules.CHANNELS))

        def work(connection: sa.Connection) -> Survey:
            now = self._clock()
            of = self._ask(connection, interaction_id, kind, channel, {})
            return _answer(connection, of, score, kept, now)

        await self._reading.fresh(lambda connection: None)  # the call may be some milliseconds old in the log
        return await self._writing(work)

    async def link(self, interaction_id: str, kind: str, *, channel: str = "email") -> str:
        """Ask by a link; its token is returned and not kept. Asking again makes the earlier link worthless."""
        if kind not in rules.SCORES:
            raise Refused("kind", "one of " + ", ".join(rules.SCORES))
        token = secrets.token_urlsafe(24)

        def work(connection: sa.Connection) -> str:
            told = {"token_hash": rules.digest(token), "expires_at": self._clock() + rules.LINK_SECONDS}
            self._ask(connection, interaction_id, kind, channel, told)
            return token

        return await self._writing(work)

    def _ask(
        self, connection: sa.Connection, interaction_id: str, kind: str, channel: str, more: dict[str, Any]
    ) -> str:
        """The id of the question; the same one when it waits for an answer already."""
        row = connection.execute(sa.select(surveys).where(_s.interaction_id == interaction_id)).first()
        if row is not None and row.score is not None:
            raise Conflict(ANSWERED)
        told = {"kind": kind, "channel": channel, **more}
        if row is not None:
            connection.execute(sa.update(surveys).where(_s.id == row.id).values(told))
            return str(row.id)
        made = str(uuid.uuid4())
        known = _contact(connection, interaction_id)
        values = {"id": made, "interaction_id": interaction_id, "asked_at": self._clock(), **known, **told}
        connection.execute(sa.insert(surveys).values(values))
        return made

    async def asked(self, token: str) -> Survey:
        """The question of a link. Raises ``NotFound`` for one that is unknown, used or too old."""
        return await self._reading(lambda connection: _of_token(connection, token, self._clock()))

    async def answer_link(self, token: str, score: int, comment: str | None) -> Survey:
        """The answer to a link, which is good no more then. Raises ``NotFound``, ``Refused``."""

        def work(connection: sa.Connection) -> Survey:
            now = self._clock()
            survey = _of_token(connection, token, now)
            kept = rules.check(survey.kind, score, comment)
            return _answer(connection, survey.id, score, kept, now)

        return await self._writing(work)

    async def of_interaction(self, interaction_id: str) -> Survey | None:
        """What was asked after this contact."""
        query = sa.select(surveys).where(_s.interaction_id == interaction_id)
        row = await self._reading(lambda connection: connection.execute(query).first())
        return None if row is None else _survey(row)

    async def of_customer(self, customer_id: str, limit: int = 50) -> list[Survey]:
        """The answers of a person, in whichever of the records that are this person, newest first."""

        def work(connection: sa.Connection) -> list[Survey]:
            mine = _s.customer_id.in_(links.members(connection, customer_id))
            query = sa.select(surveys).where(mine, _s.score.is_not(None)).order_by(_s.answered_at.desc())
            return [_survey(row) for row in connection.execute(query.limit(max(1, min(limit, 500))))]

        return await self._reading(work)


def _contact(connection: sa.Connection, interaction_id: str) -> dict[str, Any]:
    """Customer, queue and the last agent who had him. Raises ``NotFound`` for a contact that is not in the log."""
    i = interactions.c
    row = connection.execute(sa.select(i.customer_id, i.queue).where(i.id == interaction_id)).first()
    if row is None:
        raise NotFound(interaction_id)
    mine = (legs.c.interaction_id == interaction_id) & (legs.c.kind == "segment")
    last = connection.execute(sa.select(legs.c.agent, legs.c.device).where(mine).order_by(legs.c.n.desc())).first()
    agent = (last.agent or last.device) if last is not None else None
    return {"customer_id": row.customer_id, "queue": row.queue, "agent": agent}


def _answer(connection: sa.Connection, of: str, score: int, comment: str | None, now: float) -> Survey:
    open_one = (_s.id == of) & _s.score.is_(None)
    told = {"score": score, "comment": comment, "answered_at": now, "token_hash": None, "expires_at": None}
    if not connection.execute(sa.update(surveys).where(open_one).values(told)).rowcount:
        raise Conflict(ANSWERED)
    survey = _survey(connection.execute(sa.select(surveys).where(_s.id == of)).one())
    if survey.customer_id is not None:
        public = {"kind": survey.kind, "score": score, "channel": survey.channel, "queue": survey.queue}
        title = f"{survey.kind.upper()} {score}"
        item = items.Item("survey", of, survey.customer_id, now, title, comment or "", survey.agent, public)
        items.put(connection, item)
    return survey


def _of_token(connection: sa.Connection, token: str, now: float) -> Survey:
    mine = (_s.token_hash == rules.digest(token)) & _s.score.is_(None) & (_s.expires_at > now)
    row = connection.execute(sa.select(surveys).where(mine)).first()
    if row is None:
        raise NotFound("survey")
    return _survey(row)


def _survey(row: Any) -> Survey:
    return Survey(**{name: getattr(row, name) for name in Survey.__dataclass_fields__})
