"""Orders and the views of customers on SQLite and PostgreSQL, against a second count in plain Python."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import analytics
from interaction_log.analytics import DAY
from interaction_log.periods import moment
from interaction_log.records import Refused
from interaction_log.store import Store
from interaction_log.store.engine import open_engine
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.reports_tables import orders
from interaction_log.store.search_tables import timeline_items
from tests.contract.test_reports import database
from tests.fakes.postgres import Postgres, shared_postgres

NOW = moment("2026-11-01", "UTC")
HEAD = "number,customer,ordered_at,amount,currency,product,channel,campaign\n"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@dataclass
class Site:
    store: Store
    url: str
    ids: list[str]

    async def take(self, text: str, **more: Any) -> Any:
        return await self.store.orders("CN").import_csv(text.encode(), now=NOW, **more)

    async def view(self, name: str) -> dict[str, Any]:
        found = await self.store.customer_views.view(name, "UTC", 50, NOW)
        assert found["view"] == name
        return {part["name"]: part for part in found["tables"]} | {"notes": found["notes"], "whole": found}

    def rows(self, query: Any) -> list[Any]:
        engine = open_engine(self.url, writes=False)
        with engine.connect() as connection:
            found = list(connection.execute(query).all())
        engine.dispose()
        return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    url = database(request, request.param, tmp_path)
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    ids = []
    for n in range(40):
        who = {"name": f"C{n:02d}", "phones": [f"+86138001380{n:02d}"], "emails": [f"c{n}@example.com"]}
        ids.append((await store.customers.create(who)).id)
    yield Site(store, url, ids)
    await asyncio.to_thread(store.close)


async def test_orders_are_taken_by_id_number_or_mail_and_again(site: Site) -> None:
    text = HEAD + (
        f"1,{site.ids[0]},2026-10-01,10.00,CNY,Sensor,web,\n"
        "2,138 0013 8001,2026-10-02T10:00:00+08:00,20.5,,,,autumn\n"
        "3,C2@example.com,2026-10-03,30,,,,\n"
        "4,nobody@example.com,2026-10-03,30,,,,\n"
        "5,c3@example.com,2026-10-03,a lot,,,,\n"
    )
    dry = await site.take(text, dry_run=True)
    assert (dry.read, dry.created, len(dry.refused)) == (5, 3, 2) and site.rows(sa.select(orders)) == []
    done = await site.take(text)
    assert (done.read, done.created, done.updated) == (5, 3, 0)
    assert [(one.line, one.field) for one in done.refused] == [(5, "customer"), (6, "amount")]
    again = await site.take(HEAD + f"1,{site.ids[0]},2026-10-01,12.00,CNY,Sensor,web,\n")
    assert (again.created, again.updated) == (0, 1)
    found = {row.number: row for row in site.rows(sa.select(orders))}
    assert [found[n].amount for n in "123"] == [1_200, 2_050, 3_000]
    assert [found[n].customer_id for n in "123"] == site.ids[:3]
    kept = site.rows(sa.select(timeline_items).where(timeline_items.c.kind == "order"))
    assert sorted(row.ref for row in kept) == ["1", "2", "3"], "they stand in the customer's timeline"
    with pytest.raises(Refused, match="ordered_at, amount"):
        await site.take("number,customer\n1,2\n")


def made(ids: list[str]) -> list[dict[str, Any]]:
    """Orders of half a year, some given back, some in another currency."""
    pick = random.Random(9)
    rows = []
    for n in range(400):
        rows.append(
            {
                "number": f"N{n}",
                "customer_id": ids[min(int(pick.expovariate(0.12)), 35)],
                "ordered_at": NOW - pick.random() * 180 * DAY,
                "amount": pick.choice(
                    [pick.randrange(100, 90_000), pick.randrange(100, 9_000), -pick.randrange(1, 900)]
                ),
                "currency": "EUR" if n % 20 == 0 else "CNY",
                "product": pick.choice(["Sensor", "Cable", None]),
                "channel": pick.choice(["web", "voice"]),
                "campaign": pick.choice(["autumn", None]),
                "imported_at": NOW,
            }
        )
    return rows


async def test_every_view_against_a_second_count(site: Site) -> None:
    rows = made(site.ids)
    engine = open_engine(site.url)
    with engine.begin() as connection:
        connection.execute(sa.insert(orders), rows)
        connection.execute(sa.insert(customer_links).values(member=site.ids[1], root=site.ids[0]))  # one person
    engine.dispose()
    mine: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["currency"] == "CNY":
            mine[site.ids[0] if row["customer_id"] == site.ids[1] else row["customer_id"]].append(row)
    bought = {of: sorted(r["ordered_at"] for r in got if r["amount"] > 0) for of, got in mine.items()}
    bought = {of: times for of, times in bought.items() if times}
    worth = {of: sum(r["amount"] for r in mine[of]) for of in bought}
    paid = {of: sum(r["amount"] for r in mine[of] if r["amount"] > 0) for of in bought}

    value = await site.view("value")
    assert value["whole"]["currency"] == "CNY" and value["whole"]["other_currencies"] == 20
    n = sum(map(len, bought.values()))
    total = round(sum(worth.values()) / 100, 2)
    assert value["totals"]["rows"][0][:3] == [len(bought), n, total]
    assert value["totals"]["rows"][0][3] == pytest.approx(sum(paid.values()) / 100 / n, abs=0.01)
    best = [(row[0], row[3]) for row in value["best_customers"]["rows"]]
    assert best == [(of, worth[of] / 100) for of in sorted(worth, key=lambda of: (-worth[of], of))]

    loyal = await site.view("loyalty")
    again = sum(len(times) > 1 for times in bought.values())
    assert loyal["repeat_buyers"]["rows"] == [[len(bought), again, round(100 * again / len(bought), 2)]]
    assert sum(row[1] for row in loyal["by_purchases"]["rows"]) == len(bought)

    late = {
        of: ratio
        for of, times in bought.items()
        if (ratio := analytics.overdue(times[0], times[-1], len(times), NOW)) is not None
    }
    churn = await site.view("churn")
    warned = sorted((of for of, ratio in late.items() if ratio >= 2), key=lambda of: (-worth[of], of))
    assert [row[0] for row in churn["churn_warning"]["rows"]] == warned and warned
    assert churn["warned"]["rows"][0][:2] == [len(warned), len(late)]

    outlook = await site.view("outlook")
    for days, count, amount in outlook["expected"]["rows"]:
        due = [
            of
            for of, ratio in late.items()
            if ratio < 2
            if bought[of][-1] + (analytics.interval(bought[of][0], bought[of][-1], len(bought[of])) or 0)
            <= NOW + days * DAY
        ]
        assert count == len(due)
        assert amount == pytest.approx(sum(paid[of] / len(bought[of]) for of in due) / 100, abs=0.02)

    def scores(key: Any) -> dict[str, int]:
        order = sorted(bought, key=lambda of: (key(of), of))
        return {of: analytics.quintile(place, len(order)) for place, of in enumerate(order)}

    recent, often = scores(lambda of: bought[of][-1]), scores(lambda of: len(bought[of]))
    segments: dict[str, int] = defaultdict(int)
    for of in bought:
        segments[analytics.rfm_segment(recent[of], often[of])] += 1
    rfm = await site.view("rfm")
    assert {row[0]: row[1] for row in rfm["rfm"]["rows"] if row[1]} == dict(segments)

    mix = await site.view("mix")
    by_product: dict[Any, int] = defaultdict(int)
    for row in (row for got in mine.values() for row in got):
        by_product[row["product"]] += row["amount"]
    assert {row[0]: row[2] for row in mix["orders_by_product"]["rows"]} == {
        key: round(amount / 100, 2) for key, amount in by_product.items()
    }
    profile = await site.view("profile")
    assert profile["by_kind"]["rows"] == [["person", 39, 100.0]], "two records are one person"
    campaigns = await site.view("campaigns")
    assert campaigns["notes"] == [] and len(campaigns["orders_by_campaign"]["rows"]) == 1


async def test_without_orders_the_views_say_so(site: Site) -> None:
    for name in analytics.VIEWS:
        found = await site.view(name)
        assert "no_orders" in found["notes"]
        assert found["whole"]["tables"]
