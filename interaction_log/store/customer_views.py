"""The views of customers: added up by SQL in a reader's thread, figures as ``interaction_log.analytics`` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.analytics import (
    CHURN_FROM,
    CHURN_PURCHASES,
    DAY,
    OUTLOOK_DAYS,
    QUINTILES,
    RFM_SEGMENTS,
    rfm_segment,
    table,
)
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.reading import Reading
from interaction_log.store.reports_sql import flag, roomy
from interaction_log.store.reports_tables import orders
from interaction_log.store.schema import customers, interactions

_o: Final = orders.c
_c: Final = customers.c
_i: Final = interactions.c
CONTACT_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Asked:
    """``now``: Unix seconds; ``currency``: of the amounts; ``limit``: customers in a list."""

    now: float
    limit: int
    currency: str | None


class CustomerViews:
    """Reads only."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def view(self, view: str, zone: str, limit: int, now: float) -> dict[str, Any]:
        """One view: ``tables`` of ``columns`` and ``rows``, ``notes`` in codes, the currency of amounts."""
        return await self._reading(partial(_view, view=view, limit=limit, now=now))


def _view(connection: sa.Connection, view: str, limit: int, now: float) -> dict[str, Any]:
    with roomy(connection):
        counted = sa.select(_o.currency, sa.func.count()).group_by(_o.currency)
        by_currency = sorted(connection.execute(counted), key=lambda row: (-row[1], row[0]))
        asked = Asked(now, limit, by_currency[0][0] if by_currency else None)
        others = sum(row[1] for row in by_currency[1:])
        notes = [] if by_currency else ["no_orders"]
        return {
            "view": view,
            "currency": asked.currency,
            "other_currencies": others,
            "notes": notes,
            "tables": _VIEWS[view](connection, asked),
        }


def _heads() -> sa.FromClause:
    """Customers that are no part of another one."""
    return customers.outerjoin(customer_links, customer_links.c.member == _c.id)


_is_head: Final = customer_links.c.member.is_(None)


def _buyers(asked: Asked) -> sa.CTE:
    """One row for each customer who bought: how often, from when to when, for how much, what it is worth."""
    who = sa.func.coalesce(customer_links.c.root, _o.customer_id)
    bought = _o.amount > 0
    return (
        sa.select(
            who.label("customer"),
            sa.func.sum(flag(bought)).label("purchases"),
            sa.func.min(sa.case((bought, _o.ordered_at))).label("first"),
            sa.func.max(sa.case((bought, _o.ordered_at))).label("last"),
            sa.func.sum(sa.case((bought, _o.amount), else_=0)).label("paid"),
            sa.func.sum(_o.amount).label("value"),
        )
        .select_from(orders.outerjoin(customer_links, customer_links.c.member == _o.customer_id))
        .where(_o.currency == asked.currency, _o.ordered_at <= asked.now)
        .group_by(who)
        .having(sa.func.sum(flag(bought)) > 0)
        .cte("buyers")
        .prefix_with("MATERIALIZED")
    )


