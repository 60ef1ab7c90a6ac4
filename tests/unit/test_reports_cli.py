"""`cti reports` as it is typed: the check, a table, and the log beside Asterisk's files."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.cli import reports
from cti_gateway.cli.commands import parser
from interaction_log import events as e
from interaction_log.identity import interaction_id
from interaction_log.periods import moment
from interaction_log.store import EventLog, Store
from tests.fakes.month import month, write

AT = 1_795_000_000.25
UNIQUE = "1795000000.7"
QUEUE_LOG = (
    f"{int(AT)}|{UNIQUE}|support|NONE|ENTERQUEUE||13800138000|1\n"
    f"{int(AT) + 5}|{UNIQUE}|support|PJSIP/1001|CONNECT|5|1795000001.8|4\n"
    f"{int(AT) + 60}|{UNIQUE}|support|PJSIP/1001|COMPLETECALLER|5|55|1\n"
)
CDR = (
    f'"","13800138000","800","from-pstn","x","PJSIP/pstn-01","PJSIP/1001-02","Queue","support",'
    f'"2026-11-18 11:06:40","2026-11-18 11:06:45","2026-11-18 11:07:40",60,55,"ANSWERED","DOCUMENTATION","{UNIQUE}",'
    '""\n'
)


async def said(store: Store, *words: str) -> int:
    arguments = parser().parse_args(["reports", *words])
    arguments.region, arguments.trunk = "CN", getattr(arguments, "trunk", None) or ["PJSIP/pstn"]
    return await run(arguments, store)


async def run(arguments: argparse.Namespace, store: Store) -> int:
    return await reports.run(arguments, *(getattr(store, part) for part in reports.PARTS))


def one_call() -> list[e.Event]:
    of = interaction_id("main", "test", UNIQUE)
    here: dict[str, Any] = {"interaction_id": of}
    return [
        e.InteractionStarted(
            at=AT,
            pbx="main",
            channel="voice",
            direction="inbound",
            customer_address="+8613800138000",
            customer_name=None,
            dialled="800",
            unique_id=UNIQUE,
            linked_id=UNIQUE,
            **here,
        ),
        e.QueueEntered(at=AT, queue="support", **here),
        e.QueueLeft(at=AT + 5, queue="support", result="answered", **here),
        e.AgentConnected(at=AT + 5, device="PJSIP/1001", **here),
        e.AgentDisconnected(at=AT + 60, device="PJSIP/1001", **here),
        e.InteractionEnded(at=AT + 60, outcome="answered", ended_by="customer", **here),
    ]


async def logged(url: str, folder: Path) -> None:
    log = await asyncio.to_thread(EventLog.open, url, folder / "journal", on_state=lambda state: None)
    seq = 0
    for event in one_call():
        seq = log.next_seq()
        log.append(e.Recorded(seq, event))
    await asyncio.wait_for(log.durable(seq), 20)
    await asyncio.to_thread(log.close)


async def test_the_log_beside_asterisks_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    await logged(url, tmp_path)
    theirs, records = tmp_path / "queue_log", tmp_path / "Master.csv"
    theirs.write_text(QUEUE_LOG)
    records.write_text(CDR)
    both = ("reconcile", "--queue-log", str(theirs), "--cdr", str(records))
    assert await said(store, *both) == 0
    assert "differences: 0" in capsys.readouterr().out
    theirs.write_text(QUEUE_LOG.replace("CONNECT|5", "CONNECT|8").replace("COMPLETECALLER", "COMPLETEAGENT"))
    assert await said(store, *both, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [(one["unique_id"], one["what"]) for one in found["differences"]] == [(UNIQUE, "wait"), (UNIQUE, "ended by")]
    theirs.write_text(QUEUE_LOG + QUEUE_LOG.replace(UNIQUE, "1795000100.9"))
    assert await said(store, *both) == 1
    assert "1795000100.9 log times in our log: 1 there, 0 here" in capsys.readouterr().out
    assert await said(store, "reconcile") == 2
    assert await said(store, "reconcile", "--cdr", str(tmp_path / "nothing")) == 2
    await asyncio.to_thread(store.close)


async def test_the_check_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    made = month(moment("2026-10-01", "UTC"), contacts=120, days=2, agents=3)
    await asyncio.to_thread(write, url, made)
    times = ("--from", "2026-10-01", "--to", "2026-10-03")
    assert await said(store, "check", *times) == 0
    assert "everything adds up" in capsys.readouterr().out
    assert await said(store, "check", *times, "--json") == 0
    assert json.loads(capsys.readouterr().out)["offered"] == len(made.visits)
    assert await said(store, "table", "queues", *times, "--step", "day") == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("from,to,queue,offered") and f",total,{len(made.visits)}," in rows[-1]
    assert await said(store, "table", "queues", *times, "--tz", "Mars/Base") == 2
    orders = tmp_path / "orders.csv"
    orders.write_text("number,customer,ordered_at,amount\n1,c000001,2026-10-01,5\n2,nobody,2026-10-01,5\n")
    assert await said(store, "orders", str(orders), "--dry-run") == 1
    assert "2 rows read, would be 1 new, would be 0 again, 1 refused" in capsys.readouterr().out
    await asyncio.to_thread(store.close)
