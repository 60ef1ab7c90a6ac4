"""The store: the one log with its writer, and the records beside it, on SQLite or PostgreSQL."""

from interaction_log.store.lease import LeaseHeld
from interaction_log.store.log import EventLog, NotDurable
from interaction_log.store.migrate import SchemaTooNew, upgrade_to_head
from interaction_log.store.store import Store
from interaction_log.store.writer import Counters, LogState

__all__ = ["Counters", "EventLog", "LeaseHeld", "LogState", "NotDurable", "SchemaTooNew", "Store", "upgrade_to_head"]
