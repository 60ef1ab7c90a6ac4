"""What was deleted leaves the files too.

SQLite overwrites deleted content with zeros (``secure_delete``, see ``engine``), and the pages of before wait in the
WAL until it is emptied. PostgreSQL keeps dead rows until VACUUM; within a page their bytes may stay until it is
written anew, which only VACUUM FULL makes sure of. What was sealed with a destroyed key is noise in any case.
"""

from __future__ import annotations

import contextlib
import time
from typing import Final

import sqlalchemy as sa

_PATIENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.05


def compact(engine: sa.Engine, *, whole: bool) -> bool:
    """Empty the WAL, or vacuum. ``whole``: the whole database anew, which takes long and locks it. Blocks.

    ``False``: readers kept the WAL busy; it is emptied with the next checkpoint that finds nobody.
    """
    with engine.connect() as pooled:
        driver = pooled.connection.driver_connection
        assert driver is not None
        if engine.dialect.name == "postgresql":
            return _postgres(engine, whole=whole)
        pooled.rollback()
        if whole:
            with contextlib.suppress(Exception):
                driver.execute("INSERT INTO search_words (search_words) VALUES ('optimize')").close()
            driver.execute("VACUUM").close()
        return _truncate(driver)


def _truncate(driver: object) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        cursor = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
        busy = cursor.fetchone()[0]
        cursor.close()
        if not busy:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)


def _postgres(engine: sa.Engine, *, whole: bool) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM FULL" if whole else "VACUUM")
    return True
