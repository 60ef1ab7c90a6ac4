"""The tables of imports: the job, its file while it is needed, its rows, and the mappings that have a name.

A row keeps only what is still wanted of it: the cells of a row that waits or was refused, and of one that was taken
what an undo needs (a digest of the record that was made, or before and after of each field that was changed).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import Personal, customer, free, register
from interaction_log.store.schema import metadata

imports: Final = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("file", sa.String, nullable=False),  # its name
    sa.Column("kind", sa.String, nullable=False),  # csv | xlsx | vcard
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # see interaction_log.mapping.ImportState
    sa.Column("headings", sa.Text, nullable=False),  # JSON array
    sa.Column("samples", sa.Text, nullable=False),  # JSON array of arrays: the first rows; emptied when it is done
    sa.Column("mapping", sa.Text, nullable=False),  # JSON array: a target or null by column
    sa.Column("duplicates", sa.String, nullable=False),  # update | skip | new
    sa.Column("rename", sa.Boolean, nullable=False),  # update also where the name differs
    sa.Column("counts", sa.Text, nullable=False),  # JSON object
    sa.Column("total", sa.Integer),  # rows of the file; null: not known yet
    sa.Column("done", sa.Integer, nullable=False),  # rows that this step has behind it
    sa.Column("failure", sa.Text),  # JSON {field, message}
    sa.Column("finished_at", sa.Double),
    sa.Column("undone_at", sa.Double),
    sa.Column("undone_by", sa.String),
    sa.Column("worker", sa.String),  # the process that works at it …
    sa.Column("worker_until", sa.Double),  # … and until when that is believed without a new word of it
    sa.Column("attempts", sa.Integer, nullable=False),  # processes that began this step
    sa.Index("imports_by_time", "created_at", "id"),
)

import_parts: Final = sa.Table(
    "import_parts",
    metadata,
    sa.Column("import_id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

import_rows: Final = sa.Table(
    "import_rows",
    metadata,
    sa.Column("import_id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),  # from 1, in the order of the file
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # see interaction_log.mapping.RowState
    sa.Column("same", sa.String),  # whose it seems to be: see interaction_log.mapping.Same
    sa.Column("customer_id", sa.String),  # the one that it seems to be; then the one that it made or changed
    sa.Column("field", sa.String),
    sa.Column("reason", sa.Text),
    sa.Column("content", sa.Text),  # JSON, by state
    sa.Index("import_rows_of_state", "import_id", "state", "n"),
    sa.Index("import_rows_of_customer", "customer_id"),
)

import_mappings: Final = sa.Table(
    "import_mappings",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("columns", sa.Text, nullable=False),  # JSON object: target (or null) by heading
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


register(
    Personal(
        table=import_rows,
        of=customer(import_rows.c.customer_id),
        erase="blank",
        columns=("customer_id", "reason", "content"),
    )
)
free(imports, "names of files, headings and sums; the first rows only until the import is done or a day is over")
free(import_parts, "a file that waits to be taken in, for a day at most; it is deleted when it was")
free(import_mappings, "headings of columns")
