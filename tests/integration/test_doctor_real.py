"""`cti doctor` and `cti queue release` on a real Asterisk: what it says of good and of bad sites."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, load
from cti_gateway.cli import commands, doctor, queue, record
from cti_gateway.replay import messages
from tests.fakes.patience import PATIENCE
from tests.pbx.asterisk import Pbx, free_port
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = pytest.mark.real("asterisk")


def settings(pbx: Pbx, folder: Path, user: str = "callweave", **changes: Any) -> Settings:  # noqa: F811
    """A configuration for this PBX."""
    values = {"host": "127.0.0.1", "port": pbx.ports.ami, "username": user, "secret": pbx.secret} | changes
    lines = ["[http]", f"port = {free_port()}", "[[pbx]]", 'name = "lab"', 'devices = ["PJSIP/1*"]']
    lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    lines += ["[[queue]]", 'name = "support"']
    path = folder / "callweave.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
    return load(path, {})


async def examine(found: Settings, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, str]]:
    """Exit code, and code → severity of all that is not well."""
    arguments = commands.parser().parse_args(["doctor", "--json", "--listen", "0.3", *words])
    code = await asyncio.to_thread(doctor.run, arguments, found)
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] == (code == 0)
    ours = "not-compiled"  # tests run over the sources
    found = {one["code"]: one["severity"] for one in report["findings"] if one["severity"] != "ok"}
    return code, {key: severity for key, severity in found.items() if key != ours}


async def test_a_good_site_is_well(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    conf = stage.pbx.folder
    words = ("--manager-conf", str(conf / "manager.conf"), "--queues-conf", str(conf / "queues.conf"))
    code, found = await examine(settings(stage.pbx, tmp_path), capsys, *words)
    assert found == {"database-new": "hint", "no-phone-control": "hint"}
    assert code == 0


async def test_rights_that_are_missing_or_too_broad(
    stage: Stage,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = await examine(settings(stage.pbx, tmp_path, "bare"), capsys)
    assert code == 1
    assert found["right-missing"] == "error"
    code, found = await examine(settings(stage.pbx, tmp_path, "lab"), capsys)
    assert code == 0
    assert found["rights-broad"] == "warning"


async def test_what_keeps_us_out(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    code, found = await examine(settings(stage.pbx, tmp_path, secret="wrong"), capsys)
    assert (code, found["login-refused"]) == (1, "error")
    code, found = await examine(settings(stage.pbx, tmp_path, port=free_port()), capsys)
    assert (code, found["pbx-unreachable"]) == (1, "error")
    code, found = await examine(settings(stage.pbx, tmp_path, port=stage.pbx.ports.http), capsys)
    assert (code, found["pbx-unreachable"]) == (1, "error")


async def test_leftover_pauses_are_found_and_released(
    stage: Stage,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = settings(stage.pbx, tmp_path)
    ami = stage.pbx.ami
    await ami.action("QueuePause", (), Interface="PJSIP/1001", Paused="true", Reason="callweave:wrapup")
    await ami.action("QueuePause", (), Interface="PJSIP/1002", Paused="true", Reason="lunch")
    _, found = await examine(site, capsys)
    assert found["pauses-left"] == "warning"
    arguments = commands.parser().parse_args(["queue", "release", "--json"])
    assert await asyncio.to_thread(queue.run, arguments, site) == 0
    released = json.loads(capsys.readouterr().out)
    assert {one["interface"] for one in released} == {"PJSIP/1001"}
    members = await ami.listed("QueueStatus", "QueueMember", Queue="support")
    paused = {one["Location"]: one["Paused"] for one in members}
    assert (paused["PJSIP/1001"], paused["PJSIP/1002"]) == ("0", "1")


async def test_a_call_is_recorded_whole(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    path = tmp_path / "call.ami"
    arguments = commands.parser().parse_args(["record", str(path), "--seconds", "20", "--snapshot"])
    site = settings(stage.pbx, tmp_path)
    recording = asyncio.ensure_future(record.record(site.pbx[0], path, arguments.seconds, arguments.snapshot))
    async with asyncio.timeout(PATIENCE):
        while not path.exists() or b"QueueStatusComplete" not in path.read_bytes():  # noqa: ASYNC110 (a file)
            await asyncio.sleep(0.05)
    customer = stage.customer("13800138000")
    anna = await (await stage.anna.rings()).answer(after=0.3)
    await stage.talk(0.5)
    await customer.hang_up()
    await anna.ended()
    await stage.pbx.no_channels()
    wanted = {"QueueCallerJoin", "AgentConnect", "AgentComplete"}
    async with asyncio.timeout(PATIENCE):
        while not wanted <= {one.name for one in messages(path.read_bytes())}:  # noqa: ASYNC110 (a file)
            await asyncio.sleep(0.05)
    recording.cancel()
    await asyncio.gather(recording, return_exceptions=True)
    assert path.stat().st_mode & 0o077 == 0
