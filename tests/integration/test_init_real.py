"""`cti init` on a real Asterisk: what it finds, writes and prints."""

from __future__ import annotations

import asyncio
import io
import stat
from pathlib import Path

import pytest

from config.settings import load
from cti_gateway.cli import commands, init
from tests.pbx.asterisk import free_port
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = pytest.mark.real("asterisk")


async def run_init(secret: str, *words: str) -> int:
    arguments = commands.parser().parse_args(["init", "--yes", "--secret-stdin", *words])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(secret + "\n"))
        return await asyncio.to_thread(init.run, arguments)


async def test_it_finds_the_site_and_writes_what_can_be_loaded(
    stage: Stage,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "callweave.toml"
    pbx_words = ("--port", str(stage.pbx.ports.ami), "--output", str(path), "--outbound-prefix", "9")
    assert await run_init(stage.pbx.secret, *pbx_words) == 0
    told = capsys.readouterr().out
    assert "queue support: PJSIP/1001 Anna, PJSIP/1002 Ben" in told
    assert "write = call,agent,originate,reporting" in told
    assert stage.pbx.secret not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = load(path, {})
    assert found.pbx[0].secret.get_secret_value() == stage.pbx.secret
    assert set(found.pbx[0].devices) == {"PJSIP/10??", "PJSIP/11??"}
    assert "PJSIP/pstn" in found.pbx[0].trunks
    assert {"support", "sales", "vip"} <= {one.name for one in found.queue}
    # It never overwrites without being told to.
    assert await run_init(stage.pbx.secret, *pbx_words) == 2
    assert await run_init(stage.pbx.secret, *pbx_words, "--force") == 0


async def test_a_wrong_secret_writes_nothing_and_says_what_the_pbx_needs(
    stage: Stage,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "callweave.toml"
    assert await run_init("wrong", "--port", str(stage.pbx.ports.ami), "--output", str(path)) == 1
    told = capsys.readouterr()
    assert "Authentication failed" in told.err
    assert "[callweave]" in told.out
    assert not path.exists()
    assert await run_init("any", "--port", str(free_port()), "--output", str(path)) == 1
