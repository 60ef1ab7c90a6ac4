"""Triggers that keep rows of the audit trail from being changed or removed, on both databases.

Who owns the tables can take triggers away again; the chain (``audit.py``) shows what was done then. They stop what
happens by mistake, by a fault of ours, and by whoever has no more than the right to write.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

_REFUSAL: Final = "the audit trail is only added to"
_SQLITE: Final = tuple(
    f"CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("update", "delete")
)
_POSTGRES: Final = (
    "CREATE OR REPLACE FUNCTION callweave_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'insufficient_privilege'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION callweave_audit_refuse()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION callweave_audit_refuse()",
)
_DOWN: Final = {
    "sqlite": ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"),
    "postgresql": (
        "DROP TRIGGER IF EXISTS audit_no_change ON audit",
        "DROP TRIGGER IF EXISTS audit_no_truncate ON audit",
        "DROP FUNCTION IF EXISTS callweave_audit_refuse()",
    ),
}


def put_up(connection: sa.Connection) -> None:
    """From now on rows can only be added."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRES:
        connection.exec_driver_sql(statement)


def take_down(connection: sa.Connection) -> None:
    """For a downgrade, and for tests that play an intruder."""
    for statement in _DOWN[connection.dialect.name]:
        connection.exec_driver_sql(statement)
