"""The operator's page has the table of rules as it is in the code."""

from __future__ import annotations

import re
from pathlib import Path

from interaction_log.evidence import RULES
from interaction_log.store.merge_suggest import WEIGHTS, score

PAGE = (Path(__file__).parents[2] / "docs" / "identity.md").read_text()


def test_the_page_has_every_rule_in_order() -> None:
    found = re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE, re.MULTILINE)
    says = [(rule.name, rule.strength or "as `[identity] unattested` says") for rule in RULES]
    assert found == says


def test_the_page_has_the_weights() -> None:
    found = dict(re.findall(r"^\| (same \w+|similar \w+) \| (\d+) % \|", PAGE, re.MULTILINE))
    assert {name.replace(" ", "_"): int(percent) for name, percent in found.items()} == {
        name: round(100 * weight) for name, weight in WEIGHTS.items()
    }
    assert score(["same_number", "same_name"]) == 90
