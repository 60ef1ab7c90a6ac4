"""The composition root: what it imports and when, and what it says when it cannot start."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cti_gateway import logs, main
from cti_gateway.timers import Timers

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent_console", "config", "cti_gateway", "interaction_log", "routing")


def test_no_module_installs_a_reactor_by_being_imported() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"for name in {PACKAGES!r}:\n"
        "    package = importlib.import_module(name)\n"
        "    for found in pkgutil.walk_packages(package.__path__, name + '.'):\n"
        "        if '.migrations' not in found.name and not found.name.endswith('__main__'):\n"
        "            importlib.import_module(found.name)\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_wrong_configuration_is_named_and_its_values_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "bad.toml"
    config.touch(mode=0o600)
    config.write_text('[[pbx]]\nname = "x"\nusername = "u"\nsecret = "hush"\ndevices = ["PJSIP/1"]\nmoot = "hush"\n')
    assert main.main(["run", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert "moot" in said and "hush" not in said


def test_a_configuration_without_a_pbx_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "empty.toml"
    config.write_text("")
    assert main.main(["run", "--config", str(config)]) == 2
    assert "[[pbx]]" in capsys.readouterr().err


def test_an_entry_of_the_log_is_one_line() -> None:
    out = io.StringIO()
    printer = logging.StreamHandler(out)
    printer.setFormatter(logs.OneLine())
    logger = logging.getLogger("test.one_line")
    logger.propagate = False
    logger.addHandler(printer)
    try:
        raise ValueError("\n2026-01-01 ERROR forged")
    except ValueError:
        logger.exception("who\r\nare \x1b[31myou\u2028")
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue() and "\\x1b[31m" in out.getvalue() and "\u2028" not in out.getvalue()


async def test_timers_run_out_once_and_the_same_key_replaces() -> None:
    import asyncio

    fired: list[str] = []
    done = asyncio.Event()
    timers = Timers(lambda key: (fired.append(key), done.set())[0])
    timers.start("a", 0.01)
    timers.start("a", 0.02)
    timers.start("b", 60)
    timers.cancel("nothing")
    assert timers.running("a") and len(timers) == 2
    await asyncio.wait_for(done.wait(), 2)
    assert fired == ["a"] and not timers.running("a")
    timers.cancel_all()
    assert not len(timers)
