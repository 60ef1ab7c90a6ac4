"""The table of pauses in single queues: a projection of ``QueuePaused`` and ``QueueResumed``, as agent states are."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

queue_pauses: Final = sa.Table(
    "queue_pauses",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("agent", sa.String, nullable=False),
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("holder", sa.String, nullable=False),  # agent | supervisor
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),  # the user who asked for it
    sa.Column("from_at", sa.Double),
    sa.Column("to_at", sa.Double),
    sa.Column("to_seq", sa.BigInteger),  # of what ended it; null: lasts
    sa.Index("queue_pauses_of_agent", "agent", "from_at"),
)
"""``seq``: of the ``QueuePaused``."""
_lasts: Final = queue_pauses.c.to_seq.is_(None)
sa.Index("queue_pauses_open", queue_pauses.c.agent, sqlite_where=_lasts, postgresql_where=_lasts)

free(queue_pauses, "what agents did; no customer")


def ending() -> sa.Update:
    """A holder's pause ended: (agent, pbx, queue, holder, number) find it, (at, number) are its end."""
    t = queue_pauses.c
    mine = [t[name] == sa.bindparam(f"of_{name}") for name in ("agent", "pbx", "queue", "holder")]
    return (
        sa.update(queue_pauses)
        .where(*mine, t.seq < sa.bindparam("before"), t.to_seq.is_(None))
        .values(to_at=sa.bindparam("at"), to_seq=sa.bindparam("by_seq"))
    )


def lasting() -> sa.Select[Any]:
    """The pauses that nobody has ended."""
    return sa.select(queue_pauses).where(_lasts).order_by(queue_pauses.c.seq)
