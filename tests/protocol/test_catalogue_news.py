"""What there is to choose from reaches the consoles that are open when an administrator changes it."""

from __future__ import annotations

import pytest

from tests.fakes.console_stage import stage

BODY = {"labels": {"en": "Training", "zh-CN": "培训"}, "position": 9}
SHOWN = {"code": "training", "labels": BODY["labels"]}


@pytest.mark.parametrize(
    ("path", "key", "shown"),
    [
        ("pause-reasons", "pause_reasons", SHOWN),
        ("dispositions", "dispositions", {**SHOWN, "queues": []}),
        ("skills", "skills", SHOWN),
        ("campaigns", "campaigns", {**SHOWN, "queues": []}),
    ],
)
async def test_a_new_choice_reaches_open_consoles(path: str, key: str, shown: object) -> None:
    async with stage() as on, on.http() as http, on.console("anna") as anna, on.console("ben") as ben:
        for console in (anna, ben):
            await console.wait("snapshot")
        admin = await on.headers("admin")
        made = await http.put(f"/api/{path}/training", json=BODY, headers=admin)
        assert made.status_code == 200, made.text
        for console in (anna, ben):
            [news] = await console.wait("catalogue")
            assert shown in news[key]
            assert len(news["pause_reasons"]) >= 1 and set(news) >= {"pause_reasons", "dispositions", "skills"}
        # who comes within the two seconds for which the choices are kept has it too
        async with on.console("anna") as again:
            [snapshot] = await again.wait("snapshot")
            assert shown in snapshot[key]
        await http.put(f"/api/{path}/training", json={**BODY, "retired": True}, headers=admin)
        [_, news] = await anna.wait("catalogue", 2)
        assert shown not in news[key]
