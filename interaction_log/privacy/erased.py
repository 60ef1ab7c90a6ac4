"""The list of who was erased, by keyed hashes only: a file beside the master key, outside the database, because a
database that is restored brings the erased back (``reapply``). A line is JSON: when, and the hashes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interaction_log.store.master_key import MasterKey
from interaction_log.store.personal import Person


def erased_beside(key_file: Path) -> Path:
    """Where the list is: beside the key."""
    return key_file.with_name(key_file.name + ".erased")


@dataclass(slots=True)
class Hashes:
    """All hashes of the list, each with the time (Unix seconds) of the erasure; a number may come back later."""

    customers: dict[str, float] = field(default_factory=dict)
    addresses: dict[str, float] = field(default_factory=dict)


class ErasedList:
    """The file. ``add`` returns when it is on disk; whoever cannot write it must not erase."""

    def __init__(self, path: Path):
        self.path = path

    def add(self, master: MasterKey, erasure_id: str, person: Person, at: float) -> None:
        """Remember a person. The same again does no harm."""
        line = {
            "at": at,
            "erasure": erasure_id,
            "customers": [master.pseudonym("customer", one) for one in person.customers],
            "addresses": [master.pseudonym("address", one) for one in (*person.numbers, *person.mails)],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> Hashes:
        """All of it; a line that a power cut tore is left out."""
        found = Hashes()
        for line in self._lines():
            for kind, into in (("customers", found.customers), ("addresses", found.addresses)):
                for one in line[kind]:
                    into[one] = max(into.get(one, 0.0), line["at"])
        return found

    def _lines(self) -> Iterable[dict[str, Any]]:
        try:
            text = self.path.read_text("ascii")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if {"at", "customers", "addresses"} <= set(found):
                yield found
