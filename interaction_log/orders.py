"""Orders out of a CSV file: which columns, which amounts, what is wrong with a row. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from interaction_log.periods import moment

COLUMNS: Final = (
    "number", "customer", "ordered_at", "amount", "currency", "product", "channel", "campaign",
)  # fmt: skip
NEEDED: Final = ("number", "customer", "ordered_at", "amount")
LONGEST: Final = 200
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MOST: Final = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``customer``: a customer's id, telephone number or mail address; ``amount``: hundredths of the currency."""

    number: str
    customer: str
    ordered_at: float
    amount: int
    currency: str
    product: str | None = None
    channel: str | None = None
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """A row that was not taken: where it stands, which column, why."""

    line: int
    field: str
    reason: str


@dataclass(slots=True)
class OrderReport:
    """What became of a file: rows read, taken new or again (same number), refused."""

    read: int = 0
    created: int = 0
    updated: int = 0
    refused: list[RefusedOrder] = field(default_factory=list)


def order(cells: Mapping[str, str], *, zone: str, currency: str) -> Order:
    """The order of a row. Raises ``ValueError`` with the column and the reason as its two arguments.

    ``zone``: of dates without a time; ``currency``: where the row names none.
    """
    for name in NEEDED:
        if not cells.get(name):
            raise ValueError(name, "is missing")
    for name, cell in cells.items():
        if len(cell) > LONGEST:
            raise ValueError(name, f"at most {LONGEST} characters")
    unit = (cells.get("currency") or currency).upper()
    if not _CURRENCY.fullmatch(unit):
        raise ValueError("currency", "is no currency (three letters, ISO 4217)")
    return Order(
        number=cells["number"],
        customer=cells["customer"],
        ordered_at=_time(cells["ordered_at"], zone),
        amount=_amount(cells["amount"]),
        currency=unit,
        product=cells.get("product") or None,
        channel=cells.get("channel") or None,
        campaign=cells.get("campaign") or None,
    )


def _time(text: str, zone: str) -> float:
    try:
        at = moment(text, zone)
    except ValueError:
        raise ValueError("ordered_at", "is no date (2026-11-01) and no RFC 3339 time") from None
    if at < 0:
        raise ValueError("ordered_at", "is before 1970")
    return at


def _amount(text: str) -> int:
    """Hundredths. ``1234.5`` or ``1,234.50``; a comma alone would be read differently in different countries."""
    plain = text.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text) else text
    try:
        amount = Decimal(plain) * 100
    except InvalidOperation:
        raise ValueError("amount", "is no amount (1234.50)") from None
    if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) > _MOST:
        raise ValueError("amount", "is no amount (1234.50)")
    return int(amount)


def heading(cells: Sequence[str]) -> list[str | None]:
    """The columns' names; raises ``ValueError`` naming what is missing. Columns that we do not know are passed over."""
    names = [cell.strip().casefold().replace(" ", "_") for cell in cells]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ValueError(f"the file has no column {', '.join(missing)}")
    return [name if name in COLUMNS else None for name in names]
