"""What is built for visitors: its size, and what it may not hold."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

WIDGET = Path(__file__).parents[2] / "webchat" / "widget"
LIMIT = 35_000
"""Bytes, gzip, in all (issue 5: 35 kB)."""


def built() -> bytes:
    script = WIDGET / "dist" / "widget.js"
    if not script.is_file():
        pytest.fail("the widget is not built: make setup")
    return script.read_bytes()


def test_all_of_it_is_small() -> None:
    assert sorted(path.name for path in (WIDGET / "dist").iterdir()) == ["widget.js"]
    assert len(gzip.compress(built(), 9)) <= LIMIT


def test_nothing_that_a_strict_policy_forbids_and_nothing_from_elsewhere() -> None:
    text = built().decode()
    for forbidden in (
        r"\beval\(",
        r"new Function",
        r"innerHTML=",
        r"insertAdjacentHTML",
        r"document\.write",
        r"import\(",
    ):
        found = [text[hit.start() - 40 : hit.end() + 40] for hit in re.finditer(forbidden, text)]
        # Preact's own, for `dangerouslySetInnerHTML`, which our source never says.
        assert [one for one in found if "__html" not in one] == [], forbidden
    addresses = set(re.findall(r"https?://[a-z0-9.-]+", text)) - {"http://www.w3.org"}
    assert addresses == set()
    for source in (WIDGET / "src").rglob("*.ts*"):
        assert "dangerouslySetInnerHTML" not in source.read_text(), source


SAID = re.compile(r'(?:refused|no|Problem|Failure)\(\s*(?:\d{3},\s*)?"([a-z_]+)"')
"""How the server's code names the fault that a visitor's browser is told."""
NOBODYS_FAULT = {
    # Told to agents, or to who wrote a widget of his own; ours never asks so.
    "chat_over", "file_not_ready", "invalid", "no_file", "no_files", "not_found", "not_joined", "not_yours",
    "unknown_chat", "unknown_file", "unknown_queue", "used", "empty", "refused", "not_asked", "no_callback",
    # Answered by the widget itself: a new token, some work, no more tries.
    "proof", "unauthorized", "user_token", "origin", "unknown_site", "cut_off",
}  # fmt: skip


def test_every_fault_that_a_visitor_may_see_is_said_in_his_language() -> None:
    english = (WIDGET / "src" / "texts" / "en.ts").read_text()
    root = WIDGET.parents[1]
    sources = [*(root / "webchat").glob("*.py"), *(root / "cti_gateway" / "chat").glob("*.py")]
    told = {code for source in sources for code in SAID.findall(source.read_text())}
    assert {"consent", "closed", "too_many", "not_kept", "invalid_time"} <= told, "the expression finds them"
    assert {code for code in told - NOBODYS_FAULT if f"'error.{code}'" not in english} == set()


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((WIDGET / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package.get("link") or package["integrity"], name
