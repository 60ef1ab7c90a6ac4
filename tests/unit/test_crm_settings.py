"""``[crm]``: which addresses the console may open, and for which queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, from_data

GOOD = "https://crm.example/c?tel={e164}&id={customer_id}&i={interaction_id}"


def crm(**table: Any) -> Any:
    return from_data({"crm": table}, {}, Path("/")).crm


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://crm.example:8443/{queue}/{pbx}/{agent}#/{e164}",
        "http://127.0.0.1:9/{e164}",
        "http://[::1]/x",
        "http://localhost:8000/?c={customer_id}",
        "https://crm.example/%E5%AE%A2?tel={e164}",
    ],
)
def test_what_may_be_opened(url: str) -> None:
    assert crm(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/{e164}",
        "javascript:alert(1)",
        "JaVaScRiPt:alert({e164})//https://crm.example",
        "data:text/html,<script>1</script>",
        "file:///etc/passwd",
        "ftp://crm.example/",
        "//crm.example/{e164}",
        "crm.example/{e164}",
        "https:///{e164}",
        "https://{e164}.example/",
        "{e164}://crm.example/",
        "https://crm.example:{e164}/",
        "https://user:word@crm.example/",
        "https://crm.example/{name}",
        "https://crm.example/{e164.__class__}",
        "https://crm.example/{}",
        "https://crm.example/{{e164}}",
        "https://crm.example/{e164",
        "https://crm.example/a b",
        "https://crm.example/\nx",
        "https://crm.example/<x>",
        "https://крм.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "",
    ],
)
def test_what_is_refused_names_the_key_and_never_the_value(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        crm(url=url)
    (line,) = refused.value.lines
    assert line.startswith("crm.url: ") and (not url or url not in line)


def test_the_rules_of_queues_come_first_those_of_one_pbx_before_all() -> None:
    other = "https://other.example/{e164}"
    found = crm(
        url=GOOD,
        open_on="ring",
        queue=[{"name": "sales", "open_on": "click"}, {"name": "sales", "pbx": "berlin", "url": other}],
    )
    assert found.pages() == [
        {"queue": "sales", "pbx": "berlin", "url": other, "open_on": "ring"},
        {"queue": "sales", "pbx": None, "url": GOOD, "open_on": "click"},
        {"queue": None, "pbx": None, "url": GOOD, "open_on": "ring"},
    ]


def test_unknown_moments_and_keys_are_refused() -> None:
    for table in ({"url": GOOD, "open_on": "always"}, {"url": GOOD, "target": "_top"}, {"open_on": "ring"}):
        with pytest.raises(ConfigError):
            crm(**table)
