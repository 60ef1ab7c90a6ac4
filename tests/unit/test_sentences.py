"""Every sentence that people may read has a code, and every code a text in both languages."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_console.problems import document
from agent_console.sentences import SCHEMA_CODES, SENTENCES, coded, of_schema

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "agent_console" / "web" / "src" / "i18n"
FOLDERS = ("interaction_log", "agent_console")
WHERE = {"Refused": (1,), "Problem": (1,), "Conflict": (0,), "answer": (1,)}
"""Which argument holds the sentence."""


def _texts(node: ast.expr) -> Iterator[str]:
    """The sentences that an expression can be, with a 7 in each place; nothing for what a variable holds."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from _texts(one)


def sentences() -> Iterator[tuple[str, str]]:
    """Where each sentence stands, and it."""
    for path in (p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WHERE:
                found = [node.args[n] for n in WHERE[node.func.id] if n < len(node.args)]
                pairs = [t for a in node.args[2:] if isinstance(a, ast.List) for t in a.elts]
                found += [t.elts[1] for t in pairs if isinstance(t, ast.Tuple) and len(t.elts) == 2]
                for text in (t for one in found for t in _texts(one)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def test_each_has_a_code() -> None:
    there = list(sentences())
    assert len(there) > 80
    assert [(where, text) for where, text in there if not coded(text)] == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_code_has_a_text_with_the_same_places(language: str) -> None:
    texts = json.loads((TEXTS / f"{language}.json").read_text())["said"]
    for topic in (TEXTS / "topics").glob(f"*.{language}.json"):
        texts |= json.loads(topic.read_text()).get("said", {})
    assert set(texts) == set(SENTENCES) | SCHEMA_CODES
    for code, english in SENTENCES.items():
        assert set(re.findall(r"{\w+}", texts[code])) == set(re.findall(r"{\w+}", english)), code


@pytest.mark.parametrize(
    ("message", "code", "params"),
    [
        ("longer than 200 characters", "too_long", {"most": "200"}),
        ("1 to 64 of a-z, 0-9, dash and underscore", "code", {"least": "1", "most": "64"}),
        ("1 to 100 characters", "length", {"least": "1", "most": "100"}),
        ("'12 ab' is no valid telephone number", "not_phone", {"value": "12 ab"}),
        ("+8613800138000 stands in line 7 already", "seen_before", {"value": "+8613800138000", "line": "7"}),
        ("one of agent, supervisor, admin", "one_of", {"choices": "agent, supervisor, admin"}),
        ("there is a user ben already", "user_exists", {"name": "ben"}),
    ],
)
def test_what_is_found(message: str, code: str, params: dict[str, str]) -> None:
    assert coded(message) == {"code": code, "params": params}


def test_a_problem_document_carries_both() -> None:
    found = document(400, "The request is not valid.", [("name", "a name is needed"), ("x", "a novelty")])
    assert found["code"] == "invalid"
    assert found["errors"] == [
        {"field": "name", "message": "a name is needed", "code": "name_needed", "params": {}},
        {"field": "x", "message": "a novelty"},
    ]
    assert of_schema("string_too_long", {"max_length": 5}) == {"code": "too_long", "params": {"most": "5"}}
    assert of_schema("something_new", {})["code"] == "schema_type"
