"""What the doctor says of the folders that the PBX writes into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import from_data
from cti_gateway.cli import folders

PBX = [{"name": name, "username": "u", "secret": "s", "devices": ["PJSIP/1???"]} for name in ("berlin", "wuhan")]


def look(base: Path, **tables: Any) -> list[tuple[str, str]]:
    settings = from_data({"pbx": PBX, **tables}, {}, base)
    return [(one.severity, one.text) for one in folders.findings(settings)]


def test_nothing_is_configured(tmp_path: Path) -> None:
    assert look(tmp_path) == []


def test_each_pbx_has_its_folder(tmp_path: Path) -> None:
    (tmp_path / "berlin").mkdir()
    found = look(tmp_path, recording={"folder": str(tmp_path / "{pbx}"), "pbx_folder": "/var/spool/{pbx}"})
    assert [severity for severity, _ in found] == ["ok", "error"]
    assert "wuhan" in found[1][1] and str(tmp_path) not in found[1][1]


def test_one_folder_is_looked_at_once(tmp_path: Path) -> None:
    assert len(look(tmp_path, voicemail={"folder": str(tmp_path)})) == 1


@pytest.mark.parametrize(("may", "severity"), [(0, "error"), (4, "warning")])
def test_what_we_may_not_do(tmp_path: Path, may: int, severity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.os, "access", lambda _, mode: may != 0 and not mode & 2)
    assert [found for found, _ in look(tmp_path, recording={"folder": str(tmp_path)})] == [severity]
