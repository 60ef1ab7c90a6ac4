"""What the reports' routes stand on."""

from __future__ import annotations

from dataclasses import dataclass

from interaction_log.store.customer_views import CustomerViews
from interaction_log.store.orders import StoredOrders
from interaction_log.store.report_schedules import StoredSchedules
from interaction_log.store.reports import StoredReports
from interaction_log.store.shifts import StoredShifts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAccess:
    """``mail``: whether schedules are sent, that is, whether there is a mail server."""

    reports: StoredReports
    customers: CustomerViews
    orders: StoredOrders
    shifts: StoredShifts
    schedules: StoredSchedules
    mail: bool = False
