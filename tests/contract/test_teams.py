"""Roles of the site's own and teams, on SQLite and PostgreSQL: rights, and whose contacts are in sight."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from interaction_log import events as e
from interaction_log.records import Conflict, NotFound, Refused, User
from interaction_log.rights import BUILT_IN, OwnRole, Sight, Team, has, rights_of
from interaction_log.store import EventLog, Store
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)
from tests.fakes.call_events import call

PASSWORD = "long enough"


async def people(store: Store, *names: str) -> None:  # noqa: F811
    for name in names:
        role = "supervisor" if name in ("sofia", "olga") else "agent"
        await store.users.create(User(name=name, display_name=name, role=role), PASSWORD)  # type: ignore[arg-type]


def clerk(**more: object) -> OwnRole:
    fields = {"code": "clerk", "labels": {"en": "Clerk"}, "base": "agent", "rights": ("customers.read",)} | more
    return OwnRole(**fields)  # type: ignore[arg-type]


async def test_a_role_of_the_sites_own_gives_its_rights_at_once(store: Store) -> None:  # noqa: F811
    await people(store, "anna")
    await store.teams.put_role(clerk())
    token = await store.users.open_session("anna")
    before = await store.users.session_user(token)
    assert before is not None and rights_of(before) == BUILT_IN["agent"]
    anna = await store.users.update("anna", {"own_role": "clerk"})
    assert (anna.role, anna.own_role, anna.rights) == ("agent", "clerk", ("customers.read",))
    now = await store.users.session_user(token)
    assert now is not None and not has(now, "customers.write")
    await store.teams.put_role(clerk(rights=("customers.read", "customers.write")))
    now = await store.users.session_user(token)  # without waiting for what is remembered of sessions
    assert now is not None and has(now, "customers.write")
    assert [user.rights for user in await store.users.all()] == [("customers.read", "customers.write")]
    assert rights_of(await store.users.update("anna", {"own_role": None, "role": "admin"})) == BUILT_IN["admin"]


async def test_what_roles_are_refused(store: Store) -> None:  # noqa: F811
    await people(store, "anna")
    made = await store.teams.put_role(clerk())
    assert [role.code for role in await store.teams.roles()] == ["clerk"]
    for wrong, field in (
        (clerk(rights=("fly",), version=1), "rights"),
        (clerk(code="admin"), "code"),
        (clerk(code="Für"), "code"),
        (clerk(base="king"), "base"),
        (clerk(labels={}), "labels"),
    ):
        with pytest.raises(Refused) as refused:
            await store.teams.put_role(wrong)
        assert refused.value.field == field
    await store.teams.put_role(clerk(rights=()))
    with pytest.raises(Conflict):
        await store.teams.put_role(clerk(version=made.version))  # somebody else was faster
    await store.users.update("anna", {"own_role": "clerk"})
    with pytest.raises(Conflict):
        await store.teams.remove_role("clerk")
    with pytest.raises(Refused):
        await store.teams.put_role(clerk(base="supervisor", version=2))
    await store.users.update("anna", {"own_role": None})
    await store.teams.remove_role("clerk")
    with pytest.raises(NotFound):
        await store.teams.remove_role("clerk")
    with pytest.raises(Refused):
        await store.users.update("anna", {"own_role": "clerk"})


async def test_teams_have_members_and_queues(store: Store) -> None:  # noqa: F811
    await people(store, "anna", "ben", "sofia")
    red = await store.teams.put_team(Team(code="red", label="红队", members=("sofia", "anna"), queues=("b", "a")))
    assert red == Team(code="red", label="红队", members=("anna", "sofia"), queues=("a", "b"), version=1)
    assert (await store.users.get("anna")).teams == ("red",)
    await store.users.update("ben", {"teams": ["red"]})
    red = (await store.teams.teams())[0]
    assert red.members == ("anna", "ben", "sofia")
    red = await store.teams.put_team(Team(code="red", label="Red", members=("sofia",), version=1))
    assert red.version == 2 and (await store.users.get("ben")).teams == ()
    with pytest.raises(Refused):
        await store.teams.put_team(Team(code="red", label="Red", members=("nobody",), version=2))
    with pytest.raises(Refused):
        await store.users.update("ben", {"teams": ["green"]})
    await store.teams.remove_team("red")
    assert (await store.users.get("sofia")).teams == () and await store.teams.teams() == []


async def test_contacts_are_seen_by_team(store: Store, url: str, tmp_path: Path) -> None:  # noqa: F811
    """One call of anna, one of ben: the supervisor of anna's team sees hers, by her queue sees both."""
    await people(store, "anna", "ben", "sofia", "olga")
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=print, journal_bytes=1_000_000)
    try:
        ids = []
        for n, (agent, queue) in enumerate((("anna", "support"), ("ben", "sales"))):
            device = f"PJSIP/100{n + 1}"
            told: list[e.Event] = [e.AgentSignedIn(at=1.0, agent=agent, name=agent, devices=[device])]
            told += [replace(one, queue=queue) if getattr(one, "queue", None) else one for one in call(n)]
            ids.append(next(one.interaction_id for one in told if isinstance(one, e.InteractionStarted)))
            for event in told:
                seq = log.next_seq()
                log.append(e.Recorded(seq, event))
        await log.shown()

        async def seen(name: str) -> set[str]:
            sight = await store.teams.sight(await store.users.get(name))
            page = await store.interactions.page(
                start=None, end=None, queue=None, agent=None, customer_id=None, limit=10, cursor=None, sight=sight
            )
            found = {item["id"] for item in page.items}
            assert found == {one for one in ids if await store.interactions.in_sight(one, sight)}
            return found

        assert await seen("sofia") == set(ids)  # without teams: everything, as ever
        await store.teams.put_team(Team(code="red", label="Red", members=("sofia", "anna")))
        assert await seen("sofia") == {ids[0]} and await seen("olga") == set() and await seen("ben") == {ids[1]}
        await store.teams.put_team(Team(code="red", label="Red", members=("sofia", "anna"), queues=("sales",)))
        assert await seen("sofia") == set(ids)
        assert (await store.teams.sight(await store.users.get("olga"))) == Sight(agents=frozenset({"olga"}))
    finally:
        await asyncio.to_thread(log.close)
