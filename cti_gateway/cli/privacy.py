"""`cti privacy …`: the master key, access exports, erasures, receipts, retention, and a database without remains."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from agent_console.recordings import RecordingKeys, RecordingPlaces
from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.cli.user import actor
from cti_gateway.retention import SiteFiles, rules_of
from interaction_log.privacy import export, receipts
from interaction_log.privacy.stored import Erasure, StoredPrivacy
from interaction_log.records import AuditEntry, Conflict, NotFound
from interaction_log.store import EventLog, LeaseHeld, Store
from interaction_log.store import retention as rules
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.compact import compact
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import KeyFault, load, make

_Verb = Callable[[argparse.Namespace, Any, Store], Awaitable[int]]


def add_parser(commands: Any) -> None:
    """`cti privacy key|export|preview|erase|verify|retention|compact`."""
    one: argparse.ArgumentParser = commands.add_parser("privacy", help="keys, exports, erasures, retention")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("key", help="make the master key if there is none, and show the key that checks receipts")
    out = verbs.add_parser("export", help="write everything that is kept of a customer into a ZIP")
    out.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
    out.add_argument("--out", type=Path, required=True, metavar="FILE")
    for verb, text in (("preview", "show what an erasure would do"), ("erase", "erase a customer for good")):
        made = verbs.add_parser(verb, help=text)
        made.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
        made.add_argument("--json", action="store_true")
        if verb == "erase":
            made.add_argument("--yes", action="store_true", help="do it; without it, nothing is erased")
    check = verbs.add_parser("verify", help="check a receipt")
    check.add_argument("receipt", type=Path, metavar="RECEIPT")
    check.add_argument(
        "--public-key", metavar="KEY", help="the site's key; default: that of the key file, if it is here"
    )
    kept = verbs.add_parser("retention", help="what is over by the rules of the configuration")
    kept.add_argument("--dry-run", action="store_true", required=True, help="only count; the running program deletes")
    kept.add_argument("--json", action="store_true")
    verbs.add_parser("compact", help="write the whole database anew, without remains of what was deleted (takes long)")


async def run(arguments: argparse.Namespace, settings: Any) -> int:
    """0 done; 1 failed, refused, or a receipt that is not right; 2 wrong use."""
    try:
        if arguments.verb == "key":
            return _key(settings)
        if arguments.verb == "verify":
            return _verify(arguments, settings)
        if arguments.verb == "compact":
            return await asyncio.to_thread(_compact, settings)
        return await _with_store(arguments, settings)
    except (KeyFault, OSError) as error:
        complain("privacy", str(error))
        return 1


def _key(settings: Any) -> int:
    path: Path = settings.privacy.key_file
    made = not path.exists()
    master = make(path) if made else load(path)
    say(f"{path} {'is made: keep a copy elsewhere, never beside the backups' if made else 'is there'}")
    say(f"receipts are checked with: {master.public}")
    return 0


def _verify(arguments: argparse.Namespace, settings: Any) -> int:
    key_file: Path = settings.privacy.key_file
    public = arguments.public_key or (load(key_file).public if key_file.exists() else None)
    try:
        right, facts = receipts.check(arguments.receipt.read_text("utf-8"), public)
    except (receipts.NoReceipt, UnicodeDecodeError) as error:
        complain("privacy verify", str(error))
        return 2
    if not right:
        complain("privacy verify", "the receipt was changed, or another site signed it")
        return 1
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts["finished_at"]))
    rows, by = sum(facts["rows"].values()), facts["requested_by"]
    say(f"right: {facts['pseudonym']} was erased at {when} ({rows} rows and files), asked for by {by}")
    if public is None:
        say("no key was given: this shows only that nobody changed it since it was signed")
    return 0


def _compact(settings: Any) -> int:
    engine = open_engine(settings.database.url, busy_seconds=60)
    try:
        done = compact(engine, whole=True)
    finally:
        engine.dispose()
    say("done" if done else "done, but readers keep old pages in the WAL: stop the program and try again")
    return 0 if done else 1


async def _with_store(arguments: argparse.Namespace, settings: Any) -> int:
    region = settings.phone.default_region
    store = await asyncio.to_thread(
        Store.open, settings.database.url, default_region=region, master_key=settings.privacy.key_file
    )
    try:
        return await _VERBS[arguments.verb](arguments, settings, store)
    except NotFound:
        complain(f"privacy {arguments.verb}", "there is no such customer")
    except Conflict as error:
        complain(f"privacy {arguments.verb}", str(error))
    finally:
        await asyncio.to_thread(store.close)
    return 1


def _files(settings: Any, keys: RecordingKeys | None = None) -> SiteFiles:
    kept = settings.recording
    places = RecordingPlaces(str(kept.folder), kept.pbx_folder or str(kept.folder)) if kept is not None else None
    found = {pbx.name: settings.voicemail.folder_of(pbx.name) for pbx in settings.pbx}
    folders = {name: folder for name, folder in found.items() if folder is not None}
    return SiteFiles(places, folders, keys, ChatFolder(settings.chat.folder))


async def _export(arguments: argparse.Namespace, settings: Any, store: Store) -> int:
    privacy = _privacy(store)
    out = await asyncio.to_thread(arguments.out.absolute)
    manifest = await export.write(privacy, arguments.customer, _files(settings, store.recording_keys), out, time.time())
    await _on_record(store, "access_export", arguments.customer, {})
    missing = sum(1 for one in manifest["files"] if one.get("missing"))
    say(f"{out}: {len(manifest['files'])} files" + (f", {missing} of them are not there any more" if missing else ""))
    return 0


async def _preview(arguments: argparse.Namespace, settings: Any, store: Store) -> int:
    found = await _privacy(store).preview(arguments.customer)
    if arguments.json:
        say_json(asdict(found))
        return 0
    for part in found.parts:
        say(f"{part.table}: {part.rows} {'deleted' if part.how == 'delete' else 'emptied'}")
    for kind, n in found.files.items():
        say(f"files of {kind}s: {n} deleted")
    for shared in found.shared:
        say(f"{shared.value} is another customer's too: calls from it that nobody identified stay")
    for one in found.obstacles:
        say("not now: a contact is running" if one.kind == "open" else f"not now: a legal hold stands ({one.reason})")
    return 0


async def _erase(arguments: argparse.Namespace, settings: Any, store: Store) -> int:
    if not arguments.yes:
        await _preview(arguments, settings, store)
        complain("privacy erase", "nothing was erased; say --yes to do it")
        return 2
    privacy = _privacy(store)
    asked = await privacy.request(arguments.customer, actor(), time.time())
    await _on_record(store, "erasure_requested", asked.pseudonym, {"erasure": asked.id})
    done = await _carried_out(settings, privacy, asked)
    if done.state == "done":
        await _on_record(store, "erased", done.pseudonym, {"state": "done", "rows": str(sum(done.done.values()))})
    if arguments.json:
        say_json(asdict(done))
    elif done.receipt is not None:
        say(done.receipt)
    else:
        say(f"erasure {done.id} is {done.state}" + (f" ({done.why})" if done.why else ""))
    return 1 if done.state == "refused" else 0


async def _carried_out(settings: Any, privacy: StoredPrivacy, asked: Erasure) -> Erasure:
    """Here, where no program runs; else the running one does it within a minute, because it remembers contacts."""
    database = settings.database
    try:
        log = await asyncio.to_thread(
            EventLog.open, database.url, database.journal / "events.journal", on_state=lambda _: None,
            journal_bytes=database.journal_megabytes * 1024 * 1024, master=privacy.master,
        )  # fmt: skip
    except LeaseHeld:
        say("the program is running: it erases within a minute (cti audit list shows it)")
        return asked
    try:
        privacy.forget = log.forget
        return await privacy.run(asked.id, _files(settings), time.time)
    finally:
        await asyncio.to_thread(log.close)


async def _retention(arguments: argparse.Namespace, settings: Any, store: Store) -> int:
    kept = settings.recording.retention_days if settings.recording is not None else None
    told = [one.model_dump() for one in settings.retention]
    site = rules_of(told, settings.database.keep_events_days, kept)
    reading, now = _privacy(store).reading, time.time()
    due = {what: await reading(partial(rules.count, rules=site, what=what, now=now)) for what in rules.KINDS}
    if arguments.json:
        say_json({"rules": [asdict(one) for one in site], "due": due})
        return 0
    for one in site:
        where = " ".join(filter(None, [one.channel, f"queue {one.queue}" if one.queue else None])) or "any"
        say(f"{one.what} ({where}): {one.days} days")
    for what, n in due.items():
        say(f"{what}: {n} would be deleted now")
    return 0


def _privacy(store: Store) -> StoredPrivacy:
    assert store.privacy is not None  # it was opened with the key
    return store.privacy


async def _on_record(store: Store, action: str, subject: str, details: dict[str, str]) -> None:
    told = {"by": "cti privacy", **details}
    await store.audit.append(AuditEntry(at=time.time(), actor=actor(), action=action, subject=subject, details=told))


_VERBS: dict[str, _Verb] = {"export": _export, "preview": _preview, "erase": _erase, "retention": _retention}
