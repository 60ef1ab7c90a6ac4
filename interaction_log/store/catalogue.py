"""``routing.ports.Catalogue``: tables that administrators edit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Campaign, Choice, QueueSettings, Refused
from interaction_log.store import schema as s
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_QUEUE: Final = re.compile(r"[^\s\x00-\x1f]{1,80}")
_NUMBER: Final = re.compile(r"\+?[0-9]{2,20}", re.ASCII)
_MOST_NUMBERS: Final = 100
"""A campaign has a handful of numbers in print; each is compared with every call's."""
_DAY: Final = 86_400
_LEVELS: Final = frozenset("012345")


class StoredCatalogue:
    """Every write raises ``Refused`` for a field that is wrong, and replaces what had the same key."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def queues(self) -> list[QueueSettings]:
        """All queues that somebody described, by PBX and name."""
        return await self._reading(_queues)

    async def put_queue(self, queue: QueueSettings) -> None:
        """Create or replace the queue with this PBX and name."""
        _check_queue(queue)
        key = (s.queues.c.pbx == queue.pbx) & (s.queues.c.name == queue.name)
        row = {column.name: getattr(queue, column.name) for column in s.queues.c}
        row["skills"] = json.dumps(queue.skills)
        await self._writing(_replacing(s.queues, key, row))

    async def pause_reasons(self) -> list[Choice]:
        """All of them, retired ones too, in order."""
        return await self._reading(lambda connection: _choices(connection, s.pause_reasons))

    async def put_pause_reason(self, choice: Choice) -> None:
        """Create or replace; ``retired`` hides it from agents, it stays in the history."""
        await self._put_choice(s.pause_reasons, choice)

    async def dispositions(self) -> list[Choice]:
        """All of them, retired ones too, in order."""
        return await self._reading(lambda connection: _choices(connection, s.dispositions))

    async def put_disposition(self, choice: Choice) -> None:
        """Create or replace; ``retired`` hides it from agents, it stays in the history."""
        await self._put_choice(s.dispositions, choice)

    async def skills(self) -> list[Choice]:
        """All of them, retired ones too, in order."""
        return await self._reading(lambda connection: _choices(connection, s.skills))

    async def put_skill(self, choice: Choice) -> None:
        """Create or replace; ``retired`` hides it where skills are given, who has it keeps it."""
        await self._put_choice(s.skills, choice)

    async def campaigns(self) -> list[Campaign]:
        """All of them, retired ones too, in order."""
        return await self._reading(_campaigns)

    async def put_campaign(self, campaign: Campaign) -> None:
        """Create or replace; ``retired``: nobody calls for it any more, it stays in the history."""
        _check_campaign(campaign)
        await self._put_choice(
            s.campaigns, campaign, caller_id=campaign.caller_id, numbers=json.dumps(campaign.numbers)
        )

    async def _put_choice(self, table: sa.Table, choice: Choice, **more: Any) -> None:
        _check_choice(choice)
        row = {
            "code": choice.code,
            "labels": json.dumps(choice.labels),
            "queues": json.dumps(choice.queues),
            "position": choice.position,
            "retired": choice.retired,
            **more,
        }
        await self._writing(_replacing(table, table.c.code == choice.code, row))


def _replacing(table: sa.Table, key: sa.ColumnElement[bool], row: dict[str, Any]) -> Callable[[sa.Connection], None]:
    def work(connection: sa.Connection) -> None:
        if connection.execute(sa.update(table).where(key).values(row)).rowcount == 0:
            connection.execute(sa.insert(table).values(row))

    return work


def _queues(connection: sa.Connection) -> list[QueueSettings]:
    rows = connection.execute(sa.select(s.queues).order_by(s.queues.c.pbx, s.queues.c.name))
    return [_queue(row) for row in rows]


def _queue(row: sa.Row[Any]) -> QueueSettings:
    stored = dict(row._mapping)
    return QueueSettings(**stored | {"skills": json.loads(row.skills), "skill_members": bool(row.skill_members)})


def _choices(connection: sa.Connection, table: sa.Table) -> list[Choice]:
    rows = connection.execute(sa.select(table).order_by(table.c.position, table.c.code))
    return [Choice(**_choice(row)) for row in rows]


def _choice(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "code": row.code,
        "labels": json.loads(row.labels),
        "queues": json.loads(row.queues),
        "position": row.position,
        "retired": bool(row.retired),
    }


def _campaigns(connection: sa.Connection) -> list[Campaign]:
    rows = connection.execute(sa.select(s.campaigns).order_by(s.campaigns.c.position, s.campaigns.c.code))
    return [Campaign(**_choice(row), caller_id=row.caller_id, numbers=json.loads(row.numbers)) for row in rows]


def _check_campaign(campaign: Campaign) -> None:
    if campaign.caller_id and not _NUMBER.fullmatch(campaign.caller_id):
        raise Refused("caller_id", "a telephone number of 2 to 20 digits, with or without a plus")
    if len(campaign.numbers) > _MOST_NUMBERS:
        raise Refused("numbers", f"at most {_MOST_NUMBERS}")
    for n, number in enumerate(campaign.numbers):
        if not _NUMBER.fullmatch(number):
            raise Refused(f"numbers.{n}", "a telephone number of 2 to 20 digits, with or without a plus")


def _check_queue(queue: QueueSettings) -> None:
    for name in ("name", "pbx"):
        nobodys = name == "pbx" and not queue.pbx  # a queue for chats that no PBX has
        if not nobodys and not _QUEUE.fullmatch(getattr(queue, name)):
            raise Refused(name, "1 to 80 characters without spaces")
    if not 1 <= len(queue.label.strip()) <= 100 or not queue.label.isprintable():
        raise Refused("label", "1 to 100 characters")
    for name in ("service_level_seconds", "wrap_up_seconds"):
        value = getattr(queue, name)
        if type(value) is not int or not 0 <= value <= _DAY:
            raise Refused(name, f"whole seconds, 0 to {_DAY}")
    _check_skills(queue)


def _check_skills(queue: QueueSettings) -> None:
    if len(queue.skills) > 10:
        raise Refused("skills", "at most 10")
    for skill, table in queue.skills.items():
        if not _CODE.fullmatch(skill):
            raise Refused("skills", "1 to 64 of a-z, 0-9, dash and underscore")
        for level, penalty in table.items():
            if level not in _LEVELS or type(penalty) is not int or not 0 <= penalty <= 1_000:
                raise Refused(f"skills.{skill}", "a penalty of 0 to 1000 for each level of 0 to 5")


def _check_choice(choice: Choice) -> None:
    if not _CODE.fullmatch(choice.code):
        raise Refused("code", "1 to 64 of a-z, 0-9, dash and underscore")
    if not choice.labels or len(choice.labels) > 20:
        raise Refused("labels", "a text in at least one language")
    for language, text in choice.labels.items():
        if not 1 <= len(text.strip()) <= 100 or not text.isprintable():
            raise Refused(f"labels.{language[:20]}", "1 to 100 characters")
    for n, queue in enumerate(choice.queues):
        if not _QUEUE.fullmatch(queue):
            raise Refused(f"queues.{n}", "1 to 80 characters without spaces")
    if type(choice.position) is not int or not 0 <= choice.position <= 10_000:
        raise Refused("position", "0 to 10000")
