"""Two processes on one database: one leads, the other follows and takes over when the first dies or freezes, at once on
its own host, in three seconds and a little on another one. Calls at the PBX go on meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from interaction_log.store import Store
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import load_or_make
from interaction_log.store.schema import events, lease
from tests.fakes.patience import PATIENCE
from tests.fakes.postgres import Postgres, shared_postgres
from tests.fakes.program import PASSWORD, PEOPLE, Desk, Program
from tests.fakes.redis import RedisServer

pytestmark = pytest.mark.timeout(180)
FAILOVER_SECONDS = 5.0
TOML = """
[http]
port = 0
[database]
url = "{url}"
journal = "journal-{name}"
[privacy]
key_file = "master.key"
[[pbx]]
name = "lab"
port = {port}
username = "{username}"
secret = "{secret}"
devices = ["PJSIP/10??"]
trunks = ["PJSIP/pstn"]
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.migrated_database()
    return f"sqlite:///{tmp_path / 'callweave.db'}"


class Pair:
    """A PBX, and two processes that may lead."""

    def __init__(
        self, simulator: Any, url: str, folder: Path, port: int, username: str = USERNAME, secret: str = SECRET
    ) -> None:
        self.simulator, self.url, self.folder, self.port = simulator, url, folder, port
        self.account = {"username": username, "secret": secret}
        self.engine = open_engine(url, writes=False, size=1)
        self.starting: dict[Program, asyncio.Task[None]] = {}
        self.redis = ""

    def program(self, name: str) -> Program:
        config = self.folder / f"{name}.toml"
        config.touch(mode=0o600)
        about = {"url": self.url, "name": name, "port": self.port, **self.account}
        config.write_text(TOML.format(**about) + (f'[redis]\nurl = "{self.redis}"\n' if self.redis else ""))
        return Program(self.folder, "--config", str(config))

    def begin(self, program: Program) -> None:
        """Start it; it is ready when it leads."""
        self.starting[program] = asyncio.ensure_future(program.start(within=90))

    async def follows(self, program: Program) -> httpx.AsyncClient:
        """Wait until it follows; a client of its page."""
        async with asyncio.timeout(30):
            while (found := re.search(r"this follower answers on ([\d.]+:\d+)", program.errors())) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            while "leads since" not in program.errors():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return httpx.AsyncClient(base_url=f"http://{found[1]}", trust_env=False)

    def holder(self) -> tuple[int, float]:
        """The process that has the lease, and since when by the database's clock."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(lease)).one()
            return row.pid, row.since

    async def led_by(self, program: Program, seconds: float) -> None:
        """Wait until it has the lease."""
        assert program.process is not None
        async with asyncio.timeout(seconds):
            while self.holder()[0] != program.process.pid:  # noqa: ASYNC110 (the database must be asked)
                await asyncio.sleep(0.02)

    async def leads(self, program: Program) -> None:
        """Wait until it serves and its PBX is heard."""
        await self.starting[program]
        async with asyncio.timeout(30), program.http() as http:
            while (answer := await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert answer.json()["role"] == "leader"

    async def freeze(self, program: Program) -> None:
        """Stop it where it holds no lock of SQLite's file: with one nobody could write before it goes on."""
        assert program.process is not None
        async with asyncio.timeout(PATIENCE):
            program.process.send_signal(signal.SIGSTOP)
            while self.url.startswith("sqlite") and self._locked():
                program.process.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.02)
                program.process.send_signal(signal.SIGSTOP)

    def _locked(self) -> bool:
        writer = open_engine(self.url, busy_seconds=0.0, size=1)
        try:
            with writer.begin():
                return False
        except sa.exc.OperationalError:
            return True
        finally:
            writer.dispose()

    def elsewhere(self) -> None:
        """From now on the leader is on another host, as far as anybody can see."""
        writer = open_engine(self.url, size=1)
        with writer.begin() as connection:
            connection.execute(sa.update(lease).values(host="elsewhere"))
        writer.dispose()

    def written(self) -> int:
        """How many events the log has."""
        with self.engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one())

    async def only_anna(self) -> None:
        """Wait until the PBX rings her, and nobody else."""
        self.simulator.pbx.pause("PJSIP/1002", True, "nobody there", "")
        member = self.simulator.pbx.queues["support"].member("PJSIP/1001")
        assert member is not None
        async with asyncio.timeout(10):
            while member.paused:  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Neither process outlives the test."""
        for program, task in self.starting.items():
            await program.kill()
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
        self.engine.dispose()

    def lift(self) -> None:
        pbx = self.simulator.pbx
        ringing = pbx.ringing_at("PJSIP/1001")
        assert ringing is not None and pbx.calls[ringing].answer(ringing)


@pytest.fixture
async def pair(url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    await people(url, tmp_path)
    simulator = Simulator()
    server = SimulatorServer(simulator)
    on = Pair(simulator, url, tmp_path, await server.start())
    try:
        yield on
    finally:
        await on.close()
        await server.stop()


async def people(url: str, folder: Path) -> None:
    """A database with the people, sealed by a key in this folder."""
    load_or_make(folder / "master.key")
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=folder / "master.key")
    for user in PEOPLE:
        await store.users.create(user, PASSWORD)
    await asyncio.to_thread(store.close)


async def both(on: Pair) -> tuple[Program, Program]:
    """One leads, the other follows."""
    first, second = on.program("a"), on.program("b")
    on.begin(first)
    await on.leads(first)
    on.begin(second)
    return first, second


async def test_the_follower_takes_over_from_a_killed_leader_and_the_call_goes_on(pair: Pair) -> None:
    first, second = await both(pair)
    page = await pair.follows(second)
    assert first.process is not None
    async with page:
        assert (await page.get("/healthz")).status_code == 200
        ready = await page.get("/readyz")
        assert ready.status_code == 503 and ready.json()["role"] == "follower"
        assert ready.json()["leader"]["pid"] == first.process.pid
        assert (await page.get("/api/session")).status_code == 503
        assert "callweave_leads 0" in (await page.get("/metrics")).text
    async with Desk(first, "anna") as anna:
        await anna.done("set_state", state="READY")
        await anna.state("READY")
        await pair.only_anna()
        call = QueueCall(pair.simulator.pbx, pair.simulator.pbx.queues["support"], "13800138000", "Li Lei")
        i = (await anna.wait("screen_pop"))["interaction"]["id"]
        pair.lift()
        await anna.state("BUSY")
        async with first.http(anna.token) as http:  # until here it is on a disk
            assert (await http.get("/api/missed")).status_code == 200
    pair.elsewhere()  # nobody sees that the process is gone: only its silence tells
    await first.kill()
    died = time.time()
    await pair.led_by(second, FAILOVER_SECONDS)
    print(f"the follower led {pair.holder()[1] - died:.2f} s after the death")
    await pair.leads(second)
    assert call.stage == "talking"
    async with Desk(second, "anna") as anna:
        busy = await anna.state("BUSY")
        assert busy["interaction_id"] == i
        call.hang_up(call.caller)
        await anna.state("WRAP_UP")
    one = await second.only()
    assert (one["id"], one["outcome"]) == (i, "answered")
    assert "Traceback" not in second.errors()


async def test_on_the_same_host_death_is_seen_at_once_and_a_stop_hands_over(pair: Pair) -> None:
    first, second = await both(pair)
    await (await pair.follows(second)).aclose()
    await first.kill()
    died = time.monotonic()
    await pair.led_by(second, FAILOVER_SECONDS)
    print(f"the follower led {time.monotonic() - died:.2f} s after the death")
    await pair.leads(second)
    again = pair.program("a")
    pair.begin(again)
    await (await pair.follows(again)).aclose()
    assert await second.end() == 0
    await pair.leads(again)


async def test_a_frozen_leader_that_wakes_writes_nothing_and_follows(pair: Pair) -> None:
    first, second = await both(pair)
    await (await pair.follows(second)).aclose()
    assert first.process is not None
    async with Desk(first, "anna") as anna:
        await anna.done("set_state", state="READY")
        await anna.state("READY")
        await pair.freeze(first)
        try:
            await pair.led_by(second, FAILOVER_SECONDS)
            await pair.leads(second)
            call = QueueCall(pair.simulator.pbx, pair.simulator.pbx.queues["support"], "13800138000", "Li Lei")
            one = await second.only(lambda item: item["started_at"] is not None)
        finally:
            first.process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(30):
        while first.errors().count("leads since") < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert "stepping back" in first.errors() and "Traceback" not in first.errors()
    assert pair.holder()[0] != first.process.pid
    call.hang_up(call.caller)
    over = await second.only()
    assert over["id"] == one["id"] and over["outcome"] == "abandoned"
    assert _ends(pair) == 1, "the same call was told by two"
    await second.kill()
    await pair.led_by(first, FAILOVER_SECONDS)  # and leads again when its turn comes


@pytest.mark.real("redis")
async def test_with_redis_a_follower_shows_the_figures_and_hears_of_a_stop(pair: Pair) -> None:
    async with RedisServer() as redis:
        pair.redis = redis.url
        first, second = await both(pair)
        pair.simulator.pbx.pause("PJSIP/1001", True, "nobody there", "")
        pair.simulator.pbx.pause("PJSIP/1002", True, "nobody there", "")
        call = QueueCall(pair.simulator.pbx, pair.simulator.pbx.queues["support"], "13800138000", "Li Lei")
        async with await pair.follows(second) as page, asyncio.timeout(15):
            while True:
                live = (await page.get("/readyz")).json().get("live", {})
                if [one["waiting"] for one in live.get("queues", [])] == [1]:
                    break
                await asyncio.sleep(0.05)
            text = (await page.get("/metrics")).text
            assert 'callweave_live_waiting{pbx="lab",queue="support"} 1' in text
            assert "13800138000" not in (await page.get("/readyz")).text, "no person is in it"
        async with first.http() as http:
            parts = {one["name"]: one["state"] for one in (await http.get("/readyz")).json()["parts"]}
            assert parts["redis"] == "up"
            await redis.kill()
            async with asyncio.timeout(15):
                while parts["redis"] == "up":
                    answer = await http.get("/readyz")
                    assert answer.status_code == 200, "the leader needs no Redis"
                    parts = {one["name"]: one["state"] for one in answer.json()["parts"]}
                    await asyncio.sleep(0.05)
        await redis.start()
        assert await first.end() == 0
        await pair.leads(second)
        call.hang_up(call.caller)
        assert (await second.only())["outcome"] == "abandoned"


def _ends(on: Pair) -> int:
    with on.engine.connect() as connection:
        query: Any = sa.select(sa.func.count()).where(events.c.type == "InteractionEnded")
        return int(connection.execute(query).scalar_one())
