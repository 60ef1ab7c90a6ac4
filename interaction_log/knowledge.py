"""Articles and call scripts: what they may hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from interaction_log.mapping import FIELDS
from interaction_log.records import Refused

Kind = Literal["article", "script"]
KINDS: Final = ("article", "script")
MOST_BODY: Final = 100_000
MOST_TITLE: Final = 200
MOST_STEPS: Final = 100
MOST_NEXT: Final = 12
MOST_FIELDS: Final = 30
MOST_LANGUAGES: Final = 20
FILLED: Final = ("name", "organisation", "language", "channel", "value", "notes", "vip", "kind")
"""Fields of a customer's record that a script may fill, beside those that the site defined (``fields.CODE``)."""
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """In one language. ``body``: Markdown, of which the screen knows a part."""

    title: str
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a script goes on: ``to`` is a step's id, ``None`` the end. ``labels``: what is pressed, by language."""

    labels: dict[str, str]
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a script. ``fields``: of the customer's record, to be filled here."""

    id: str
    texts: dict[str, Text]
    fields: list[str] = field(default_factory=list)
    next: list[Way] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody writes. ``texts`` by language; ``steps`` of a script only."""

    kind: Kind
    texts: dict[str, Text]
    steps: list[Step] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)
    position: int = 0


def check(draft: Draft) -> Draft:
    """The same, or ``Refused`` with the name of what is wrong."""
    if draft.kind not in KINDS:
        raise Refused("kind", "one of " + ", ".join(KINDS))
    _check_texts("texts", draft.texts, MOST_BODY)
    if (draft.kind == "article") and draft.steps:
        raise Refused("steps", "only a script has them")
    if draft.kind == "script" and not 0 < len(draft.steps) <= MOST_STEPS:
        raise Refused("steps", f"1 to {MOST_STEPS} steps")
    for name, values in (("queues", draft.queues), ("campaigns", draft.campaigns)):
        if len(values) > 200 or any(not 0 < len(one) <= 80 for one in values):
            raise Refused(name, "200 at most")
    _check_steps(draft.steps)
    return draft


def _check_texts(where: str, texts: Mapping[str, Text], most: int) -> None:
    if not 0 < len(texts) <= MOST_LANGUAGES:
        raise Refused(where, "a text in at least one language")
    for language, text in texts.items():
        if not _LANGUAGE.fullmatch(language):
            raise Refused(where, "no language tag")
        if not 0 < len(text.title.strip()) <= MOST_TITLE:
            raise Refused(f"{where}.{language}.title", f"1 to {MOST_TITLE} characters")
        if len(text.body) > most:
            raise Refused(f"{where}.{language}.body", f"longer than {most} characters")
        if "\0" in text.title + text.body or (not (text.title + text.body).isprintable() and _surrogate(text)):
            raise Refused(f"{where}.{language}.body", "holds control characters")


def _surrogate(text: Text) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text.title + text.body)


def _check_steps(steps: Sequence[Step]) -> None:
    ids = [step.id for step in steps]
    for n, step in enumerate(steps):
        where = f"steps.{n}"
        if not _CODE.fullmatch(step.id) or ids.index(step.id) != n:
            raise Refused(f"{where}.id", "1 to 64 of a-z, 0-9, dash and underscore")
        _check_texts(f"{where}.texts", step.texts, MOST_BODY // 10)
        if len(step.fields) > MOST_FIELDS:
            raise Refused(f"{where}.fields", f"{MOST_FIELDS} at most")
        for name in step.fields:
            if name not in FILLED and not (name.startswith(FIELDS) and _CODE.fullmatch(name.removeprefix(FIELDS))):
                raise Refused(f"{where}.fields", "there is no such field")
        _check_ways(where, step.next, ids)


def _check_ways(where: str, ways: Sequence[Way], ids: Sequence[str]) -> None:
    if len(ways) > MOST_NEXT:
        raise Refused(f"{where}.next", f"{MOST_NEXT} at most")
    for way in ways:
        if way.to is not None and way.to not in ids:
            raise Refused(f"{where}.next", "there is no such step")
        if not way.labels or any(not 0 < len(text.strip()) <= MOST_TITLE for text in way.labels.values()):
            raise Refused(f"{where}.next", "a text in at least one language")


def step_of(given: Mapping[str, Any]) -> Step:
    """A step out of JSON."""
    return Step(
        id=given["id"],
        texts={language: Text(**text) for language, text in given["texts"].items()},
        fields=list(given.get("fields", ())),
        next=[Way(**way) for way in given.get("next", ())],
    )


def words(texts: Mapping[str, Text], steps: Sequence[Step]) -> tuple[str, str]:
    """What a search looks into: the titles, and all the rest."""
    titles = dict.fromkeys(text.title for text in texts.values())
    bodies = [text.body for text in texts.values()]
    bodies += [part for step in steps for text in step.texts.values() for part in (text.title, text.body)]
    return " · ".join(titles), "\n".join(part for part in bodies if part)


def in_language(texts: Mapping[str, Any], language: str) -> str:
    """The language to be shown of those that there are: the wanted one, one of the same first part, English, any."""
    first = language.partition("-")[0]
    alike = (one for one in texts if one.partition("-")[0] == first)
    return language if language in texts else next(alike, "en" if "en" in texts else next(iter(texts)))
