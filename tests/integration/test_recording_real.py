"""Recording on real Asterisks, 22 and 16: started by the dialplan, paused while card data is spoken, heard again."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
import io
import signal
import struct
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent_console import wire
from cti_gateway.pbx import Outcome
from interaction_log import events as e
from routing.recording import MISSING_SECONDS, RecordingRule, RecordingRules
from tests.fakes.exchange import Exchange
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.tone_phone import RATE, TonePhone, loudness, share
from tests.pbx import bootstrap
from tests.pbx.asterisk import Pbx
from tests.pbx.fixtures import clean, pbx, stage  # noqa: F401
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(120)]

CUSTOMER, ANNA = 700.0, 1000.0
"""What they sing, in hertz."""
WINDOW = RATE // 10
MORE = """
system_username = "callweave-system"
system_secret = "{secret}"
[recording]
folder = "{folder}"
pbx_folder = "{inner}/spool/monitor"
"""


class Site:
    """A real PBX, the program beside it, Anna, Ben and Sofia."""

    def __init__(self, stage: Stage, program: Program, anna: Desk, ben: Desk) -> None:
        self.stage, self.program, self.anna, self.ben = stage, program, anna, ben

    async def call(self, dialled: str) -> tuple[str, Call]:
        """A customer whom Anna has."""
        customer = self.stage.customer("13800138000", dialled)
        await (await self.stage.anna.rings()).answer()
        busy = await self.anna.state("BUSY")
        return busy["interaction_id"], customer

    async def recording(self, which: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Anna's card says this of the recording."""
        message = await self.anna.wait("interaction", lambda m: any(map(which, m["interaction"]["recordings"])))
        return next(one for one in message["interaction"]["recordings"] if which(one))

    async def over(self, customer: Call) -> dict[str, Any]:
        """The customer hangs up; the interaction of the log."""
        await customer.hang_up()
        await self.stage.pbx.no_channels()
        async with asyncio.timeout(PATIENCE):
            while True:
                (one,) = await self.program.interactions()
                if one["ended_at"] is not None:
                    return one
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def old(tmp_path: Path) -> AsyncIterator[Stage]:
    """The oldest release that we know."""
    try:
        pbx = Pbx(release="bullseye")
    except bootstrap.Missing as missing:
        pytest.skip(str(missing))
    folder = tmp_path / "old"
    folder.mkdir()
    async with pbx:
        on = Stage(pbx, folder, "old")
        await on.open()
        try:
            yield on
            await clean(pbx)
        finally:
            await on.close()


