"""Where the bootstrap looks for a mirror, and what it understands of versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pbx import bootstrap

DEB822 = """# comment
Types: deb
# http://old.invalid/debian
URIs: http://one.invalid/debian http://two.invalid/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb-src
URIs: http://source.invalid/debian
Suites: bookworm

Enabled: no
Types: deb
URIs: http://off.invalid/debian
Suites: bookworm

Types: deb
URIs: http://one.invalid/debian-security
Suites: bookworm-security
"""
ONE_LINE = """
# deb http://comment.invalid/debian sid main
deb [arch=amd64 signed-by=/a/b] http://three.invalid/debian bookworm main contrib
deb-src http://source.invalid/debian bookworm main
deb https://product.invalid/apt stable main
"""


def test_mirrors_from_both_formats(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (parts / "debian.sources").write_text(DEB822)
    (parts / "debian.sources.bak").write_text("deb http://backup.invalid/debian sid main")
    found = bootstrap.mirrors(tmp_path)
    assert found == ["http://three.invalid/debian", "http://one.invalid/debian", "http://two.invalid/debian"]


def test_no_sources_no_mirrors(tmp_path: Path) -> None:
    assert bootstrap.mirrors(tmp_path) == []


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CALLWEAVE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bootstrap.cache() == tmp_path / "callweave"
    monkeypatch.setenv("CALLWEAVE_CACHE", str(tmp_path / "other"))
    assert bootstrap.cache() == tmp_path / "other"


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("16.28.0", False),
        ("18.25.0", False),
        ("18.26.4", True),
        ("20.11.0", True),
        ("22.0.0", False),
        ("22.10.1", True),
    ],
)
def test_event_filters_by_name(monkeypatch: pytest.MonkeyPatch, version: str, known: bool) -> None:
    monkeypatch.setattr(bootstrap, "version", lambda root: version)
    assert bootstrap.has_event_filter_by_name(None) is known
