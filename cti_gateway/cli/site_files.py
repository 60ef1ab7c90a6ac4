"""A site's own Asterisk files, read with pyst2's `asterisk.config`: what they say of us and of the queues."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asterisk import config as pyst

from cti_gateway.diagnosis import ManagerConf, QueueConf


class SiteFileError(Exception):
    """The file cannot be read; the text says why."""


class _Tolerant(pyst.Config):  # type: ignore[misc]
    """pyst2's parser on a text of which the lines are left out that it stumbles over.

    It knows neither ``#include`` nor templates (``[a](b)``): the former is left out, the latter kept in `parents`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.parents: dict[str, list[list[str]]] = {}
        """By name, for each section of it in order: pjsip.conf has several."""
        super().__init__("")

    def load(self) -> None:
        """Take the text in place of a file."""
        self.raw_lines = [line for line in (self._plain(one) for one in io.StringIO(self._text)) if line]

    def _plain(self, line: str) -> str:
        line = line.split(";", maxsplit=1)[0].strip()
        if line.startswith("["):
            name, _, rest = line[1:].partition("]")
            named = [one.strip() for one in rest.strip(" ()").split(",") if one.strip(" !+")]
            self.parents.setdefault(name, []).append(named)
            return f"[{name}]\n"
        return f"{line}\n" if "=" in line and not line.startswith("#") else ""


def _read(path: Path) -> _Tolerant:
    try:
        return _Tolerant(path.read_text("utf-8", "replace"))
    except OSError as error:
        raise SiteFileError(f"{path}: {error.strerror}") from error
    except pyst.ParseError as error:
        raise SiteFileError(f"{path}: line {error}") from error


def sections(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Each section's values by key, in order; those of its templates first."""
    parsed = _read(path)
    seen: dict[str, dict[str, list[str]]] = {}
    for category in parsed.categories:
        values: dict[str, list[str]] = {}
        mine = parsed.parents.get(category.name)
        for parent in mine.pop(0) if mine else []:
            for key, inherited in seen.get(parent, {}).items():
                values[key] = list(inherited)
        for item in category.items:
            values.setdefault(str(item.name).lower(), []).append(str(item.value).strip())
        seen[category.name] = values
        yield category.name, values


def last(values: dict[str, list[str]], key: str) -> str | None:
    """The value that counts: the last."""
    found: list[Any] = values.get(key, [])
    return str(found[-1]) if found else None


def queues(path: Path) -> list[QueueConf]:
    """The queues of a ``queues.conf``."""
    return [
        QueueConf(
            name,
            joinempty=last(values, "joinempty"),
            leavewhenempty=last(values, "leavewhenempty"),
            ringinuse=last(values, "ringinuse"),
            wrapuptime=last(values, "wrapuptime"),
        )
        for name, values in sections(path)
        if name != "general"
    ]


def _rights(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(one.strip().lower() for one in text.split(","))


def manager(path: Path, username: str) -> ManagerConf | None:
    """What a ``manager.conf`` says of this user; None when it does not know her."""
    general: dict[str, list[str]] = {}
    for name, values in sections(path):
        if name == "general":
            general = values
        elif name == username:
            return ManagerConf(
                timestampevents=last(general, "timestampevents"),
                writetimeout=last(values, "writetimeout"),
                read=_rights(last(values, "read")),
                write=_rights(last(values, "write")),
                filters=sum(len(found) for key, found in values.items() if key.startswith("eventfilter")),
            )
    return None