@pytest.fixture(params=["22", "16"])
def lab(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """Each of the two; the newer one is there anyway."""
    return stage if request.param == "22" else request.getfixturevalue("old")


async def singing(stage: Stage) -> tuple[TonePhone, TonePhone]:
    """Customer and Anna speak in tones of their own."""
    ports = stage.pbx.ports
    customer = TonePhone("pstn", ports.pstn, ports.sip, host="127.0.0.2", hertz=CUSTOMER)
    anna = TonePhone("1001", ports.desks["1001"], ports.sip, hertz=ANNA)
    for phone in (stage.outside, stage.anna):
        await phone.close()
    stage.outside, stage.desks["1001"] = customer, anna
    for phone in (customer, anna):
        await phone.open()
    return customer, anna


def monitor(pbx: Pbx) -> Path:
    """Where the PBX writes, from outside its root."""
    return pbx.folder / "spool" / "monitor"


async def configured(folder: Path, pbx: Pbx, queue: str) -> Path:
    more = MORE.format(secret=pbx.secret, folder=monitor(pbx), inner=pbx.inner)
    config = await prepare(folder, port=pbx.ports.ami, secret=pbx.secret, more=more)
    with config.open("a") as file:
        file.write(queue)
    return config


def windows(audio: bytes) -> list[list[int]]:
    """Tenths of a second of a WAV file (16 bit, mono, 8 kHz)."""
    with wave.open(io.BytesIO(audio)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        frames = file.readframes(file.getnframes())
    samples = list(struct.unpack(f"<{len(frames) // 2}h", frames))
    return [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW + 1, WINDOW)]


def heard(window: list[int]) -> str:
    """``-`` silence, ``b`` both voices, else what there is."""
    if loudness(window) < 50:
        return "-"
    voices = [name for name, hertz in (("c", CUSTOMER), ("a", ANNA)) if share(window, hertz) > 0.2]
    return "b" if len(voices) == 2 else voices[0] if voices else "?"


async def test_card_data_is_not_in_the_file(lab: Stage, tmp_path: Path) -> None:
    customers, annas = await singing(lab)
    config = await configured(tmp_path, lab.pbx, 'recording = "always"\nconsent = "auth-thankyou"\n')
    async with (
        Program(tmp_path, "--config", str(config)) as program,
        Desk(program, "anna") as anna,
        Desk(program, "ben") as ben,
    ):
        site = Site(lab, program, anna, ben)
        assert (await anna.done("set_state", state="READY"))["ok"]
        i, customer = await site.call("830")
        begun = await site.recording(lambda r: r["state"] == "on" and r["file"])
        assert begun["consent"] == "announced" and begun["by"] is None and "/" not in begun["file"]
        await asyncio.gather(customers.until_it_hears(ANNA), annas.until_it_hears(CUSTOMER))
        await asyncio.sleep(1.2)  # so long they sing
        assert (await anna.done("pause_recording", interaction_id=i))["ok"]
        await asyncio.sleep(1.5)  # so long nothing of it is to be heard
        for name, desk, code in (
            ("pause_recording", anna, "recording_paused"),
            ("stop_recording", anna, "recording_always"),
            ("start_recording", anna, "recording_running"),
            ("resume_recording", ben, "not_yours"),
        ):
            ack = await desk.command(name, interaction_id=i)
            assert ack["error"]["code"] == code, (name, ack)
        assert (await anna.done("resume_recording", interaction_id=i))["ok"]
        await asyncio.sleep(1.2)  # so long they sing again
        one = await site.over(customer)
        (recording,) = one["recordings"]
        (gap,) = recording["gaps"]
        assert recording["id"] == begun["id"] and recording["state"] == "ended"
        assert gap["reason"] == "card_data" and not gap["automatic"] and gap["until"] - gap["from"] > 100
        audio = await _listen(site, recording["id"])
        _check_the_gap(audio, gap["to"] - gap["from"])
        await _nobody_else(site, recording["id"], monitor(lab.pbx))
        assert "Traceback" not in program.errors()


def _check_the_gap(audio: bytes, seconds: float) -> None:
    sound = "".join(heard(window) for window in windows(audio))
    talk = sound.strip("-")
    silent = max(talk.replace("c", "b").replace("a", "b").split("b"), key=len)
    assert len(silent) / 10 >= seconds - 0.3, sound
    before, _, after = talk.partition(silent)
    assert before.count("b") >= 4 and after.count("b") >= 4, sound


async def _listen(site: Site, of: str) -> bytes:
    """As a supervisor: the whole, a part, and no part."""
    async with site.program.http(await site.program.sign_in("sofia")) as http:
        whole = await http.get(f"/api/recordings/{of}")
        assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
        part = await http.get(f"/api/recordings/{of}", headers={"Range": "bytes=8-11"})
        assert (part.status_code, part.content) == (206, b"WAVE")
        assert part.headers["content-range"] == f"bytes 8-11/{len(whole.content)}"
        beyond = await http.get(f"/api/recordings/{of}", headers={"Range": "bytes=99999999-"})
        assert beyond.status_code == 416
        return whole.content


async def _nobody_else(site: Site, of: str, folder: Path) -> None:
    for who, status in (("ben", 404), ("anna", 403)):
        async with site.program.http(await site.program.sign_in(who)) as http:
            assert (await http.get(f"/api/recordings/{of}")).status_code == status
    async with site.program.http() as http:
        assert (await http.get(f"/api/recordings/{of}")).status_code == 401
    (file,) = (folder / "callweave").glob("*.wav")
    secret = folder.parent / "secret.wav"
    secret.write_bytes(b"RIFF")
    file.unlink()
    file.symlink_to(secret)
    async with site.program.http(await site.program.sign_in("sofia")) as http:
        for path in (of, "..%2F..%2Fsecret.wav", "%2e%2e/secret.wav", "a%00b", "callweave"):
            assert (await http.get(f"/api/recordings/{path}")).status_code == 404, path
    file.unlink()


async def test_an_agent_starts_and_stops_where_the_customer_agreed(stage: Stage, tmp_path: Path) -> None:
    config = await configured(tmp_path, stage.pbx, 'recording = "on_demand"\nconsent = "auth-thankyou"\n')
    async with (
        Program(tmp_path, "--config", str(config)) as program,
        Desk(program, "anna") as anna,
        Desk(program, "ben") as ben,
    ):
        site = Site(stage, program, anna, ben)
        snapshot = await anna.wait("snapshot")
        assert snapshot["recording"]["rules"][0] == {
            "pbx": "lab",
            "queue": "support",
            "policy": "on_demand",
            "consent": True,
        }
        assert (await anna.done("set_state", state="READY"))["ok"]
        i, customer = await site.call("800")
        early = await anna.command("pause_recording", interaction_id=i)
        assert early["error"]["code"] == "not_recorded"
        unasked = await anna.command("start_recording", interaction_id=i)
        assert (unasked["error"]["code"], unasked["error"]["field"]) == ("consent_needed", "consent")
        assert (await anna.done("start_recording", interaction_id=i, consent=True))["ok"]
        begun = await site.recording(lambda r: r["state"] == "on" and r["file"])
        assert (begun["by"], begun["consent"]) == ("anna", "asked")
        assert (await anna.done("stop_recording", interaction_id=i))["ok"]
        stopped = await site.recording(lambda r: r["state"] == "ended")
        assert stopped["stopped_by"] == "anna" and stopped["to"] >= stopped["from"]
        one = await site.over(customer)
        assert [r["id"] for r in one["recordings"]] == [begun["id"]]
        async with program.http(await program.sign_in("sofia")) as http:
            assert (await http.get(f"/api/recordings/{begun['id']}")).content[:4] == b"RIFF"
        assert "Traceback" not in program.errors()


async def test_a_pause_outlives_the_program_and_ends(stage: Stage, tmp_path: Path) -> None:
    """Killed while card data is spoken: silence goes on, and after a start the recording does."""
    config = await configured(tmp_path, stage.pbx, 'recording = "always"\n')
    config.write_text(config.read_text().replace("[recording]", "[recording]\ncard_pause_seconds = 10"))
    async with Program(tmp_path, "--config", str(config)) as program:
        async with Desk(program, "anna") as anna, Desk(program, "ben") as ben:
            site = Site(stage, program, anna, ben)
            assert (await anna.done("set_state", state="READY"))["ok"]
            i, customer = await site.call("830")
            begun = await site.recording(lambda r: r["state"] == "on" and r["file"])
            assert (await anna.done("pause_recording", interaction_id=i))["ok"]
            await site.recording(lambda r: r["state"] == "paused")
            async with program.http(await program.sign_in("sofia")) as http:
                await _until_written(http, i)
        await program.end(signal.SIGKILL)
        await program.start()
        async with Desk(program, "anna") as again:
            snapshot = await again.wait("snapshot")
            (card,) = snapshot["interactions"]
            assert [(r["id"], r["state"]) for r in card["recordings"]] == [(begun["id"], "paused")]
            back = await again.wait("interaction", lambda m: m["interaction"]["recordings"][0]["state"] == "on", 30)
            (gap,) = back["interaction"]["recordings"][0]["gaps"]
            assert gap["automatic"] and gap["reason"] == "card_data"
        await customer.hang_up()
        await stage.pbx.no_channels()


async def _until_written(http: Any, interaction_id: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            one = (await http.get(f"/api/interactions/{interaction_id}")).json()
            if one["recordings"] and one["recordings"][0]["state"] == "paused":
                return
            await asyncio.sleep(0.1)


async def test_a_recording_that_began_while_nobody_heard_can_be_paused(stage: Stage, reactor: Any) -> None:
    since = len(stage.pbx.ami.events)
    customer = stage.customer("13800138000", "830")
    await (await stage.anna.rings()).answer()
    await customer.up()
    # A busy PBX tells of it after the telephones rang: who signs in before would hear it.
    await stage.pbx.ami.wait(lambda block: block.get("Event") == "MixMonitorStart", since=since)
    late = Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret)
    await late.hub.load()
    assert (await signed_in(late))["ok"]
    async with late as exchange:
        await exchange.until(lambda: exchange.log.of(e.RecordingStarted))
        (started,) = exchange.log.of(e.RecordingStarted)
        assert started.inferred and started.file.endswith(".wav")
        await exchange.until(lambda: exchange.hub.distributor.agents["anna"].state == "BUSY")
        pause = wire.PauseRecording(id="p", interaction_id=started.interaction_id)
        assert (await exchange.command("anna", "pause_recording", pause)) == {"ok": True}
        result = await exchange.screens.wait("anna", "command_result", lambda m: m["id"] == "p")
        assert result["ok"], result
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.InteractionEnded))


