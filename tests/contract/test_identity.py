"""Who is one person, and what speaks for it: on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cti_gateway.identity_upkeep import MERGE_PAUSE_SECONDS, IdentityUpkeep
from interaction_log.evidence import Evidence
from interaction_log.persons import Seen
from interaction_log.records import Conflict, Customer, CustomField, NotFound, Refused
from interaction_log.store import Store, master_key, sealed_fields
from interaction_log.store.engine import open_engine
from interaction_log.store.identity_tables import customer_merges
from interaction_log.store.schema import interactions
from tests.contract.test_imports import HEADER, step, taken
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)

AT = 1_795_293_080.0
WANG, WANG_OFFICE, EMILY = "+8613800138000", "+861050881234", "+442079460018"


async def customer(store: Store, name: str, *phones: str, **more: Any) -> Customer:  # noqa: F811
    return await store.customers.create({"name": name, "phones": list(phones), **more})


async def merge(store: Store, kept: Customer, merged: Customer, **more: Any) -> Any:  # noqa: F811
    return await store.identity.merges.merge(kept.id, merged.id, at=AT, by="sofia", **more)


async def undo(store: Store, one: Any) -> Any:  # noqa: F811
    return await store.identity.merges.undo(one.id, at=AT + 1, by="sofia")


async def who(store: Store, number: str) -> tuple[str, list[str]]:  # noqa: F811
    match = await store.customers.find_caller(number)
    people = [match.customer] if match.customer is not None else match.candidates
    return match.strength, [one["name"] for one in people]


def write_interaction(url: str, key: str, customer_id: str, at: float) -> None:  # noqa: F811
    """A finished call in the projections."""
    engine = open_engine(url)
    with engine.begin() as connection:
        row = {"id": key, "began": int(at), "pbx": "main", "channel": "voice", "direction": "inbound", "sorted_at": at}
        more = {"ended": True, "customer_id": customer_id, "talk_seconds": 1.0, "hold_seconds": 0.0, "public": "{}"}
        connection.execute(sa.insert(interactions).values(row | more))
    engine.dispose()


# --- merges ------------------------------------------------------------------------------------------


async def test_a_merge_is_previewed_done_and_undone(store: Store, url: str) -> None:  # noqa: F811
    kept = await customer(store, "王小明", WANG, notes="上午联系")
    other = await customer(
        store, "王小明 先生", WANG_OFFICE, organisation="京华", notes="财务", vip=True, emails=["w@example.com"]
    )
    write_interaction(url, "i1", kept.id, 100.0)
    write_interaction(url, "i2", other.id, 200.0)
    preview = await store.identity.merges.preview(kept.id, other.id)
    found = {one.field: (one.conflict, one.take) for one in preview.differences}
    conflict, gap = (True, False), (False, True)
    assert found == {"name": conflict, "notes": conflict, "organisation": gap, "vip": gap}
    assert (preview.phones, preview.emails) == ([WANG, WANG_OFFICE], ["w@example.com"])
    assert preview.interactions == (1, 1)
    done = await merge(store, kept, other, take=["notes", "organisation"])
    assert (done.kept, done.merged, done.by, done.taken) == (kept.id, other.id, "sofia", ["notes", "organisation"])
    person = await store.customers.get(other.id)
    assert person.id == kept.id and person.name == "王小明" and person.notes == "财务" and not person.vip
    assert person.phones == [WANG, WANG_OFFICE] and person.organisation == "京华"
    for number in (WANG, WANG_OFFICE):
        assert await who(store, number) == ("known", ["王小明"])
    for of in (kept.id, other.id):
        lines = await store.customers.timeline(of, 10, None)
        assert [one["interaction_id"] for one in lines] == ["i2", "i1"]
    found_once, _ = await store.customers.search("王小明", 10, None)
    assert [one.id for one in found_once] == [kept.id]
    by_old_name, _ = await store.customers.search("先生", 10, None)
    assert [one.id for one in by_old_name] == [kept.id], "what the merged record says is found, too"
    match = await store.customers.match_of(other.id)
    assert match.customer is not None and match.customer["id"] == kept.id and match.also == [other.id]
    undone = await undo(store, done)
    assert undone.undone_by == "sofia"
    assert await store.customers.get(kept.id) == kept
    assert await store.customers.get(other.id) == other
    assert [one["interaction_id"] for one in await store.customers.timeline(kept.id, 10, None)] == ["i1"]
    assert await who(store, WANG_OFFICE) == ("known", ["王小明 先生"])
    with pytest.raises(Conflict):
        await undo(store, done)


async def test_merges_of_merged_records_are_undone_in_any_order(store: Store) -> None:  # noqa: F811
    a, b, c, d = [await customer(store, name, f"+86138001380{n:02}") for n, name in enumerate("ABCD")]
    first = await merge(store, a, b, take=["name"])
    second = await merge(store, c, d)
    third = await merge(store, b, d, take=["name"])  # named by members: the heads are meant
    assert (third.kept, third.merged) == (a.id, c.id)
    assert (await store.customers.get(d.id)).id == a.id
    assert [one.id for one in await store.identity.merges.members(b.id)] == [a.id, *sorted([b.id, c.id, d.id])]
    assert {one.id for one in await store.identity.merges.of(d.id)} == {first.id, second.id, third.id}
    person = await store.customers.get(a.id)
    assert person.name == "C" and len(person.phones) == 4
    await undo(store, first)  # the oldest; the third inherits the name that was before
    assert (await store.customers.get(b.id)) == b
    assert (await store.customers.get(a.id)).name == "C"
    await undo(store, second)  # below the third
    assert (await store.customers.get(d.id)) == d
    assert (await store.customers.get(a.id)).phones == [*a.phones, *c.phones]
    await undo(store, third)
    assert [await store.customers.get(one.id) for one in (a, b, c, d)] == [a, b, c, d]


async def test_what_a_person_changed_after_a_merge_stays(store: Store) -> None:  # noqa: F811
    kept, other = await customer(store, "A", WANG), await customer(store, "B", EMILY, language="en")
    done = await merge(store, kept, other, take=["name", "language"])
    await store.customers.update(other.id, {"name": "Chosen later", "phones": [WANG, EMILY, WANG_OFFICE]})
    await undo(store, done)
    after = await store.customers.get(kept.id)
    assert (after.name, after.language, after.phones) == ("Chosen later", None, [WANG, WANG_OFFICE])
    assert await store.customers.get(other.id) == other


async def test_wrong_merges_are_refused(store: Store) -> None:  # noqa: F811
    a, b = await customer(store, "A", WANG), await customer(store, "B", EMILY)
    with pytest.raises(Refused) as refused:
        await merge(store, a, a)
    assert refused.value.field == "other"
    with pytest.raises(NotFound):
        await store.identity.merges.merge(a.id, "nobody", at=AT, by="sofia")
    with pytest.raises(Refused):
        await merge(store, a, b, take=["id"])
    with pytest.raises(NotFound):
        await store.identity.merges.undo("none", at=AT, by="sofia")
    await merge(store, a, b)
    with pytest.raises(Refused):
        await merge(store, b, a)


async def test_two_merges_at_once_leave_a_forest(store: Store) -> None:  # noqa: F811
    people = [await customer(store, f"P{n}", f"+86138001381{n:02}") for n in range(6)]
    pairs = [(0, 1), (1, 0), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    results = await asyncio.gather(
        *(merge(store, people[one], people[other]) for one, other in pairs), return_exceptions=True
    )
    assert all(isinstance(one, Refused) for one in results if isinstance(one, BaseException))
    heads = {(await store.customers.get(one.id)).id for one in people}
    assert len(heads) == 2
    assert sum(not isinstance(one, BaseException) for one in results) == 4


async def test_a_person_is_deleted_with_what_was_merged(store: Store) -> None:  # noqa: F811
    kept, other = await customer(store, "A", WANG), await customer(store, "B", EMILY)
    done = await merge(store, kept, other)
    await store.customers.delete(other.id)
    for one in (kept, other):
        with pytest.raises(NotFound):
            await store.customers.get(one.id)
    assert await who(store, EMILY) == ("unknown", [])
    with pytest.raises(NotFound):
        await undo(store, done)


# --- claims and shared numbers -------------------------------------------------------------------------


async def seen(store: Store, of: Customer, number: str, source: Any = "agent", at: float = AT) -> None:  # noqa: F811
    one = Seen(
        customer_id=of.id,
        kind="phone",
        value=number,
        source=source,
        strength="maybe",
        rule="chosen",
        at=at,
        by="anna" if source == "agent" else None,
        details={"presentation": "allowed"},
    )
    await store.identity.claims.saw([one])


async def test_the_choice_of_an_agent_is_used_the_next_time(store: Store) -> None:  # noqa: F811
    chen, liu = await customer(store, "陈思远", EMILY), await customer(store, "刘雨桐", EMILY)
    await seen(store, liu, EMILY)
    assert await who(store, EMILY) == ("candidates", ["刘雨桐", "陈思远"])
    await seen(store, chen, EMILY, at=AT + 5)
    assert await who(store, EMILY) == ("candidates", ["陈思远", "刘雨桐"])
    match = await store.customers.find_caller(EMILY)
    assert [one["why"] for one in match.candidates] == [["chosen", "number"], ["chosen", "number"]]


async def test_a_number_in_no_record_leads_to_whom_an_agent_chose(store: Store) -> None:  # noqa: F811
    wang = await customer(store, "王小明", WANG)
    await seen(store, wang, EMILY)
    assert await who(store, EMILY) == ("maybe", ["王小明"])
    other = await customer(store, "Emily", EMILY)  # now it is somebody's: both are shown
    assert await who(store, EMILY) == ("candidates", ["王小明", "Emily"])
    claim = next(one for one in await store.identity.claims.of(wang.id) if one.source == "agent")
    await store.identity.claims.withdraw(claim.id)
    assert await who(store, EMILY) == ("known", ["Emily"])
    assert other.id != wang.id


async def test_a_like_number_and_a_choice_are_both_shown(store: Store) -> None:  # noqa: F811
    """A trunk presents a London number in its national form, which is one of Guangzhou, too: nobody has that, and an
    agent chose somebody for it."""
    foreign = "+862079460018"
    await customer(store, "Emily", "+442079460018")
    assert await who(store, foreign) == ("maybe", ["Emily"])
    await seen(store, await customer(store, "王小明", WANG), foreign)
    assert await who(store, foreign) == ("candidates", ["王小明", "Emily"])
    match = await store.customers.find_caller(foreign)
    assert [one["why"] for one in match.candidates] == [["chosen"], ["similar"]]


async def test_an_agents_choice_of_the_owner_changes_nothing(store: Store) -> None:  # noqa: F811
    wang = await customer(store, "王小明", WANG)
    await seen(store, wang, WANG)
    await seen(store, wang, WANG, source="network")
    assert await who(store, WANG) == ("known", ["王小明"])
    found = {(one.source, one.strength) for one in await store.identity.claims.of(wang.id)}
    assert found == {("record", "known"), ("agent", "maybe"), ("network", "maybe")}


async def test_claims_are_one_row_each_and_follow_merges(store: Store) -> None:  # noqa: F811
    wang, office = await customer(store, "王小明", WANG), await customer(store, "王先生", WANG_OFFICE)
    for at in (AT, AT + 9):
        await seen(store, office, EMILY, at=at)
    confirmed = await store.identity.claims.confirm(wang.id, "email", " W@Example.com ", by="ben", at=AT)
    assert (confirmed.value, confirmed.strength, confirmed.by) == ("w@example.com", "known", "ben")
    done = await merge(store, wang, office)
    claims = await store.identity.claims.of(wang.id)
    assert {(one.kind, one.value, one.source) for one in claims} == {
        ("phone", WANG, "record"),
        ("phone", WANG_OFFICE, "record"),
        ("phone", EMILY, "agent"),
        ("email", "w@example.com", "confirmed"),
    }
    chosen = next(one for one in claims if one.source == "agent")
    assert (chosen.first_at, chosen.last_at, chosen.customer_id) == (AT, AT + 9, office.id)
    assert await who(store, EMILY) == ("maybe", ["王小明"])
    await undo(store, done)
    assert await who(store, EMILY) == ("maybe", ["王先生"])
    for wrong in ("", "12", "x" * 300):
        with pytest.raises(Refused):
            await store.identity.claims.confirm(wang.id, "phone", wrong, by="ben", at=AT)
    with pytest.raises(NotFound):
        await store.identity.claims.of("nobody")


async def test_a_shared_number_identifies_nobody(store: Store) -> None:  # noqa: F811
    wang = await customer(store, "王小明", WANG_OFFICE, organisation="京华")
    assert await who(store, WANG_OFFICE) == ("known", ["王小明"])
    marked = await store.identity.claims.share("phone", "010 5088 1234", by="sofia", at=AT, note="总机")
    assert (marked.value, marked.people) == (WANG_OFFICE, 1)
    match = await store.customers.find_caller(WANG_OFFICE)
    assert (match.strength, match.customer) == ("candidates", None)
    assert [(one["name"], one["why"]) for one in match.candidates] == [("王小明", ["shared"])]
    (claim,) = await store.identity.claims.of(wang.id)
    assert (claim.strength, claim.rule, claim.shared) == ("maybe", "shared", True)
    assert [one.note for one in await store.identity.claims.shared()] == ["总机"]
    await store.identity.claims.unshare(WANG_OFFICE)
    assert await who(store, WANG_OFFICE) == ("known", ["王小明"])
    with pytest.raises(NotFound):
        await store.identity.claims.unshare(WANG_OFFICE)


async def test_numbers_of_many_people_are_suggested_as_shared(store: Store) -> None:  # noqa: F811
    for n in range(4):
        await customer(store, f"京华 {n}", WANG_OFFICE, organisation="京华")
    for n in range(3):
        await customer(store, f"Family {n}", EMILY)
    (hint,) = await store.identity.claims.shared_hints(4)
    assert (hint.value, hint.people, hint.organisation) == (WANG_OFFICE, 4, "京华")
    assert [one.value for one in await store.identity.claims.shared_hints(3)] == [WANG_OFFICE, EMILY]
    await store.identity.claims.share("phone", WANG_OFFICE, by="sofia", at=AT)
    assert await store.identity.claims.shared_hints(4) == []


# --- suggestions ---------------------------------------------------------------------------------------


async def suggested(store: Store) -> list[tuple[set[str], list[str], int]]:  # noqa: F811
    found, _ = await store.identity.suggestions.page(50, None)
    return [({one.one.name, one.other.name}, sorted(r["code"] for r in one.reasons), one.score) for one in found]


async def test_suggestions_have_reasons_and_go_when_they_are_decided(store: Store) -> None:  # noqa: F811
    emily = await customer(store, "Emily Carter", EMILY, organisation="Carter & Sons")
    carter = await customer(store, "CARTER, Emily", EMILY)
    near = await customer(store, "Emily Cartr", WANG, organisation="Carter & Sons")
    await customer(store, "王小明", WANG_OFFICE, organisation="京华", emails=["Office@example.com"])
    await customer(store, "李静", "+8613911112222", organisation="京华", emails=["office@example.com"])
    await customer(store, "王小红", "+8613911112223", organisation="京华")  # one letter is another name
    await store.identity.suggestions.refresh(AT)
    assert await suggested(store) == [
        ({"Emily Carter", "CARTER, Emily"}, ["same_name", "same_number"], 90),
        ({"王小明", "李静"}, ["same_mail"], 70),
        ({"Emily Carter", "Emily Cartr"}, ["similar_name"], 45),
    ]
    await store.identity.suggestions.dismiss(near.id, emily.id, by="sofia", at=AT)
    done = await merge(store, emily, carter)
    assert [people for people, _, _ in await suggested(store)] == [{"王小明", "李静"}]
    await undo(store, done)
    await store.identity.suggestions.refresh(AT + 1)
    assert [people for people, _, _ in await suggested(store)] == [{"王小明", "李静"}], "what people decided stays"
    with pytest.raises(NotFound):
        await store.identity.suggestions.dismiss("a", "b", by="sofia", at=AT)


async def test_what_is_true_no_more_is_suggested_no_more(store: Store) -> None:  # noqa: F811
    a, _ = await customer(store, "A", EMILY), await customer(store, "B", EMILY)
    await store.identity.suggestions.refresh(AT)
    assert len(await suggested(store)) == 1
    await store.customers.update(a.id, {"phones": [WANG]})
    await store.identity.suggestions.refresh(AT + 1)
    assert await suggested(store) == []


async def test_a_switchboard_makes_no_suggestions(store: Store) -> None:  # noqa: F811
    for n in range(9):
        await customer(store, f"P{n}", WANG_OFFICE)
    a, b = await customer(store, "A", EMILY), await customer(store, "B", EMILY)
    await store.identity.claims.share("phone", EMILY, by="sofia", at=AT)
    await store.identity.suggestions.refresh(AT)
    assert await suggested(store) == [] and a.id != b.id


async def test_pages_of_suggestions_go_on_where_they_ended(store: Store) -> None:  # noqa: F811
    for n in range(5):
        for name in ("one", "other"):
            await customer(store, f"{name} {n}", f"+86138001382{n:02}")
    await store.identity.suggestions.refresh(AT)
    pages, cursor = [], None
    while True:
        found, cursor = await store.identity.suggestions.page(2, cursor)
        pages.append([(one.one.id, one.other.id) for one in found])
        if cursor is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({pair for page in pages for pair in page}) == 5


# --- the site's rules ----------------------------------------------------------------------------------


async def test_nothing_is_merged_by_itself_unless_the_site_says_so(store: Store, url: str) -> None:  # noqa: F811
    few, many = (
        await customer(store, "Emily Carter", EMILY, language="en"),
        await customer(store, "emily carter", EMILY),
    )
    await customer(store, "Somebody", EMILY)
    write_interaction(url, "i1", many.id, 100.0)
    told: list[str] = []
    upkeep = IdentityUpkeep(store.identity, store.audit, lambda: AT, (), told.append)
    assert await upkeep.refresh() == 3
    assert (await store.customers.get(few.id)).id == few.id and told == []
    upkeep.rules = ("same_number_and_name",)
    assert await upkeep.refresh() == 2
    person = await store.customers.get(few.id)
    assert (person.id, person.name, person.language) == (many.id, "emily carter", "en"), "gaps are filled, no more"
    (done,) = await store.identity.merges.of(few.id)
    assert (done.by, done.rule) == (None, "same_number_and_name") and set(told) == {few.id, many.id}
    (entry,) = await store.audit.page()
    assert (entry.entry.actor, entry.entry.action) == ("callweave", "merge_customers")
    assert EMILY not in str(entry.entry)
    await undo(store, done)
    await upkeep.refresh()
    assert (await store.customers.get(few.id)).id == few.id, "what people parted stays apart"
    await upkeep.stop()


async def test_merges_by_a_rule_leave_room_between_them(store: Store) -> None:  # noqa: F811
    for n in range(6):
        for _twice in range(2):
            await customer(store, f"Emily Carter {n}", f"+44207946{n:04d}")
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    rules = ("same_number_and_name",)
    upkeep = IdentityUpkeep(store.identity, store.audit, lambda: AT, rules, pause=pause)  # type: ignore[arg-type]
    assert await upkeep.refresh() == 0
    assert pauses.count(MERGE_PAUSE_SECONDS) == 6 and pauses[-6:] == [MERGE_PAUSE_SECONDS] * 6
    assert len(await store.audit.page()) == 6
    await upkeep.stop()


async def test_interactions_of_merged_records_are_those_of_the_person(store: Store, url: str) -> None:  # noqa: F811
    kept, other = await customer(store, "Kept", WANG), await customer(store, "Other", EMILY)
    for n, one in enumerate((kept, other)):
        write_interaction(url, f"i{n}", one.id, 100.0 + n)

    async def listed(of: Customer) -> list[tuple[str, str]]:
        none: dict[str, Any] = dict.fromkeys(("start", "end", "queue", "agent", "cursor"))
        page = await store.interactions.page(**none, customer_id=of.id, limit=10)
        return [(one["id"], one["customer_name_known"]) for one in page.items]

    assert await listed(other) == [("i1", "Other")]
    done = await merge(store, kept, other)
    assert await listed(other) == await listed(kept) == [("i1", "Kept"), ("i0", "Kept")]
    await undo(store, done)
    assert (await listed(kept), await listed(other)) == ([("i0", "Kept")], [("i1", "Other")])


# --- other channels, and imports -----------------------------------------------------------------------


async def test_mails_and_logins_speak_as_their_proof_allows(store: Store) -> None:  # noqa: F811
    emily = await customer(store, "Emily", emails=["Emily@Example.com"])
    claims = store.identity.claims

    async def said(**evidence: Any) -> tuple[str, list[str]]:
        match = await claims.who(Evidence(**evidence))
        people = [match.customer] if match.customer is not None else match.candidates
        return match.strength, [one["name"] for one in people]

    mail: dict[str, Any] = {"kind": "email", "value": "emily@EXAMPLE.com", "source": "mail"}
    assert await said(**mail, authenticated=True) == ("known", ["Emily"])
    assert await said(**mail) == ("maybe", ["Emily"])
    assert await said(**mail, authenticated=False) == ("unknown", [])
    assert await said(**(mail | {"source": "typed"})) == ("unknown", []), "anybody can type an address"
    login: dict[str, Any] = {"kind": "login", "value": "emily-7", "source": "site"}
    assert await said(**login) == ("unknown", [])
    await claims.confirm(emily.id, "login", "Emily-7", by="ben", at=AT)
    assert await said(**login) == ("known", ["Emily"])
    assert await said(**(login | {"source": "typed"})) == ("unknown", [])
    office = await customer(store, "Office", emails=["emily@example.com"])
    strength, names = await said(**mail, authenticated=True)
    assert (strength, set(names)) == ("candidates", {"Emily", "Office"})
    done = await merge(store, emily, office)
    assert await said(**mail, authenticated=True) == ("known", ["Emily"])
    await claims.share("email", "emily@example.com", by="sofia", at=AT)
    assert await said(**mail, authenticated=True) == ("candidates", ["Emily"])
    await undo(store, done)
    with pytest.raises(Refused):
        await said(**(mail | {"value": " "}))


async def test_an_import_meets_merged_people_and_takes_nobody_away(store: Store, url: str) -> None:  # noqa: F811
    mine = await customer(store, "Bo Li", EMILY)
    job = await taken(store, url)
    came = {one.name: one for one in (await store.customers.search("", 50, None))[0]}
    kept = await merge(store, came["Cai"], mine)
    again = await taken(store, url, (HEADER + f"Cai,{EMILY},,Carter,\n").encode())
    assert (await store.customers.get(mine.id)).organisation == "Carter", "a row with his number is that person's"
    assert (await store.customers.get(mine.id)).id == came["Cai"].id and again.state == "done"
    await step(store, url, job.id, "undoing")
    left = {one.name for one in (await store.customers.search("", 50, None))[0]}
    assert left == {"Cai"}, "who was merged stays until that is undone"
    await undo(store, kept)
    assert (await store.customers.get(mine.id)).name == "Bo Li"


async def test_sensitive_fields_are_sealed_in_what_a_merge_keeps(
    store: Store,  # noqa: F811
    url: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealed_fields._Site, "master", master_key.make(tmp_path / "master.key"))
    for code, hidden in (("passport", True), ("colour", False)):
        await store.records.fields.put(CustomField(code=code, labels={"en": code}, type="text", sensitive=hidden))
    kept = await customer(store, "A", WANG, fields={"passport": "P-one", "colour": "red"})
    other = await customer(store, "B", EMILY, fields={"passport": "P-two", "colour": "blue"})
    done = await merge(store, kept, other, take=["fields.passport", "fields.colour"])
    assert (await store.customers.get(kept.id)).fields == {"passport": "P-two", "colour": "blue"}
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        laid = connection.execute(sa.select(customer_merges.c.laid)).scalar_one()
    engine.dispose()
    assert "blue" in laid and "P-one" not in laid and "P-two" not in laid
    await undo(store, done)
    assert await store.customers.get(kept.id) == kept
    assert await store.customers.get(other.id) == other
