"""What stands in the audit trail has words on its page, in both languages."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_console.rest_imports import _ACTS
from cti_gateway.cli.user import _ACTIONS

ROOT = Path(__file__).parents[2]
TOPICS = ROOT / "agent_console" / "web" / "src" / "i18n" / "topics"
BY_NAME = {"administered": 1, "_on_record": 1, "_told": 1}
"""Functions that write an entry, and which argument the action is."""
MADE = {"held_mail_let_in", "held_mail_dismiss", *_ACTS.values(), *_ACTIONS.values()}
"""Actions whose names are put together or looked up."""


def actions() -> Iterator[str]:
    """Every action that the sources name."""
    yield from MADE
    for package in ("agent_console", "cti_gateway", "interaction_log"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.Call):
                    yield from action_of(node)


def action_of(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = call.args[BY_NAME[name] : BY_NAME[name] + 2] if name in BY_NAME else []
    given += [one.value for one in call.keywords if one.arg == "action" and name == "AuditEntry"]
    for one in given:
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and "_" in one.value:
            yield one.value
            return


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_action_has_words(language: str) -> None:
    words: dict[str, str] = {}
    for file in TOPICS.glob(f"*.{language}.json"):
        words |= json.loads(file.read_text()).get("auditAction", {})
    found = set(actions())
    assert len(found) > 40, "the sources are searched"
    assert not found - set(words), "give them words: auditAction in agent_console/web/src/i18n/topics/audit.*.json"
