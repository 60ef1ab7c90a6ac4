"""Kinds, values and typed fields of customers; consents, relations, segments, tasks and cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CHUNK = 1_000
_CUSTOMER_COLUMNS = ("kind", "channel", "value", "sort_organisation", "agent")
_OF_RECORDS = ("kind", "channel", "value", "fields")  # what older versions do not know in ``public``
_Column = Callable[..., sa.Column[Any]]

# What a new installation begins with; administrators change it later.
_OPEN = [
    ("new", "New", "新建", "open", ["in_progress", "waiting", "closed"]),
    ("in_progress", "In progress", "处理中", "open", ["waiting", "closed"]),
    ("waiting", "Waiting for the customer", "等待客户", "waiting", ["in_progress", "closed"]),
    ("closed", "Closed", "已关闭", "closed", ["in_progress"]),
]
_CASE_TYPES = (
    ("service_request", "Service request", "服务请求", 16 * 60),
    ("complaint", "Complaint", "投诉", 8 * 60),
    ("order", "Order", "订单", 24 * 60),
    ("return", "Return", "退货", 40 * 60),
)
_PURPOSES = (
    ("marketing", "Offers and news", "优惠与新闻", "May we tell you about our offers?", "我们可以向您介绍优惠信息吗？"),
    (
        "service",
        "Service messages",
        "服务通知",
        "May we tell you how it goes on?",
        "我们可以通知您办理进度吗？",
    ),
    ("survey", "Surveys", "满意度调查", "May we ask how satisfied you were?", "我们可以询问您的满意度吗？"),
)


def _text(name: str, required: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=not required)


def _word(name: str, required: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=not required)


def _time(name: str, required: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=not required)


def _whole(name: str, required: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=not required)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _key(*names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names)


def upgrade() -> None:
    """Create the tables and columns, and what a site begins with."""
    _customers()
    _consents()
    _segments_and_tasks()
    _cases()
    _beginnings()


def _customers() -> None:
    op.add_column("customers", sa.Column("kind", sa.String(), nullable=False, server_default="person"))
    op.add_column("customers", sa.Column("channel", sa.String()))
    op.add_column("customers", sa.Column("value", sa.Double()))
    op.add_column("customers", sa.Column("sort_organisation", sa.String()))
    op.add_column("customers", sa.Column("agent", sa.String()))
    _fill(op.get_bind())
    op.create_table(
        "custom_fields",
        _word("code"), _text("labels"), _word("type"), _word("of"), _flag("required"), _flag("sensitive"),
        _text("choices"), _whole("position"), _flag("retired"), _key("code"),
    )  # fmt: skip
    op.create_table(
        "customer_values",
        _word("customer_id"), _word("field"), _text("text", False), _time("number"), _key("customer_id", "field"),
    )  # fmt: skip
    op.create_table(
        "relations",
        _word("id"), _word("from_id"), _word("to_id"), _word("kind"), _text("note", False), _time("at", True),
        _word("by"), _key("id"),
    )  # fmt: skip
    op.create_index("relations_once", "relations", ["from_id", "to_id", "kind"], unique=True)
    op.create_index("relations_to", "relations", ["to_id"])


def _fill(connection: sa.Connection) -> None:
    """What was in the record's JSON only; and no database folds case as Python does. In pieces."""
    table = sa.table(
        "customers",
        *(sa.column(name, sa.String) for name in ("id", "public", "organisation", "sort_organisation", "agent")),
    )
    values: dict[str, Any] = {"sort_organisation": sa.bindparam("folded"), "agent": sa.bindparam("by")}
    change = sa.update(table).where(table.c.id == sa.bindparam("of")).values(values)
    last = ""
    while True:
        found = sa.select(table.c.id, table.c.organisation, table.c.public).where(table.c.id > last)
        rows = connection.execute(found.order_by(table.c.id).limit(_CHUNK)).all()
        if not rows:
            return
        new = [
            {"of": of, "folded": organisation and organisation.casefold(), "by": json.loads(public).get("agent")}
            for of, organisation, public in rows
        ]
        changed = [one for one in new if one["folded"] or one["by"]]
        if changed:
            connection.execute(change, changed)
        last = rows[-1].id


def _consents() -> None:
    op.create_table(
        "consent_purposes",
        _word("code"), _text("labels"), _text("texts"), _word("version"), _whole("position"), _flag("retired"),
        _key("code"),
    )  # fmt: skip
    op.create_table(
        "consents",
        _word("id"), _whole("n"), _word("customer_id"), _word("purpose"), _word("channel"), _word("state"),
        _time("at", True), _word("by", False), _word("version"), _word("source"), _text("note", False), _key("id"),
    )  # fmt: skip
    op.create_index("consents_of_customer", "consents", ["customer_id", "n"], unique=True)


