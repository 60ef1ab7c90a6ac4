"""Checks of what a record points at: there is such a customer, user, interaction; and plain texts of people."""

from __future__ import annotations

import sqlalchemy as sa

from interaction_log.records import NotFound, Refused
from interaction_log.store.fields import NO_USER
from interaction_log.store.schema import customers, interactions, users


def known_customer(connection: sa.Connection, customer_id: str) -> str:
    """The customer's name. Raises ``NotFound``."""
    name: str | None = connection.execute(sa.select(customers.c.name).where(customers.c.id == customer_id)).scalar()
    if name is None:
        raise NotFound(customer_id)
    return name


def customer_named(connection: sa.Connection, customer_id: str | None, field: str = "customer_id") -> str | None:
    """The same of a field; raises ``Refused``."""
    if customer_id is None:
        return None
    try:
        return known_customer(connection, customer_id)
    except NotFound:
        raise Refused(field, "there is no such customer") from None


def check_user(connection: sa.Connection, name: str | None, field: str = "owner") -> None:
    """Raises ``Refused`` where there is no such user, or one who left."""
    if name is None:
        return
    query = sa.select(users.c.name).where(users.c.name == name, users.c.disabled.is_(sa.false()))
    if connection.execute(query).first() is None:
        raise Refused(field, NO_USER)


def check_interaction(connection: sa.Connection, interaction_id: str) -> str | None:
    """The customer of this interaction. Raises ``NotFound``."""
    row = connection.execute(sa.select(interactions.c.customer_id).where(interactions.c.id == interaction_id)).first()
    if row is None:
        raise NotFound(interaction_id)
    found: str | None = row.customer_id
    return found


def line(field: str, value: object, longest: int = 200) -> str:
    """One line of text, not empty; raises ``Refused``."""
    if not isinstance(value, str) or not value.strip():
        raise Refused(field, "a text is needed")
    text = " ".join(value.split())
    if len(text) > longest:
        raise Refused(field, f"longer than {longest} characters")
    if not text.isprintable():
        raise Refused(field, "holds control characters")
    return text


def paragraph(field: str, value: object, longest: int = 20_000) -> str | None:
    """Some lines of text, or nothing; raises ``Refused``."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused(field, "a text is needed")
    if len(value) > longest:
        raise Refused(field, f"longer than {longest} characters")
    if not value.translate({9: " ", 10: " ", 13: " "}).isprintable():
        raise Refused(field, "holds control characters")
    return value.strip() or None
