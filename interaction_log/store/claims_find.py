"""Who a piece of evidence speaks for: a mail's sender, a login of the site, a number; answered as for callers."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.evidence import Evidence, Policy, bounded, judge, ranked
from interaction_log.records import Customer, Match
from interaction_log.store import customer_rows, links
from interaction_log.store.identity_tables import claims, shared_addresses
from interaction_log.store.schema import customer_emails, customer_phones

MOST: Final = 10
_c: Final = claims.c
_SURE: Final = ("confirmed", "site")
"""Sources whose claims identify; those of the others suggest."""


def who(connection: sa.Connection, evidence: Evidence, policy: Policy) -> Match:
    """``known``: one person, and the evidence identifies; ``value`` as claims have it (E.164, case-folded)."""
    marked = sa.select(shared_addresses.c.kind).where(shared_addresses.c.value == evidence.value)
    shared = connection.execute(marked).first() is not None
    owners = links.roots(connection, _owners(connection, evidence))
    sure, perhaps = _claimed(connection, evidence)
    heads = list(dict.fromkeys([*owners.values(), *links.roots(connection, sure).values()]))
    others = [of for of in dict.fromkeys(links.roots(connection, perhaps).values()) if of not in heads]
    people = {one.id: one for one in customer_rows.load(connection, [*heads, *others][:MOST])}
    if not people:
        return Match(strength="unknown")
    chosen = [of for of in dict.fromkeys(links.roots(connection, [*perhaps, *sure]).values()) if of in people]
    match = _match(people, heads, chosen, shared)
    verdict = judge(evidence, policy)
    return bounded(match, verdict)


def _owners(connection: sa.Connection, evidence: Evidence) -> list[str]:
    """Whose records have it."""
    if evidence.kind == "login":
        return []
    table, column = (
        (customer_phones, customer_phones.c.e164)
        if evidence.kind == "phone"
        else (customer_emails, customer_emails.c.folded)
    )
    query = sa.select(table.c.customer_id).where(column == evidence.value).order_by(table.c.customer_id)
    return list(connection.execute(query.limit(MOST)).scalars())


def _claimed(connection: sa.Connection, evidence: Evidence) -> tuple[list[str], list[str]]:
    """Customers of claims that identify, and of those that suggest, the last ones first."""
    query = sa.select(_c.customer_id, _c.source).where(_c.value == evidence.value, _c.kind == evidence.kind)
    query = query.where(_c.source.in_((*_SURE, "agent"))).order_by(_c.last_at.desc(), _c.customer_id).limit(MOST)
    rows = connection.execute(query).all()
    return [r.customer_id for r in rows if r.source in _SURE], [r.customer_id for r in rows if r.source not in _SURE]


def _match(people: dict[str, Customer], heads: list[str], chosen: list[str], shared: bool) -> Match:
    views = [{**customer_rows.view(one), "why": _why(of, heads, chosen, shared)} for of, one in people.items()]
    if len(views) > 1 or shared:
        return Match(strength="candidates", candidates=ranked(views, chosen))
    (only,) = people.values()
    return Match(strength="known" if heads else "maybe", customer=customer_rows.view(only))


def _why(of: str, heads: list[str], chosen: list[str], shared: bool) -> list[str]:
    reasons = ["chosen"] if of in chosen else []
    return [*reasons, *(["shared" if shared else "number"] if of in heads else [])]