def _segments_and_tasks() -> None:
    op.create_table(
        "segments",
        _word("id"), _word("name"), _text("filter"), _word("created_by"), _time("changed_at", True), _whole("version"),
        _key("id"),
    )  # fmt: skip
    op.create_index("segments_by_name", "segments", ["name"], unique=True)
    op.create_table(
        "task_rules",
        _word("id"), _word("segment_id"), _word("title"), _word("owner", False), _whole("at_minute"), _word("zone"),
        _whole("most"), _flag("disabled"), _word("last_day", False), _whole("version"), _key("id"),
    )  # fmt: skip
    op.create_table(
        "tasks",
        _word("id"), _word("title"), _text("notes", False), _word("owner"), _word("customer_id", False),
        _word("case_id", False), _word("interaction_id", False), _time("due_at"), _word("zone", False), _word("state"),
        _word("created_by"), _time("created_at", True), _time("closed_at"), _time("reminded_at"),
        _word("rule_id", False), _word("rule_day", False), _whole("version"), _key("id"),
    )  # fmt: skip
    op.create_index("tasks_of_owner", "tasks", ["owner", "state", "due_at"])
    op.create_index("tasks_of_customer", "tasks", ["customer_id", "created_at"])
    op.create_index("tasks_of_case", "tasks", ["case_id"])
    op.create_index("tasks_of_rule", "tasks", ["rule_id", "customer_id", "rule_day"], unique=True)
    waiting = sa.text("state = 'open' AND reminded_at IS NULL AND due_at IS NOT NULL")
    op.create_index("tasks_to_remind", "tasks", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)


def _cases() -> None:
    op.create_table(
        "case_types",
        _word("code"), _text("labels"), _text("states"), _whole("due_minutes", False), _word("calendar", False),
        _whole("position"), _flag("retired"), _key("code"),
    )  # fmt: skip
    op.create_table(
        "cases",
        _word("id"), _whole("number"), _word("type"), _word("state"), _word("phase"), _word("title"),
        _text("text", False), _word("owner", False), _word("customer_id", False), _time("due_at"),
        _time("left_seconds"), _time("opened_at", True), _word("opened_by"), _time("changed_at", True),
        _time("closed_at"), _whole("version"), _key("id"),
    )  # fmt: skip
    op.create_index("cases_by_number", "cases", ["number"], unique=True)
    op.create_index("cases_of_customer", "cases", ["customer_id", "opened_at"])
    op.create_index("cases_by_phase", "cases", ["phase", "due_at"])
    op.create_index("cases_of_owner", "cases", ["owner", "phase"])
    op.create_table(
        "case_history",
        _word("case_id"), _whole("n"), _time("at", True), _word("by"), _word("what"), _text("details"),
        _key("case_id", "n"),
    )  # fmt: skip
    op.create_table(
        "case_interactions",
        _word("case_id"), _word("interaction_id"), _time("at", True), _word("by"), _key("case_id", "interaction_id"),
    )  # fmt: skip
    op.create_index("cases_of_interaction", "case_interactions", ["interaction_id"])


def _beginnings() -> None:
    def table(name: str, *columns: sa.Column[Any]) -> sa.Table:
        return sa.Table(name, sa.MetaData(), *columns)

    states = [
        {"code": code, "labels": {"en": en, "zh-CN": zh}, "phase": phase, "next": following}
        for code, en, zh, phase, following in _OPEN
    ]
    types = table(
        "case_types", _word("code"), _text("labels"), _text("states"), _whole("due_minutes"), _whole("position"),
        _flag("retired"),
    )  # fmt: skip
    op.bulk_insert(
        types,
        [
            {"code": code, "labels": json.dumps({"en": en, "zh-CN": zh}), "states": json.dumps(states),
             "due_minutes": due, "position": n, "retired": False}
            for n, (code, en, zh, due) in enumerate(_CASE_TYPES)
        ],
    )  # fmt: skip
    purposes = table(
        "consent_purposes", _word("code"), _text("labels"), _text("texts"), _word("version"), _whole("position"),
        _flag("retired"),
    )  # fmt: skip
    op.bulk_insert(
        purposes,
        [
            {"code": code, "labels": json.dumps({"en": en, "zh-CN": zh}), "version": "1", "position": n,
             "texts": json.dumps({"en": asked, "zh-CN": asked_zh}), "retired": False}
            for n, (code, en, zh, asked, asked_zh) in enumerate(_PURPOSES)
        ],
    )  # fmt: skip
    meta = table("meta", _word("key"), sa.Column("value", sa.BigInteger(), nullable=False))
    op.bulk_insert(meta, [{"key": "case_number", "value": 0}])


def downgrade() -> None:
    """Remove them. What they held of customers is gone; the customers stay."""
    op.execute("DELETE FROM meta WHERE key = 'case_number'")
    for name in (
        "case_interactions", "case_history", "cases", "case_types", "tasks", "task_rules", "segments", "consents",
        "consent_purposes", "relations", "customer_values", "custom_fields",
    ):  # fmt: skip
        op.drop_table(name)
    _forget_fields(op.get_bind())
    for name in _CUSTOMER_COLUMNS:  # both databases know it, and SQLite's way round would lose others' indexes
        op.execute(f"ALTER TABLE customers DROP COLUMN {name}")


def _forget_fields(connection: sa.Connection) -> None:
    """The older version reads a record's JSON as it is, and knows no such fields."""
    table = sa.table("customers", sa.column("id", sa.String), sa.column("public", sa.Text))
    change = sa.update(table).where(table.c.id == sa.bindparam("of")).values(public=sa.bindparam("text"))
    last = ""
    while True:
        rows = connection.execute(
            sa.select(table.c.id, table.c.public).where(table.c.id > last).order_by(table.c.id).limit(_CHUNK)
        ).all()
        if not rows:
            return
        connection.execute(change, [{"of": row.id, "text": _older(row.public)} for row in rows])
        last = rows[-1].id


def _older(public: str) -> str:
    return json.dumps({name: value for name, value in json.loads(public).items() if name not in _OF_RECORDS})
