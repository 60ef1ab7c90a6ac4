"""Cells of the fields that a site defined: text of a file as the value that the field's type wants. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interaction_log import mapping
from interaction_log.records import CustomField, Refused


def values(given: dict[str, Any], site: Sequence[CustomField]) -> dict[str, Any]:
    """``given`` with its ``fields`` in their types. Raises ``Refused`` that names the field."""
    texts: dict[str, str] = given.get("fields", {})
    if not texts:
        return given
    known = {one.code: one for one in site}
    return given | {"fields": {code: _value(known.get(code), code, text) for code, text in texts.items()}}


def _value(one: CustomField | None, code: str, text: str) -> Any:
    target = mapping.FIELDS + code
    if one is None:
        raise Refused(target, "there is no such field")
    if one.type == "flag":
        return mapping.flag(target, text)
    if one.type == "number":
        return mapping.number(target, text)
    if one.type == "date":
        return text.strip()[:10].replace("/", "-") if len(text.strip()) >= 10 else text
    return _choice(one, text) if one.type == "choice" else text


def _choice(one: CustomField, text: str) -> str:
    """A choice by its code or by its label in any language."""
    wanted = text.strip().casefold()
    for choice in one.choices:
        if wanted in (choice.code.casefold(), *(label.casefold() for label in choice.labels.values())):
            return choice.code
    return text


def by_heading(site: Sequence[CustomField]) -> dict[str, str]:
    """Targets by what a heading may say: the code or a label of a field, without blanks and signs."""
    found: dict[str, str] = {}
    for one in site:
        if not one.retired:
            for word in (one.code, *one.labels.values()):
                found.setdefault(mapping.plain(word), mapping.FIELDS + one.code)
    return found
