"""A site to measure: a database with customers, agents who have signed in, and the configuration file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from interaction_log.identity import PhoneNumber
from interaction_log.records import Customer, QueueSettings
from interaction_log.store import Store, customer_rows, sealed_fields
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.fields import Checked
from interaction_log.store.master_key import load_or_make
from interaction_log.store.search_fill import reindex
from interaction_log.store.writing import Writing

PBX: Final = "bench"
FIRST_MOBILE: Final = 13_000_000_000
"""The customers' numbers are consecutive Chinese mobile numbers from here."""
ADMIN: Final = "observer"
"""Who sees every interaction; has no telephone."""


@dataclass(frozen=True)
class Site:
    """Where it is. ``tokens`` by agent, each a session that is open."""

    folder: Path
    url: str
    agents: dict[str, str]
    """Device by agent."""
    tokens: dict[str, str]


def mobile(number: int) -> str:
    """A customer's number as the network presents it."""
    return str(FIRST_MOBILE + number)


def device(number: int) -> str:
    """An agent's telephone, from 0."""
    return f"PJSIP/{1000 + number}"


async def make(
    folder: Path, *, agents: int, customers: int, wrap_up_seconds: int, queues: tuple[str, ...], first: int = 0
) -> Site:
    """Make the database; the first agent has the telephone `first`. Takes about a second per 30,000 customers."""
    url = f"sqlite:///{folder / 'callweave.db'}"
    store = Store.open(url, default_region="CN")
    names = {f"agent{number}": device(number) for number in range(first, first + agents)}
    try:
        await asyncio.to_thread(_fill, url, names, customers)
        for queue in queues:
            settings = QueueSettings(name=queue, pbx=PBX, label=queue, wrap_up_seconds=wrap_up_seconds)
            await store.catalogue.put_queue(settings)
        tokens = {name: await store.users.open_session(name) for name in (*names, ADMIN)}
    finally:
        store.close()
    return Site(folder, url, names, tokens)


def index(url: str) -> None:
    """Customers can be searched, and texts are sealed, as at any site that has been running: the first start takes
    minutes of small steps."""
    key = Path(make_url(url).database or "").parent / "journal" / "master.key"
    key.parent.mkdir(exist_ok=True)
    load_or_make(key)
    sealed_fields.use(key)
    writing = Writing(url)
    try:
        reindex(writing, everything=True, progress=lambda done, of: None)
    finally:
        writing.close()


def _fill(url: str, agents: dict[str, str], customers: int) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(s.users), [*map(_user, agents), {**_user(ADMIN), "role": "admin"}])
        if agents:
            rows = [{"user": name, "device": phone, "position": 0} for name, phone in agents.items()]
            connection.execute(sa.insert(s.user_devices), rows)
        customer_rows.add(connection, map(_customer, range(customers)))
    engine.dispose()


def _user(name: str) -> dict[str, Any]:
    # No password fits: these agents come with a session. A real one takes 64 MiB and 50 ms each.
    row = {"name": name, "display_name": name.title(), "role": "agent", "language": "en"}
    return {**row, "disabled": False, "password": "none", "version": 1}


def _customer(number: int) -> Checked:
    """What an import makes of a row, without reading the number by the numbering plan (4 s for 100,000)."""
    short = mobile(number)
    record = Customer(
        id=f"c{number:06d}",
        name=f"Customer {number:06d}",
        phones=[f"+86{short}"],
        organisation=f"Firm {number % 977}",
        language="zh-CN",
        vip=number % 50 == 0,
    )
    return Checked(record, [PhoneNumber(e164=f"+86{short}", national=short, extension=None)])


def write_config(site: Site, *, ami_port: int, username: str, secret: str, devices: str = "PJSIP/1???") -> Path:
    """The configuration file; the console listens on any free port."""
    path = site.folder / "callweave.toml"
    path.touch(mode=0o600)
    path.write_text(
        f"""[http]
port = 0
[database]
url = "{site.url}"
journal = "{site.folder / "journal"}"
[log]
level = "info"
[[pbx]]
name = "{PBX}"
host = "127.0.0.1"
port = {ami_port}
username = "{username}"
secret = "{secret}"
devices = ["{devices}"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"
"""
    )
    return path
