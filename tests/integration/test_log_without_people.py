"""A whole demo call at the loudest level: nothing in the program's own log tells who called or what was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.program import Desk, Program

MARKERS = {
    "name": "Zebulon Quirke",
    "number": "+8613912345678",
    "mail": "zebulon@quirke.example",
    "note": "Marmalade-77",
}


async def test_a_call_leaves_nobody_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "loud.toml"
    config.write_text(
        '[http]\nport = 0\n[database]\nurl = "sqlite:///demo.db"\njournal = "journal"\n[log]\nlevel = "debug"\n'
    )
    async with Program(tmp_path, "--demo", "--config", str(config)) as program:
        async with Desk(program, "anna", "demo") as anna:
            await anna.state("NOT_READY")
            assert (await anna.done("set_state", state="READY"))["ok"]
            pop = await anna.wait("screen_pop")
            known = [pop["customer"]["name"], *pop["customer"]["phones"], pop["interaction"]["customer_address"]]
            i = pop["interaction"]["id"]
            assert (await anna.done("answer", interaction_id=i))["ok"]
            await anna.state("BUSY")
            assert (await anna.done("note", interaction_id=i, text=f"{MARKERS['note']} {MARKERS['number']}"))["ok"]
            create = {"name": MARKERS["name"], "phones": [MARKERS["number"]], "emails": [MARKERS["mail"]]}
            assert (await anna.done("identify", interaction_id=i, create=create))["ok"]
            assert (await anna.done("hang_up", interaction_id=i))["ok"]
            await anna.state("WRAP_UP")
            assert (await anna.done("wrap_up", interaction_id=i, disposition="resolved", notes=MARKERS["note"]))["ok"]
        assert await program.end() == 0
        said = program.errors()
        assert "DEBUG" in said and "the audit trail's head is" in said
        planted = [
            *MARKERS.values(),
            MARKERS["number"][3:],
            *known,
            *(number[-8:] for number in known if number[0] == "+"),
        ]
        assert [marker for marker in planted if marker in said] == []
