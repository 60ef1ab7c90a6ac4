"""Pytest fixtures for tests against the real Asterisk.

In a test module: `from tests.pbx.fixtures import pbx, stage` (or `pytest_plugins = ["tests.pbx.fixtures"]` in a
conftest) and mark the test `@pytest.mark.real("asterisk")`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.pbx import bootstrap
from tests.pbx.asterisk import Pbx
from tests.pbx.stage import Stage


def need_asterisk() -> None:
    """Make Asterisk if need be; where that is impossible (no root, no Debian) skip, saying why."""
    try:
        bootstrap.asterisk_root()
    except bootstrap.Missing as missing:
        if bootstrap.is_debian_root():
            raise
        pytest.skip(str(missing))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pbx(request: pytest.FixtureRequest) -> AsyncIterator[Pbx]:
    """A PBX for a module; it is gone before the next module's begins. Use it through `stage`, which leaves it clean.

    A module's ``TIMING`` is how long its telephones ring: browsers on a busy machine want more than a few seconds.
    """
    need_asterisk()
    async with Pbx(timing=getattr(request.module, "TIMING", None)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stage(pbx: Pbx, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The PBX with all its desk phones and the telephone for everybody outside; nothing of a test outlives it."""
    if pbx.process is None:
        await pbx.restart()
    on = Stage(pbx, tmp_path, request.node.name)
    await on.open()
    try:
        yield on
        await clean(pbx)
    finally:
        await on.close()


async def clean(pbx: Pbx) -> None:
    """Hang up everything, release every pause, remove dynamic members; then nothing may be left."""
    if pbx.process is None:
        await pbx.restart()
    await pbx.hangup_all()
    for member in await pbx.ami.listed("QueueStatus", "QueueMember"):
        where = {"Queue": member["Queue"], "Interface": member["Location"]}
        if member["Membership"] == "dynamic":
            await pbx.ami.action("QueueRemove", (), **where)
        elif member["Paused"] == "1":
            await pbx.ami.action("QueuePause", (), Paused="false", **where)
    assert not await pbx.channels()
