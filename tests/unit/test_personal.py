"""The register of personal data knows every table."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import sqlalchemy as sa

import interaction_log
from interaction_log.store import personal


def everything() -> None:
    """Import whatever can define a table."""
    for one in pkgutil.walk_packages(interaction_log.__path__, "interaction_log."):
        if ".migrations" not in one.name:
            importlib.import_module(one.name)


def test_every_table_says_whether_it_holds_personal_data() -> None:
    everything()
    assert personal.unregistered() == [], (
        "These tables are in no register. Beside the table's definition say either "
        "register(Personal(table=…, of=customer(table.c.customer_id), erase='delete')) or "
        "free(table, 'why it can hold nothing about a customer'); see interaction_log/store/personal.py."
    )


def test_every_entry_can_be_asked(subject: personal.Person) -> None:
    everything()
    for one in personal.registered():
        assert str(sa.select(one.table).where(one.of(subject)))


def test_an_emptied_column_can_be_empty() -> None:
    everything()
    for one in personal.registered():
        for name in one.columns:
            column = one.table.c[name]
            assert column.nullable or name in one.blanks or isinstance(column.type, sa.String), f"{one.table}.{name}"
            assert not column.primary_key, f"{one.table}.{name}"


@pytest.fixture
def subject() -> personal.Person:
    return personal.Person(customers=("a", "b"), numbers=("+8613800138000",), mails=("a@example.com",))


def test_nonsense_is_refused() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.String))
    with pytest.raises(ValueError, match="no column"):
        personal.register(
            personal.Personal(table=table, of=personal.customer(table.c.a), erase="blank", columns=("b",))
        )
    with pytest.raises(ValueError, match="which columns"):
        personal.register(personal.Personal(table=table, of=personal.customer(table.c.a), erase="blank"))
