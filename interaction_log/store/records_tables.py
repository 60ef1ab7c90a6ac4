"""The tables of records: what a site adds to customers, their consents and relations, segments, tasks and cases.

Times are Unix seconds (UTC) as doubles; JSON is kept as ASCII text.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import Personal, customer, either, free, register, through
from interaction_log.store.schema import metadata
from interaction_log.store.sealed_text import SealedText

custom_fields: Final = sa.Table(
    "custom_fields",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object: text by language
    sa.Column("type", sa.String, nullable=False),  # text | number | date | choice | flag
    sa.Column("of", sa.String, nullable=False),  # person | organisation | any
    sa.Column("required", sa.Boolean, nullable=False),
    sa.Column("sensitive", sa.Boolean, nullable=False),
    sa.Column("choices", sa.Text, nullable=False),  # JSON array of {code, labels}
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("retired", sa.Boolean, nullable=False),
)

customer_values: Final = sa.Table(
    "customer_values",  # of custom fields, for filters; the record itself is in customers.public
    metadata,
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("field", sa.String, primary_key=True),
    sa.Column("text", sa.Text),  # case-folded text, date, choice
    sa.Column("number", sa.Double),  # number, flag (0 or 1)
)

consent_purposes: Final = sa.Table(
    "consent_purposes",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object: text by language
    sa.Column("texts", sa.Text, nullable=False),  # JSON object: what the customer is asked, by language
    sa.Column("version", sa.String, nullable=False),  # of these texts
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("retired", sa.Boolean, nullable=False),
)

consents: Final = sa.Table(
    "consents",  # rows are only added: the last one of a purpose and channel counts
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, nullable=False),  # order within the customer
    sa.Column("customer_id", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # given | refused | withdrawn
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String),  # the user who wrote it down; null: the customer by himself
    sa.Column("version", sa.String, nullable=False),  # of the text that was asked
    sa.Column("source", sa.String, nullable=False),
    sa.Column("note", SealedText),
    sa.Index("consents_of_customer", "customer_id", "n", unique=True),
)

relations: Final = sa.Table(
    "relations",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("from_id", sa.String, nullable=False),
    sa.Column("to_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # as seen from from_id
    sa.Column("note", SealedText),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Index("relations_once", "from_id", "to_id", "kind", unique=True),
    sa.Index("relations_to", "to_id"),
)

segments: Final = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("filter", sa.Text, nullable=False),  # JSON, see interaction_log.segments
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("segments_by_name", "name", unique=True),
)

task_rules: Final = sa.Table(
    "task_rules",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("segment_id", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("owner", sa.String),  # null: who looks after the customer
    sa.Column("at_minute", sa.Integer, nullable=False),  # of the day on the wall
    sa.Column("zone", sa.String, nullable=False),
    sa.Column("most", sa.Integer, nullable=False),  # tasks a day
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("last_day", sa.String),  # the day (ISO) for which it made its tasks
    sa.Column("version", sa.Integer, nullable=False),
)

tasks: Final = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("notes", SealedText),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("customer_id", sa.String),
    sa.Column("case_id", sa.String),
    sa.Column("interaction_id", sa.String),
    sa.Column("due_at", sa.Double),
    sa.Column("zone", sa.String),  # in which the time was meant
    sa.Column("state", sa.String, nullable=False),  # open | done | cancelled
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("closed_at", sa.Double),
    sa.Column("reminded_at", sa.Double),
    sa.Column("rule_id", sa.String),
    sa.Column("rule_day", sa.String),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("tasks_of_owner", "owner", "state", "due_at"),
    sa.Index("tasks_of_customer", "customer_id", "created_at"),
    sa.Index("tasks_of_case", "case_id"),
    sa.Index("tasks_of_rule", "rule_id", "customer_id", "rule_day", unique=True),
)
_waiting: Final = sa.and_(tasks.c.state == "open", tasks.c.reminded_at.is_(None), tasks.c.due_at.is_not(None))
sa.Index("tasks_to_remind", tasks.c.due_at, sqlite_where=_waiting, postgresql_where=_waiting)

case_types: Final = sa.Table(
    "case_types",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object: text by language
    sa.Column("states", sa.Text, nullable=False),  # JSON array, see interaction_log.cases
    sa.Column("due_minutes", sa.Integer),  # of business time; null: no due time
    sa.Column("calendar", sa.String),  # the name of hours; null: the first, or round the clock
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("retired", sa.Boolean, nullable=False),
)

cases: Final = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("phase", sa.String, nullable=False),  # of the state: open | waiting | closed
    sa.Column("title", sa.String, nullable=False),
    sa.Column("text", SealedText),
    sa.Column("owner", sa.String),
    sa.Column("customer_id", sa.String),
    sa.Column("due_at", sa.Double),
    sa.Column("left_seconds", sa.Double),  # of business time, while its clock stands still
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("opened_by", sa.String, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("closed_at", sa.Double),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("cases_by_number", "number", unique=True),
    sa.Index("cases_of_customer", "customer_id", "opened_at"),
    sa.Index("cases_by_phase", "phase", "due_at"),
    sa.Index("cases_of_owner", "owner", "phase"),
)

case_history: Final = sa.Table(
    "case_history",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),  # opened | changed | linked | unlinked | noted
    sa.Column("details", sa.Text, nullable=False),  # JSON object
)

case_interactions: Final = sa.Table(
    "case_interactions",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("interaction_id", sa.String, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Index("cases_of_interaction", "interaction_id"),
)
CASE_NUMBER: Final = "case_number"
"""The last number of a case, in ``meta``."""

_of_case: Final = customer(cases.c.customer_id)
register(Personal(table=customer_values, of=customer(customer_values.c.customer_id), erase="delete", export=False))
register(Personal(table=consents, of=customer(consents.c.customer_id), erase="delete"))
register(
    Personal(
        table=relations, of=either(customer(relations.c.from_id), customer(relations.c.to_id)), erase="delete", order=20
    )
)
register(
    Personal(
        table=tasks,
        of=either(customer(tasks.c.customer_id), through(tasks.c.case_id, cases.c.id, _of_case)),
        erase="delete",
        order=20,
    )
)
register(
    Personal(
        table=case_history,
        of=through(case_history.c.case_id, cases.c.id, _of_case),
        erase="blank",
        columns=("details",),
        blanks={"details": lambda _: "{}"},
        order=20,
    )
)
register(
    Personal(
        table=case_interactions,
        of=through(case_interactions.c.case_id, cases.c.id, _of_case),
        erase="delete",
        order=20,
    )
)
register(Personal(table=cases, of=_of_case, erase="blank", columns=("title", "text", "customer_id")))
free(custom_fields, "what fields the site has")
free(consent_purposes, "what customers are asked")
free(segments, "filters of the site")
free(task_rules, "rules of the site")
free(case_types, "what kinds of cases the site has")