def signed_in(exchange: Exchange) -> Any:
    exchange.hub.presence("anna", 1)
    return exchange.command("anna", "set_state", wire.SetState(id="ready", state="READY"))


async def test_a_pause_ends_by_itself_and_supervisors_hear_of_it(stage: Stage, reactor: Any) -> None:
    async with Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret) as exchange:
        rule = RecordingRule("always")
        exchange.hub.recording.rules = RecordingRules(queues={("main", "support"): rule}, card_pause_seconds=1.0)
        assert (await signed_in(exchange))["ok"]
        customer = stage.customer("13800138000", "830")
        await (await stage.anna.rings()).answer()
        await exchange.until(lambda: exchange.hub.distributor.agents["anna"].state == "BUSY")
        await exchange.until(lambda: exchange.log.of(e.RecordingNamed))
        (started,) = exchange.log.of(e.RecordingStarted)
        pause = wire.PauseRecording(id="p", interaction_id=started.interaction_id)
        assert (await exchange.command("anna", "pause_recording", pause))["ok"]
        told = await exchange.screens.wait(
            "supervisors", "notice", lambda m: m["code"] == "recording_pause_ran_out", 15
        )
        assert told["params"]["agent"] == "anna"
        (paused,), (resumed,) = exchange.log.of(e.RecordingPaused), exchange.log.of(e.RecordingResumed)
        assert (paused.by, paused.reason, resumed.automatic, resumed.by) == ("anna", "card_data", True, None)
        assert resumed.at - paused.at >= 0.9
        result = await exchange.screens.wait("anna", "command_result", lambda m: m["id"] == "p")
        assert result["ok"]
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.RecordingStopped))
        assert not exchange.log.of(e.SuspiciousBlockSeen)


