"""The texts that visitors agreed to, by site and version: a conversation keeps the version, this keeps what it said.

Written when the program starts. A text that was changed without a new version gets a row of its own with its time, so
that it can still be said which one a visitor saw. In a transaction of the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from interaction_log.chats import KeptConsent
from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

chat_consents: Final = sa.Table(
    "chat_consents",
    metadata,
    sa.Column("site", sa.String, primary_key=True),
    sa.Column("version", sa.String, primary_key=True),
    sa.Column("since", sa.Double, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),  # JSON: by language
)
free(chat_consents, "texts that the site shows to everybody")
_c: Final = chat_consents.c


def keep(connection: sa.Connection, site: str, version: str, text: Mapping[str, str], at: float) -> None:
    """What this version says from ``at`` on; nothing happens where it says so already."""
    written = json.dumps(dict(text), ensure_ascii=False, sort_keys=True)
    query = sa.select(_c.text).where(_c.site == site, _c.version == version).order_by(_c.since.desc()).limit(1)
    if connection.execute(query).scalar() != written:
        connection.execute(sa.insert(chat_consents).values(site=site, version=version, since=at, text=written))


def of_site(connection: sa.Connection, site: str) -> list[KeptConsent]:
    """Oldest first."""
    query = sa.select(chat_consents).where(_c.site == site).order_by(_c.since, _c.version)
    rows = connection.execute(query)
    return [KeptConsent(site=r.site, version=r.version, since=r.since, text=json.loads(r.text)) for r in rows]
