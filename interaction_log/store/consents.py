"""What customers agreed to: rows that are only added; the last one of a purpose and channel counts."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any, Final, cast, get_args

import sqlalchemy as sa

from interaction_log.records import CONSENT_CHANNELS, Consent, ConsentState, Refused
from interaction_log.store import items, links
from interaction_log.store.custom_fields import purposes
from interaction_log.store.ends import known_customer
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import consents
from interaction_log.store.writing import Writing

_t: Final = consents.c
STATES: Final = get_args(ConsentState)
LONGEST_NOTE: Final = 1_000
LONGEST_SOURCE: Final = 100


class StoredConsents:
    """Reading and adding. There is no way to change what was said; a newer word replaces it."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def of(self, customer_id: str) -> list[Consent]:
        """All that this person ever said, the newest first."""
        return await self._reading.fresh(lambda connection: history(connection, customer_id))

    async def say(self, customer_id: str, fields: dict[str, Any], by: str | None, now: float) -> Consent:
        """Write down what was said. ``fields``: purpose, channel, state, source, note. The version is that of the text
        as it is now. Raises ``Refused``, ``NotFound``."""

        def work(connection: sa.Connection) -> Consent:
            return add(connection, customer_id, fields, by, now)

        return await self._writing(work)


def add(connection: sa.Connection, customer_id: str, fields: dict[str, Any], by: str | None, now: float) -> Consent:
    """The same within a transaction."""
    known_customer(connection, customer_id)
    purpose = next((one for one in purposes(connection) if one.code == fields.get("purpose")), None)
    if purpose is None or purpose.retired:
        raise Refused("purpose", "there is no such purpose")
    one = _checked(customer_id, fields, by, now, fields.get("version") or purpose.version)
    newest = sa.select(sa.func.max(_t.n)).where(_t.customer_id == customer_id)
    n = (connection.execute(newest).scalar() or 0) + 1
    connection.execute(sa.insert(consents).values({**asdict(one), "n": n}))
    label = purpose.labels.get("en") or purpose.code
    public = {"purpose": one.purpose, "channel": one.channel, "state": one.state, "source": one.source}
    items.put(
        connection,
        items.Item("consent", one.id, customer_id, now, f"{label}: {one.state}", one.note or "", by, public),
    )
    return one


def _checked(customer_id: str, fields: dict[str, Any], by: str | None, now: float, version: str) -> Consent:
    channel, state = fields.get("channel", "any"), cast(ConsentState, fields.get("state"))
    source, note = str(fields.get("source") or "").strip(), fields.get("note")
    if channel not in CONSENT_CHANNELS:
        raise Refused("channel", f"one of {', '.join(CONSENT_CHANNELS)}")
    if state not in STATES:
        raise Refused("state", f"one of {', '.join(STATES)}")
    if not 1 <= len(source) <= LONGEST_SOURCE or not source.isprintable():
        raise Refused("source", f"1 to {LONGEST_SOURCE} characters")
    if note is not None and len(note) > LONGEST_NOTE:
        raise Refused("note", f"longer than {LONGEST_NOTE} characters")
    return Consent(
        id=str(uuid.uuid4()), customer_id=customer_id, purpose=fields["purpose"], channel=channel, state=state, at=now,
        by=by, version=version, source=source, note=(note or "").strip() or None,
    )  # fmt: skip


def history(connection: sa.Connection, customer_id: str) -> list[Consent]:
    """All that this person ever said, the newest first."""
    query = sa.select(consents).where(_t.customer_id.in_(links.members(connection, customer_id)))
    rows = connection.execute(query.order_by(_t.at.desc(), _t.n.desc()))
    return [Consent(**{name: value for name, value in row._mapping.items() if name != "n"}) for row in rows]


def allowed(connection: sa.Connection, customer_id: str, purpose: str, channel: str) -> bool:
    """Whether this person may be addressed so: the newest word on the channel or on ``any`` channel is ``given``.

    Silence is no consent.
    """
    for one in history(connection, customer_id):
        if one.purpose == purpose and one.channel in (channel, "any"):
            return one.state == "given"
    return False
