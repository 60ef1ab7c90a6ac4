"""Record the golden traces: `python -m tests.pbx.golden [names…]` writes `tests/golden/<name>.ami` and `.json`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.pbx import bootstrap, chan_sip
from tests.pbx.asterisk import Pbx
from tests.pbx.scenarios import SCENARIOS, Scenario
from tests.pbx.stage import UNPROMISED, Expected, Stage

# What is recorded on the older release too.
OLDER = """answered abandoned-ringing ring-no-answer-then-other declined-then-other queue-timeout
    blind-transfer-refer attended-transfer-refer attended-transfer-action hold-and-resume local-kept-answered
    local-optimised-attended-transfer originate-answered originate-not-lifted park-and-retrieve direct-pickup conference
    connected-late odd-names injected-header
    blind-transfer-to-queue blind-transfer-action-to-queue attended-transfer-ringing transfer-returned
    attended-transfer-refer-ringing consultation-declined attended-transfer-declined attended-transfer-cancelled
    attended-transfer-swapped attended-transfer-threeway threeway-then-dropped attended-transfer-action-to-queue-waiting
    local-kept-blind-transfer local-kept-attended-transfer local-kept-blind-transfer-action-to-queue
    local-kept-transfer-returned local-kept-attended-transfer-action local-kept-attended-transfer-cancelled
    local-kept-attended-transfer-swapped local-kept-attended-transfer-threeway
    local-optimised-blind-transfer local-optimised-transfer-returned local-optimised-attended-transfer-action
    local-optimised-attended-transfer-swapped local-optimised-attended-transfer-threeway""".split()  # noqa: SIM905
PREFIXES = {"sid": "", "bullseye": "v16-"}
FOLDER = Path(__file__).resolve().parents[1] / "golden"


def rounded(value: Any) -> Any:
    """The same with times to the millisecond, and without what is not promised."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items() if one is not UNPROMISED}
    return [rounded(one) for one in value] if isinstance(value, list) else value


def _document(one: Scenario, stage: Stage, interactions: list[Expected]) -> dict[str, Any]:
    log = sorted(entry for phone in stage.phones for entry in phone.log)
    return {
        "name": one.name,
        "about": one.about,
        "asterisk": bootstrap.version(stage.pbx.root),
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": stage.files,
        "devices": ["SIP/12??"] if one.chan_sip else ["PJSIP/10??", "PJSIP/11??"],
        "trunks": ["SIP/trunk"] if one.chan_sip else ["PJSIP/pstn"],
        "outbound_prefix": "8" if one.chan_sip else "9",
        "default_region": "CN",
        "tolerance_seconds": one.tolerance,
        "interactions": interactions,
        "phones": [f"{at:.3f} {phone} {what}" for at, phone, what in log],
    }


async def record(one: Scenario, folder: Path, release: str = "sid", prefix: str = "") -> list[Path]:
    """Play one scenario on a PBX of its own; return the files written."""
    extra = chan_sip.extra if one.chan_sip else None
    async with Pbx(timing=one.timing, cel=".full" in one.kinds, release=release, extra=extra) as pbx:
        # Of other releases only the stream that a real client gets: what they differ in is no matter of rights.
        kinds = one.kinds if release == "sid" else ("",)
        stage = Stage(pbx, folder, prefix + one.name, kinds)
        await stage.open()
        try:
            if not one.late:
                await stage.record()
            interactions = await one.play(stage)
            if late := [call.phone.user for phone in stage.phones for call in phone.history if call.hung_up_too_late]:
                raise RuntimeError(f"the PBX ended calls before the scenario did: {', '.join(late)}")
            await pbx.no_channels()
            for recorder in stage.recorders:
                await recorder.quiet()
            await stage.stop_recording()
        finally:
            await stage.close()
    paths = [folder / name for name in stage.files]
    document = folder / f"{prefix}{one.name}.json"
    text = json.dumps(rounded(_document(one, stage, interactions)), indent=1, ensure_ascii=False)
    document.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return [*paths, document]


async def record_all(names: list[str], folder: Path, jobs: int, release: str, prefix: str) -> int:
    """Record several, `jobs` at a time; return how many failed."""
    gate = asyncio.Semaphore(jobs)
    failed: list[str] = []

    async def run(name: str) -> None:
        async with gate:
            began = time.monotonic()
            try:
                paths = await record(SCENARIOS[name], folder, release, prefix)
            except Exception:
                failed.append(name)
                print(f"FAILED {name}\n{traceback.format_exc()}", file=sys.stderr)
                return
            size = ", ".join(f"{path.stat().st_size // 1024 + 1} KiB" for path in paths)
            print(f"{name:34} {time.monotonic() - began:5.1f} s  {size}", flush=True)

    await asyncio.gather(*(run(name) for name in names))
    if failed:
        print(f"failed: {' '.join(sorted(failed))}", file=sys.stderr)
    return len(failed)


def usual(release: str) -> list[str]:
    """All scenarios that are recorded on this release."""
    if release == "sid":
        return [name for name, one in SCENARIOS.items() if not one.chan_sip]
    return [*OLDER, *(name for name, one in SCENARIOS.items() if one.chan_sip)]


def main() -> int:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(prog="python -m tests.pbx.golden", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios (default: all)")
    parser.add_argument("--list", action="store_true", help="only list the scenarios")
    parser.add_argument("--jobs", type=int, default=3, help="how many PBXs side by side (default 3)")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--release", choices=sorted(bootstrap.RELEASES), default="sid")
    arguments = parser.parse_args()
    if arguments.list:
        for one in SCENARIOS.values():
            print(f"{one.name:34} {one.about}")
        return 0
    if unknown := [name for name in arguments.names if name not in SCENARIOS]:
        parser.error(f"no such scenario: {' '.join(unknown)}")
    names = arguments.names or usual(arguments.release)
    prefix = PREFIXES[arguments.release]
    failed = asyncio.run(record_all(names, arguments.folder, arguments.jobs, arguments.release, prefix))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
