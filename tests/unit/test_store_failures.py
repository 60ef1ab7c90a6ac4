"""What people read of a database's error."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from interaction_log.store.failures import complaint, in_words


def failed(url: str, sql: str) -> sa.exc.DBAPIError:
    """The error of a statement."""
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.DBAPIError) as found, engine.connect() as connection:
        connection.exec_driver_sql(sql)
    engine.dispose()
    return found.value


def test_sqlites_own_name_of_the_error_follows_where_it_tells_more(tmp_path: Path) -> None:
    damaged = tmp_path / "log.db"
    with sqlite3.connect(damaged) as made:
        made.execute("CREATE TABLE it (value TEXT)")
        made.execute("INSERT INTO it VALUES ('Anna Weber')")
    made.close()
    damaged.write_bytes(damaged.read_bytes()[:4096] + b"noise" * 800)
    words = in_words(failed(f"sqlite:///{damaged}", "SELECT value FROM it WHERE value = 'Anna Weber'"))
    assert words == "DatabaseError: database disk image is malformed (SQLITE_CORRUPT)"


def test_an_error_without_a_name_of_its_own_is_one_line_without_the_statement() -> None:
    error = failed("sqlite://", "SELECT 'Anna Weber' FROM nowhere")
    assert in_words(error) == "OperationalError: no such table: nowhere"
    assert complaint(error) == "no such table: nowhere"
    assert (complaint(OSError()), in_words(OSError())) == ("", "OSError")
