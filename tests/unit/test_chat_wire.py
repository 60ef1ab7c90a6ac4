"""The visitors' protocol: the files made from ``webchat/wire.py``."""

from __future__ import annotations

import pytest

from webchat import wire, wire_types


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert wire_types.main(["--check"]) == 0, capsys.readouterr().out


def test_every_event_and_command_is_in_the_types() -> None:
    text, page = wire_types.typescript(), wire_types.catalogue()
    for name, kind in {**wire.VISITOR_EVENTS, **wire.VISITOR_COMMANDS}.items():
        assert f"  {name}: {kind.__name__};" in text
        assert f"export interface {kind.__name__} " in text
        assert f"### `{name}`" in page
    for kind in wire_types.REST:
        assert f"### `{kind.__name__}`" in page
