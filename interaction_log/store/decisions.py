"""Whom the distributor chose and why, with what came of it: read from the events, so they expire with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.schema import events, interactions

_TYPES: Final = ("AgentChosen", "OfferDeclined", "OfferEnded")


def decisions_of(connection: sa.Connection, interaction_id: str) -> list[dict[str, Any]]:
    """Each decision about one contact: ``{at, agent, line, because, others, result, reason, ended_at}``."""
    began = sa.select(interactions.c.began).where(interactions.c.id == interaction_id).scalar_subquery()
    query = sa.select(events.c.type, events.c.at, events.c.payload).where(
        events.c.began == began, events.c.interaction_id == interaction_id, events.c.type.in_(_TYPES)
    )
    rows = connection.execute(query.order_by(events.c.seq))
    return joined((row.type, row.at, json.loads(row.payload)) for row in rows)


def joined(rows: Iterable[tuple[str, float | None, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Decisions with how their offers ended, from rows (type, time, payload) in order."""
    found: list[dict[str, Any]] = []
    offers: dict[str, dict[str, Any]] = {}
    for kind, at, said in rows:
        if kind == "AgentChosen":
            one = {name: said.get(name) for name in ("agent", "line", "because", "others")}
            found.append({"at": at, **one, "result": None, "reason": None, "ended_at": None})
            if said.get("offer_id") is not None:
                offers[said["offer_id"]] = found[-1]
        elif said.get("offer_id") in offers and kind == "OfferDeclined":
            offers[said["offer_id"]]["reason"] = said["reason"]
        elif said.get("offer_id") in offers:
            offers[said["offer_id"]] |= {"result": said["result"], "ended_at": at}
    return found