async def test_a_recording_that_begins_during_a_pause_hears_nothing(stage: Stage, reactor: Any) -> None:
    async with Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret) as exchange:
        assert (await signed_in(exchange))["ok"]
        customer = stage.customer("13800138000", "830")
        mine = await (await stage.anna.rings()).answer()
        await exchange.until(lambda: exchange.log.of(e.RecordingNamed))
        await exchange.until(lambda: exchange.hub.distributor.agents["anna"].state == "BUSY")
        i = exchange.log.of(e.RecordingStarted)[0].interaction_id
        assert (await exchange.command("anna", "pause_recording", wire.PauseRecording(id="p", interaction_id=i)))["ok"]
        await exchange.until(lambda: exchange.log.of(e.RecordingPaused))
        again = {"Channel": await stage.channel(mine), "File": "callweave/agent.wav", "Options": "b"}
        await stage.pbx.ami.action("MixMonitor", (), **again)
        await exchange.until(lambda: len(exchange.log.of(e.RecordingPaused)) == 2)
        first, second = exchange.log.of(e.RecordingPaused)
        assert (second.by, second.reason, second.resume_at) == ("anna", "card_data", first.resume_at)
        assert second.recording_id != first.recording_id
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.InteractionEnded))
        # Whose channel goes last has no RecordingStopped of its own: the end of the contact ends it.
        both = exchange.hub.distributor.interactions[i].recordings
        assert [one.open for one in both] == [False, False]


