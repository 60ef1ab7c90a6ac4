"""What the views of customers mean: value, loyalty, RFM segments, outlook, churn warning. Pure.

An order with a positive amount is a purchase; a negative amount is money given back and lowers the value. Amounts are
hundredths of one currency: the one with most orders; orders in others are counted and left out, never converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

DAY: Final = 86_400.0
View = Literal["profile", "loyalty", "value", "mix", "outlook", "campaigns", "churn", "rfm"]
VIEWS: Final[tuple[View, ...]] = ("profile", "loyalty", "value", "mix", "outlook", "campaigns", "churn", "rfm")
CHURN_FROM: Final = 2.0
"""Times the usual interval after which a customer is warned of."""
CHURN_PURCHASES: Final = 3
"""So many purchases (two intervals) make a habit."""
OUTLOOK_DAYS: Final = (30, 60, 90)
QUINTILES: Final = 5


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure of the views of customers."""

    name: str
    formula: str
    source: str


DEFINITIONS: Final[tuple[Definition, ...]] = (
    Definition("customer", "a person or organisation; merged records are one, by the head of the merge", "customers"),
    Definition("purchase", "an order with a positive amount", "orders"),
    Definition(
        "lifetime_value", "sum of the amounts of all orders of a customer, money given back subtracted", "orders.amount"
    ),
    Definition("average_order", "sum of purchases ÷ purchases", "orders"),
    Definition(
        "repeat_rate", "customers with two purchases or more ÷ customers with one or more, in percent", "orders"
    ),
    Definition("tenure", "days from a customer's first purchase until now", "orders.ordered_at"),
    Definition(
        "interval",
        "(last purchase − first purchase) ÷ (purchases − 1), in days: how often a customer buys",
        "orders.ordered_at",
    ),
    Definition(
        "expected_next",
        "last purchase + interval, for customers with 3 purchases or more; the outlook counts those that are expected "
        "within 30, 60 and 90 days and are not a churn warning, each with its average order",
        "computed",
    ),
    Definition(
        "churn_warning",
        "3 purchases or more, and the time since the last one is 2 intervals or more; sorted by lifetime value",
        "computed; after repeat-buying theory (Ehrenberg 1972)",
    ),
    Definition(
        "rfm",
        "recency, frequency and money of each buyer, in quintiles among all buyers (5 is best; equal ones are "
        "ordered by id). Segments, the first that fits: champion R≥4 and F≥4; loyal R=3 and F≥4; at_risk "
        "R≤2 and F≥3; new R≥4 and F=1; promising R≥4; lost R=1; else occasional",
        "Hughes 1994",
    ),
    Definition("channel_mix", "orders and inbound contacts by channel", "orders.channel; interactions.channel"),
    Definition("product_mix", "purchases and amount by product", "orders.product"),
    Definition(
        "campaign",
        "orders by the campaign that the order names; contacts by campaign, how many of them were answered, and of how "
        "many customers they are",
        "orders.campaign; interactions.campaign",
    ),
)

RFM_SEGMENTS: Final = ("champion", "loyal", "new", "promising", "at_risk", "lost", "occasional")


def rfm_segment(recency: int, frequency: int) -> str:
    """The segment of these scores (1 to 5, 5 is best)."""
    if recency >= 4:
        return "champion" if frequency >= 4 else "new" if frequency == 1 else "promising"
    if frequency >= 4 and recency == 3:
        return "loyal"
    if recency <= 2 and frequency >= 3:
        return "at_risk"
    return "lost" if recency == 1 else "occasional"


def interval(first: float, last: float, purchases: int) -> float | None:
    """Seconds between two purchases as a rule; ``None`` of one purchase, or where all were at one moment."""
    return (last - first) / (purchases - 1) if purchases > 1 and last > first else None


def overdue(first: float, last: float, purchases: int, now: float) -> float | None:
    """How many intervals ago the last purchase was; ``None`` without a habit."""
    usual = interval(first, last, purchases) if purchases >= CHURN_PURCHASES else None
    return (now - last) / usual if usual is not None else None


def quintile(rank: int, count: int) -> int:
    """The quintile (1 to 5) of place ``rank`` (from 0) among ``count``, as SQL's NTILE cuts."""
    size, larger = divmod(count, QUINTILES)
    cut = larger * (size + 1)
    return rank // (size + 1) + 1 if rank < cut else larger + (rank - cut) // max(1, size) + 1


def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, object]:
    """A part of a view. A column ``customer`` holds ids, ``name`` the names beside."""
    return {"name": name, "columns": list(columns), "rows": [list(row) for row in rows]}