def _money(hundredths: Any) -> float:
    return round(int(hundredths or 0) / 100, 2)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _profile(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    tables = []
    for name, column in (("kind", _c.kind), ("language", _c.language), ("vip", _c.vip)):
        query = sa.select(column, sa.func.count()).select_from(_heads()).where(_is_head).group_by(column)
        rows = sorted(connection.execute(query), key=lambda row: (-row[1], str(row[0])))
        total = sum(row[1] for row in rows)
        shown = [(_word(name, row[0]), row[1], _percent(row[1], total)) for row in rows]
        tables.append(table(f"by_{name}", (name, "customers", "share"), shown))
    return tables


def _word(name: str, value: Any) -> Any:
    return ("vip" if value else "other") if name == "vip" else value


def _loyalty(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    one = _buyers(asked)
    often = sa.case(
        (one.c.purchases >= 10, 10), (one.c.purchases >= 5, 5), (one.c.purchases >= 3, 3), else_=one.c.purchases
    )
    tenure = sa.func.sum(asked.now - one.c.first)
    query = sa.select(often.label("n"), sa.func.count(), sa.func.sum(one.c.value), tenure).group_by(sa.text("1"))
    rows = sorted((tuple(row) for row in connection.execute(query)), key=lambda row: row[0])
    buyers, again = sum(row[1] for row in rows), sum(row[1] for row in rows if row[0] > 1)
    words = {1: "1", 2: "2", 3: "3–4", 5: "5–9", 10: "10+"}
    shown = [
        (words[row[0]], row[1], _percent(row[1], buyers), _money(row[2]), round(row[3] / row[1] / DAY, 1))
        for row in rows
    ]
    summary = [(buyers, again, _percent(again, buyers))]
    return [
        table("repeat_buyers", ("buyers", "repeat_buyers", "repeat_rate"), summary),
        table("by_purchases", ("purchases", "customers", "share", "value", "tenure_days"), shown),
    ]


def _value(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    one = _buyers(asked)
    whole = connection.execute(
        sa.select(sa.func.count(), sa.func.sum(one.c.purchases), sa.func.sum(one.c.paid), sa.func.sum(one.c.value))
    ).one()
    buyers, purchases = int(whole[0]), int(whole[1] or 0)
    summary = [
        (
            buyers,
            purchases,
            _money(whole[3]),
            round(_money(whole[2]) / purchases, 2) if purchases else None,
            round(_money(whole[3]) / buyers, 2) if buyers else None,
        )
    ]
    best = (
        sa.select(one.c.customer, _c.name, one.c.purchases, one.c.value, one.c.last)
        .outerjoin(customers, _c.id == one.c.customer)
        .order_by(one.c.value.desc(), one.c.customer)
        .limit(asked.limit)
    )
    rows = [(row[0], row[1], int(row[2]), _money(row[3]), row[4]) for row in connection.execute(best)]
    return [
        table("totals", ("buyers", "purchases", "value", "average_order", "lifetime_value"), summary),
        table("best_customers", ("customer", "name", "purchases", "lifetime_value", "last_at"), rows),
    ]


def _mix(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    tables = []
    mine = [_o.currency == asked.currency, _o.ordered_at <= asked.now]
    for name, column in (("product", _o.product), ("channel", _o.channel)):
        query = sa.select(column, sa.func.sum(flag(_o.amount > 0)), sa.func.sum(_o.amount)).where(*mine)
        rows = sorted(connection.execute(query.group_by(column)), key=lambda row: (-int(row[2]), str(row[0])))
        total = sum(int(row[2]) for row in rows)
        shown = [(row[0], int(row[1]), _money(row[2]), _percent(int(row[2]), total)) for row in rows[: asked.limit]]
        tables.append(table(f"orders_by_{name}", (name, "purchases", "value", "share"), shown))
    since = asked.now - CONTACT_DAYS * DAY
    contacts = sa.select(_i.channel, sa.func.count()).where(_i.sorted_at >= since, _i.direction == "inbound")
    rows = sorted(connection.execute(contacts.group_by(_i.channel)), key=lambda row: (-row[1], row[0]))
    total = sum(row[1] for row in rows)
    tables.append(
        table(
            "contacts_by_channel", ("channel", "contacts", "share"), [(*row, _percent(row[1], total)) for row in rows]
        )
    )
    return tables


def _habits(one: sa.CTE, asked: Asked) -> tuple[sa.ColumnElement[Any], list[sa.ColumnElement[bool]]]:
    """The interval of customers with a habit, and the condition for them."""
    usual = (one.c.last - one.c.first) / (one.c.purchases - 1)
    return usual, [one.c.purchases >= CHURN_PURCHASES, one.c.last > one.c.first]


def _outlook(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    one = _buyers(asked)
    usual, habit = _habits(one, asked)
    each = (
        sa.select((one.c.last + usual).label("next"), one.c.paid, one.c.purchases)
        .where(*habit, asked.now - one.c.last < CHURN_FROM * usual)
        .subquery("each")
    )
    rows = []
    for days in OUTLOOK_DAYS:
        query = sa.select(sa.func.count(), sa.func.sum(each.c.paid * 1.0 / each.c.purchases))
        found = connection.execute(query.where(each.c.next <= asked.now + days * DAY)).one()
        rows.append((days, int(found[0]), round(float(found[1] or 0.0) / 100, 2)))
    return [table("expected", ("days", "expected_purchases", "expected_value"), rows)]


def _campaigns(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    query = sa.select(_o.campaign, sa.func.sum(flag(_o.amount > 0)), sa.func.sum(_o.amount)).where(
        _o.currency == asked.currency, _o.campaign.is_not(None), _o.ordered_at <= asked.now
    )
    rows = sorted(connection.execute(query.group_by(_o.campaign)), key=lambda row: (-int(row[2]), row[0]))
    shown = [(row[0], int(row[1]), _money(row[2])) for row in rows[: asked.limit]]
    return [
        table("orders_by_campaign", ("campaign", "purchases", "value"), shown),
        table("contacts_by_campaign", ("campaign", "contacts", "reached", "customers"), _reached(connection, asked)),
    ]


def _reached(connection: sa.Connection, asked: Asked) -> list[tuple[Any, ...]]:
    """Contacts of each campaign, how many were answered, and of how many customers; the largest first."""
    _i = interactions.c
    person = sa.func.coalesce(customer_links.c.root, _i.customer_id)
    found = (
        sa.select(
            _i.campaign, sa.func.count(), sa.func.sum(flag(_i.outcome == "answered")), sa.func.count(person.distinct())
        )
        .select_from(interactions.outerjoin(customer_links, customer_links.c.member == _i.customer_id))
        .where(_i.campaign.is_not(None), _i.sorted_at <= asked.now)
        .group_by(_i.campaign)
    )
    rows = sorted(connection.execute(found), key=lambda row: (-int(row[1]), row[0]))
    return [(row[0], int(row[1]), int(row[2]), int(row[3])) for row in rows[: asked.limit]]


def _churn(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    one = _buyers(asked)
    usual, habit = _habits(one, asked)
    late = (asked.now - one.c.last) / usual
    which = [*habit, late >= CHURN_FROM]
    count, value = connection.execute(sa.select(sa.func.count(), sa.func.sum(one.c.value)).where(*which)).one()
    with_habit = connection.execute(sa.select(sa.func.count()).select_from(one).where(*habit)).scalar_one()
    worst = (
        sa.select(one.c.customer, _c.name, one.c.purchases, one.c.value, one.c.last, usual, late)
        .outerjoin(customers, _c.id == one.c.customer)
        .where(*which)
        .order_by(one.c.value.desc(), one.c.customer)
        .limit(asked.limit)
    )
    rows = [
        (row[0], row[1], int(row[2]), _money(row[3]), row[4], round(row[5] / DAY, 1), round(row[6], 2))
        for row in connection.execute(worst)
    ]
    columns = ("customer", "name", "purchases", "lifetime_value", "last_at", "interval_days", "intervals_late")
    summary = [(int(count), with_habit, _percent(int(count), with_habit), _money(value))]
    return [
        table("warned", ("warned", "with_habit", "share", "value"), summary),
        table("churn_warning", columns, rows),
    ]


def _rfm(connection: sa.Connection, asked: Asked) -> list[dict[str, Any]]:
    one = _buyers(asked)

    def score(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        return sa.func.ntile(QUINTILES).over(order_by=[column, one.c.customer])

    each = sa.select(
        score(one.c.last).label("r"), score(one.c.purchases).label("f"), score(one.c.value).label("m"), one.c.value
    ).subquery("each")
    query = sa.select(each.c.r, each.c.f, each.c.m, sa.func.count(), sa.func.sum(each.c.value))
    found: dict[str, list[int]] = {name: [0, 0, 0] for name in RFM_SEGMENTS}
    for r, f, m, count, value in connection.execute(query.group_by(each.c.r, each.c.f, each.c.m)):
        into = found[rfm_segment(int(r), int(f))]
        into[0], into[1], into[2] = into[0] + count, into[1] + int(value), into[2] + int(m) * count
    total = sum(one[0] for one in found.values())
    rows = [
        (name, n, _percent(n, total), _money(value), round(m / n, 2) if n else None)
        for name, (n, value, m) in found.items()
    ]
    return [table("rfm", ("rfm_segment", "customers", "share", "value", "money_score"), rows)]


_VIEWS: Final[Mapping[str, Callable[[sa.Connection, Asked], list[dict[str, Any]]]]] = {
    "profile": _profile,
    "loyalty": _loyalty,
    "value": _value,
    "mix": _mix,
    "outlook": _outlook,
    "campaigns": _campaigns,
    "churn": _churn,
    "rfm": _rfm,
}