async def test_a_pause_that_cannot_end_is_an_alarm(stage: Stage, reactor: Any) -> None:
    """The dialplan stopped the recording behind our back: there is nothing left that could go on."""
    async with Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret) as exchange:
        exchange.hub.recording.rules = RecordingRules(card_pause_seconds=1.0)
        assert (await signed_in(exchange))["ok"]
        customer = stage.customer("13800138000", "830")
        await (await stage.anna.rings()).answer()
        await exchange.until(lambda: exchange.log.of(e.RecordingNamed))
        await exchange.until(lambda: exchange.hub.distributor.agents["anna"].state == "BUSY")
        (started,) = exchange.log.of(e.RecordingStarted)
        exchange.pbx.do = refused  # type: ignore[method-assign]
        exchange.hub.take(
            [
                e.RecordingPaused(
                    at=started.at,
                    interaction_id=started.interaction_id,
                    recording_id=started.recording_id,
                    reason="card_data",
                    by="anna",
                    resume_at=exchange.hub.wall(),
                )
            ]
        )
        exchange.pbx.tracker.contacts[started.interaction_id].interaction.recordings[0].pause(
            exchange.log.of(e.RecordingPaused)[0]
        )
        told = await exchange.screens.wait("supervisors", "notice", lambda m: m["code"] == "recording_not_resumed", 15)
        assert told["level"] == "error" and told["params"]["reason"] == "refused_by_pbx"
        await exchange.screens.wait("anna", "notice", lambda m: m["code"] == "recording_not_resumed")
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.InteractionEnded))


async def refused(action: Any, *, system: bool = False) -> Outcome:
    return Outcome(False, "refused_by_pbx", "The PBX refused.")


async def test_a_call_that_is_recorded_twice(lab: Stage, reactor: Any, request: pytest.FixtureRequest) -> None:
    """22 mutes all recordings of a channel, 16 one of them: there a pause would be a lie."""
    async with Exchange(lab.pbx.ports.ami, reactor, secret=lab.pbx.secret) as exchange:
        assert (await signed_in(exchange))["ok"]
        customer = lab.customer("13800138000", "830")
        await (await lab.anna.rings()).answer()
        await exchange.until(lambda: exchange.log.of(e.RecordingNamed))
        await exchange.until(lambda: exchange.hub.distributor.agents["anna"].state == "BUSY")
        again = {"Channel": await lab.channel(customer), "File": "callweave/again.wav", "Options": "b"}
        await lab.pbx.ami.action("MixMonitor", (), **again)
        await exchange.screens.wait("supervisors", "notice", lambda m: m["code"] == "recorded_twice", 10)
        i = exchange.log.of(e.RecordingStarted)[0].interaction_id
        answer = await exchange.command("anna", "pause_recording", wire.PauseRecording(id="p", interaction_id=i))
        if "[16]" in request.node.name:
            assert answer["error"]["code"] == "recorded_twice"
            assert not exchange.log.of(e.RecordingPaused)
        else:
            assert answer == {"ok": True}
            assert (await exchange.screens.wait("anna", "command_result", lambda m: m["id"] == "p"))["ok"]
            assert len(exchange.log.of(e.RecordingPaused)) == 2
        await customer.hang_up()
        await exchange.until(lambda: len(exchange.log.of(e.RecordingStopped)) == 2)


async def test_what_must_not_be_recorded(stage: Stage, reactor: Any) -> None:
    async with Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret) as exchange:
        exchange.hub.recording.rules = RecordingRules(queues={("main", "support"): RecordingRule("never")})
        assert (await signed_in(exchange))["ok"]
        customer = stage.customer("13800138000", "830")
        await (await stage.anna.rings()).answer()
        told = await exchange.screens.wait("supervisors", "notice", lambda m: m["code"] == "recording_forbidden", 10)
        assert told["params"] == {"queue": "support", "pbx": "main"}
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.InteractionEnded))


async def test_what_must_be_recorded(stage: Stage, reactor: Any) -> None:
    async with Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret) as exchange:
        exchange.hub.recording.rules = RecordingRules(queues={("main", "support"): RecordingRule("always")})
        assert (await signed_in(exchange))["ok"]
        customer = stage.customer("13800138000", "800")
        await (await stage.anna.rings()).answer()
        late = MISSING_SECONDS + 8
        await exchange.screens.wait("supervisors", "notice", lambda m: m["code"] == "recording_missing", late)
        await customer.hang_up()
        await exchange.until(lambda: exchange.log.of(e.InteractionEnded))
