"""Everything that is kept of one person, for that person: a ZIP of JSON by table, the files, and a manifest.

The register says what there is, so a table cannot be forgotten. Rows are read in pages, each in a transaction of its
own; what was sealed is opened; events are decoded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.events import to_payload
from interaction_log.privacy import erase
from interaction_log.privacy.person import exists, person_of
from interaction_log.privacy.stored import Files, StoredPrivacy
from interaction_log.records import NotFound
from interaction_log.store import sealed_fields
from interaction_log.store.keys import Keys
from interaction_log.store.personal import Person, Personal, registered
from interaction_log.store.projection import readable
from interaction_log.store.schema import events

PAGE: Final = 500
KIND: Final = "callweave-access-1"
_README: Final = """This archive holds everything that is kept of one person.

manifest.json lists the files with their SHA-256 and says what each is.
data/TABLE.json: the rows of one table, as JSON objects. Times are Unix seconds (UTC).
files/: recordings and voicemail messages.
"""


async def write(privacy: StoredPrivacy, customer_id: str, files: Files, out: Path, at: float) -> dict[str, Any]:
    """Write the archive to ``out`` and return its manifest. Raises ``NotFound``."""
    person = await privacy.reading.fresh(partial(_person, customer_id=customer_id))
    manifest: dict[str, Any] = {"kind": KIND, "made_at": at, "customer_ids": list(person.customers), "files": []}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("README.txt", _README)
        for one in registered():
            if one.export:
                await _table(privacy, one, person, archive, manifest)
        stored = await privacy.reading(lambda connection: list(erase.files(connection, person)))
        for file in stored:
            found = await files.read(file)
            entry = {"kind": file.kind, "id": file.id, "interaction_id": file.row["interaction_id"]}
            if found is None:
                manifest["files"].append({**entry, "missing": True})
                continue
            suffix, content = found
            _put(archive, manifest, f"files/{file.kind}-{_plain(file.id)}{suffix}", content, entry)
        text = json.dumps(manifest, indent=2, sort_keys=True)
        archive.writestr("manifest.json", text)
    return manifest


def _plain(text: str) -> str:
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in text)[:80]


def _person(connection: sa.Connection, customer_id: str) -> Person:
    if not exists(connection, customer_id):
        raise NotFound(customer_id)
    return person_of(connection, customer_id)[0]


async def _table(
    privacy: StoredPrivacy, one: Personal, person: Person, archive: zipfile.ZipFile, manifest: dict[str, Any]
) -> None:
    pages = [page async for page in _pages(privacy, one, person)]
    rows = [row for page in pages for row in page]
    if rows:
        content = json.dumps(rows, ensure_ascii=False, indent=1, default=str).encode("utf-8", "backslashreplace")
        _put(archive, manifest, f"data/{one.table.name}.json", content, {"kind": "rows", "rows": len(rows)})


def _put(archive: zipfile.ZipFile, manifest: dict[str, Any], name: str, content: bytes, entry: dict[str, Any]) -> None:
    archive.writestr(name, content)
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"].append({**entry, "name": name, "bytes": len(content), "sha256": digest})


async def _pages(privacy: StoredPrivacy, one: Personal, person: Person) -> AsyncIterator[list[dict[str, Any]]]:
    after: tuple[Any, ...] | None = ()
    while after is not None:
        page, after = await privacy.reading(partial(read_page, keys=privacy.keys, one=one, person=person, after=after))
        yield page


def read_page(
    connection: sa.Connection, keys: Keys, one: Personal, person: Person, after: tuple[Any, ...]
) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    """The next rows of this table, opened, and where it goes on (``None``: nowhere)."""
    key = list(one.table.primary_key.columns)
    query = sa.select(one.table).where(one.of(person)).order_by(*key).limit(PAGE)
    if after:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*after))
    rows = connection.execute(query).all()
    if one.table is events:
        found = _events(connection, keys, rows)
    else:
        told = [dict(row._mapping) for row in rows]
        told = one.read(connection, keys.master, told) if one.read is not None and told else told
        found = [_opened(one, person, row) for row in told]
    last = tuple(rows[-1]._mapping[column] for column in key) if len(rows) == PAGE else None
    return found, last


def _events(connection: sa.Connection, keys: Keys, rows: Any) -> list[dict[str, Any]]:
    ciphers = keys.read(connection, rows)
    found = []
    for row in rows:
        event = readable(tuple(row), ciphers)
        told = to_payload(event) if event is not None else {}
        found.append({"seq": row.seq, "type": row.type, "interaction_id": row.interaction_id, **told})
    return found


def _opened(one: Personal, person: Person, row: dict[str, Any]) -> dict[str, Any]:
    """Without secrets; JSON as JSON; what was sealed in clear."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name in one.secret:
            continue
        found[name] = _clear(person, _parsed(value))
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _clear(person: Person, value: Any) -> Any:
    if isinstance(value, str) and value.startswith(sealed_fields.MARK):
        texts = (sealed_fields.open_value(of, value) for of in person.customers)
        return next((text for text in texts if text is not None), None)
    if isinstance(value, dict):
        return {name: _clear(person, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clear(person, inner) for inner in value]
    return value
